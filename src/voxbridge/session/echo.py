"""Whether a speaker's microphone returns what we have just said: by its sound while it is heard, by its words after.

    mouth --frames, sentences--> SentSound            what has left in the last seconds, of one room
    ear   --sound, words-------> EchoEar (a speaker)  how much of it is ours

What is ours neither interrupts nor is answered; what somebody says over it is what is left.
"""

from __future__ import annotations

from collections import deque

import attrs
import numpy as np

from voxbridge.audio.echo import RATE_HZ, Floats, heard_samples, likeness, may_be_echo, sent_samples
from voxbridge.core.sound.pcm import FRAME_S, HEARING_RATE_HZ
from voxbridge.core.turns.echo import EchoBook, without_echo

# From a loudspeaker through an open microphone and back: 80 to 400 ms, with the jitter buffers of both ends.
DELAY_MAX_S = 0.6
# What is as like as this is next to nothing else: see the figures in audio/echo.py.
_ECHO_MIN = 0.85
_WINDOW_S, _HOP_S = 0.4, 0.2
_SOUND_KEPT_S = 3.0
_TEXT_KEPT_S = 30.0
_FAINT = 50.0  # -56 dBFS: a pause of both
_WINDOW_BYTES, _HOP_BYTES = round(_WINDOW_S * HEARING_RATE_HZ) * 2, round(_HOP_S * HEARING_RATE_HZ) * 2
# The first trace of a voice is judged by so much, which must be louder than -45 dBFS.
_TRACE_S, _TRACE_FAINT = 0.1, 184.0
_TRACE_BYTES = round(_TRACE_S * HEARING_RATE_HZ) * 2
# Of an utterance that is an echo so much is known to be one: its first window is not judged, nor is its end.
_SHARE_MIN = 0.6


@attrs.define
class _Said:
    """A sentence, and when the last frame of it left."""

    text: str
    last_at: float


class SentSound:
    """What a mouth has sent lately. ``frame`` is called with each frame that has left."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, bytes]] = deque(maxlen=round(_SOUND_KEPT_S / FRAME_S))
        self._texts: deque[_Said] = deque()
        self._last_at = self._filler_at = -1e9

    def frame(self, at: float, pcm: bytes, text: str) -> None:
        """Note 20 ms (24 kHz mono s16le) that left at ``at``, and the sentence that they are of."""
        self._frames.append((at, pcm))
        if not self._texts or self._texts[-1].text != text or at - self._last_at > 1.0:
            self._texts.append(_Said(text, at))
        self._texts[-1].last_at = self._last_at = at
        while at - self._texts[0].last_at > _TEXT_KEPT_S:
            self._texts.popleft()

    def filler(self, at: float, pcm: bytes, text: str) -> None:
        """Note 20 ms of a word that fills a wait."""
        self.frame(at, pcm, text)
        self._filler_at = at

    def filled_within(self, now: float, seconds: float) -> bool:
        """Tell whether any of such a word has left in the last seconds."""
        return now - self._filler_at <= seconds

    def sounded_within(self, now: float, seconds: float) -> bool:
        """Tell whether anything has left in the last seconds."""
        return now - self._last_at <= seconds

    def said_since(self, at: float) -> str:
        """Return the sentences of which something has left since then."""
        return " ".join(said.text for said in self._texts if said.last_at >= at)

    def between(self, begin: float, end: float) -> Floats:
        """Return the sound that left in this time, to be compared; silence where nothing did."""
        samples = np.zeros(max(0, round((end - begin) * RATE_HZ)), np.float32)
        place: float | None = None
        for at, pcm in self._frames:
            frame = sent_samples(pcm) if begin - FRAME_S <= at < end else None
            # a frame that left a little late is heard behind the one before all the same
            place = at if place is None or abs(at - place) > 2 * FRAME_S else place
            if frame is not None:
                first = round((place - begin) * RATE_HZ)
                part = frame[max(0, -first) : max(0, len(samples) - first)]
                samples[max(0, first) : max(0, first) + len(part)] = part
            place += FRAME_S
        return samples


class EchoEar:
    """Tells for one speaker, utterance by utterance, how much of it is our own voice."""

    def __init__(self, sent: SentSound) -> None:
        self._sent = sent
        self.book = EchoBook()
        self._began_at = 0.0
        self._heard = b""
        self._echo_s = 0.0
        self._own_s = 0.0
        self._own_began_at: float | None = None
        self._is_over_filler = False

    def begin(self, at: float) -> None:
        """Note that an utterance began."""
        self._began_at, self._heard, self._echo_s, self._own_s = at, b"", 0.0, 0.0
        self._own_began_at = None
        self._is_over_filler = self._sent.filled_within(at, DELAY_MAX_S)

    def hear(self, pcm: bytes, now: float) -> None:
        """Take the next piece of the utterance (16 kHz mono s16le), which has come by ``now``."""
        if not self._sent.sounded_within(now, DELAY_MAX_S + _WINDOW_S):
            self._heard = b""
            return
        self._heard += pcm
        while len(self._heard) >= _WINDOW_BYTES:
            window = self._heard[:_WINDOW_BYTES]
            until = now - (len(self._heard) - _WINDOW_BYTES) / 2 / HEARING_RATE_HZ
            self._judge(heard_samples(window), until)
            self._heard = self._heard[_HOP_BYTES:]

    def _judge(self, heard: Floats, until: float) -> None:
        if float(np.square(heard).mean()) < _FAINT**2:
            return
        sent = self._sent.between(until - _WINDOW_S - DELAY_MAX_S, until)
        if likeness(heard, sent) >= _ECHO_MIN:
            self._echo_s += _WINDOW_S if not self._echo_s else _HOP_S
        else:
            self._own_s += _HOP_S
            if self._own_began_at is None:
                self._own_began_at = until - _WINDOW_S

    @property
    def has_echo(self) -> bool:
        """Tell whether any of the utterance was found to be ours."""
        return self._echo_s > 0

    def began_at(self, now: float) -> float:
        """Return when the speaker's own voice began: later than the utterance, if that began as an echo."""
        if self._echo_s <= 0:
            return self._began_at
        return now if self._own_began_at is None else self._own_began_at

    def own_s(self, voiced_s: float) -> float:
        """Return how much of an utterance's voice is the speaker's own, as far as is known.

        Of a speaker who is known to echo only what was found to be no echo counts, while we speak. So it does over a
        word that fills a wait: there is no answer yet that could be lowered while it is found out, and a question that
        is taken back for an echo would be lost.
        """
        own_s = max(0.0, voiced_s - self._echo_s)
        is_doubted = self.book.is_echoing or self._is_over_filler
        return min(own_s, self._own_s) if is_doubted and self._is_judged else own_s

    @property
    def _is_judged(self) -> bool:
        return bool(self._heard) or self._echo_s > 0 or self._own_s > 0

    def is_hushed(self, now: float) -> bool:
        """Tell whether an onset means nothing now: this speaker echoes, and we speak."""
        return self.book.is_echoing and self._sent.sounded_within(now, DELAY_MAX_S) and self._own_s <= 0

    def is_own_trace(self, pcm: bytes, now: float) -> bool:
        """Tell whether a first trace of a voice, the end of ``pcm`` (16 kHz mono s16le), is loud enough for one, and
        not what we have just said.
        """
        if self.is_hushed(now):
            return False
        heard = heard_samples(pcm[-_TRACE_BYTES:])
        if float(np.square(heard[-len(heard) // 2 :]).mean()) < _TRACE_FAINT**2:
            return False
        return not may_be_echo(heard, self._sent.between(now - _TRACE_S - DELAY_MAX_S, now))

    def own_words(self, words: str, began_at: float, voiced_s: float = 0.0) -> str:
        """Return what of an utterance's words is the speaker's own.

        ``voiced_s``: so much of it was voice by now; it is ours up to here if the words are.
        """
        if self.is_echo(voiced_s):
            return ""  # a server may hear our voice as other words
        said = self._sent.said_since(began_at - DELAY_MAX_S)
        own = without_echo(words, said) if said else words
        if words.strip() and not own:
            self._echo_s = max(self._echo_s, voiced_s)
        return own

    def is_echo(self, voiced_s: float) -> bool:
        """Tell whether an utterance that is over was next to nothing but an echo, by its sound."""
        return self._echo_s > 0 and self._echo_s >= _SHARE_MIN * voiced_s and self._own_s <= _HOP_S
