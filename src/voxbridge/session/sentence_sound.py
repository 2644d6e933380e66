"""The sound of one sentence on its way into the track: any rate in, 24 kHz mono out, trimmed, as loud as the others.

piece -> resampler -> windows of 10 ms -> trim -> track
                                      -> loudness meter -> the sentence's factor
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxbridge.audio.gain import faded
from voxbridge.audio.loudness import LoudnessMeter, levels_dbfs
from voxbridge.audio.resample import Resampler, to_mono
from voxbridge.core.sound.evenness import VoiceLoudness, factor_for
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.sound.track import Track
from voxbridge.core.sound.trim import WINDOW_MS, Trim, TrimRules
from voxbridge.session.report import Trimmed
from voxbridge.session.rules import VoiceRules

_BYTES_PER_MS = SPEECH_RATE_HZ * 2 // 1000
_WINDOW_BYTES = WINDOW_MS * _BYTES_PER_MS
# A sound that begins or ends at full level (cut by its server) clicks; 5 ms of a fade take the click and no more.
_FADE_BYTES = 5 * _BYTES_PER_MS
# Of a clip that comes whole so much is looked at before its first frame leaves; the rest is while that one plays.
_FIRST_BYTES = 60 * _BYTES_PER_MS
_NO_TRIM = TrimRules(silent_dbfs=-1000.0)


def bytes_of_ms(ms: float) -> int:
    """Return how many bytes of a track so many ms are."""
    return round(ms * SPEECH_RATE_HZ / 1000) * 2


class SentenceSound:
    """Takes the sound of one sentence as it comes. ``voice`` None: it is as loud as it is meant to be."""

    def __init__(
        self,
        track: Track,
        index: int,
        on_sound: Callable[[], None],
        rules: VoiceRules,
        voice: VoiceLoudness | None = None,
    ) -> None:
        self.index = index
        self._track, self._on_sound, self._rules, self._voice = track, on_sound, rules, voice
        self._resampler: Resampler | None = None
        self._trim = Trim(TrimRules() if rules.trims else _NO_TRIM)
        self._meter = LoudnessMeter(SPEECH_RATE_HZ)
        self._rest = self._held = b""
        self._trail_ms = 0
        self._has_begun = False

    @property
    def has_come(self) -> bool:
        """Tell whether anything to be heard has come."""
        return self._track.sentences[self.index].came_bytes > 0

    @property
    def lead_ms(self) -> int:
        """Return how much silence before its first sound was left out."""
        return self._trim.lead_ms if self.has_come else 0

    @property
    def trimmed_ms(self) -> int:
        """Return how much silence was left out in all."""
        return self._trim.dropped_ms + self._trail_ms if self.has_come else 0

    def push(self, pcm: Pcm) -> None:
        """Add a piece; all pieces of a sentence have one rate."""
        if self._resampler is None:
            self._resampler = Resampler(pcm.rate_hz, SPEECH_RATE_HZ)
        data = self._resampler.feed(pcm.data if pcm.channels == 1 else to_mono(pcm.data))
        while not self._has_begun and len(data) > _FIRST_BYTES and self._is_known:
            self._add(data[:_FIRST_BYTES])
            data = data[_FIRST_BYTES:]
        self._add(data)

    @property
    def _is_known(self) -> bool:
        """Tell whether it is known how loud the first frame is to be, whatever follows."""
        return self._rules.loudness_lufs is None or self._voice is None or self._voice.lufs is not None

    def end(self, *, is_broken: bool = False) -> None:
        """End the sentence: what the resampler still holds is its last sound. ``is_broken``: there should be more."""
        if self._resampler is not None:
            self._add(self._resampler.flush(), is_last=True)
            self._resampler = None
            self._end_softly()
        if self._voice is not None:
            self._voice.learn(self._meter.lufs, self._meter.measured_s)
            self._voice = None
        kept_ms = self._trim.trail_ms - self._trail_ms
        self._track.end_sentence(self.index, bytes_of_ms(kept_ms), is_broken=is_broken)
        self._on_sound()

    def _add(self, data: bytes, *, is_last: bool = False) -> None:
        data = self._rest + data
        whole = len(data) // _WINDOW_BYTES * _WINDOW_BYTES
        self._rest = data[whole:]
        if is_last:
            whole, self._rest = len(data), b""
        passed = self._trimmed(data[:whole])
        if passed and not self._has_begun:
            self._has_begun = True
            passed = faded(passed[:_FADE_BYTES], is_in=True) + passed[_FADE_BYTES:]
        if passed:
            self._measure(passed)
            self._track.push(self.index, passed)
            self._on_sound()

    def _trimmed(self, data: bytes) -> bytes:
        passed: list[bytes] = []
        padded = data.ljust(-(-len(data) // _WINDOW_BYTES) * _WINDOW_BYTES, b"\0")
        for number, level in enumerate(levels_dbfs(padded, SPEECH_RATE_HZ)):
            window = data[number * _WINDOW_BYTES : (number + 1) * _WINDOW_BYTES]
            match self._trim.window(level):
                case "play":
                    passed += (self._held, window)
                    self._held = b""
                case "hold":
                    self._held = window
        return b"".join(passed)

    def _measure(self, pcm: bytes) -> None:
        self._meter.feed(pcm)
        if self._rules.loudness_lufs is None or self._voice is None:
            return
        expected = self._voice.expect(self._meter.lufs, self._meter.measured_s)
        factor = factor_for(expected, self._meter.peak, target_lufs=self._rules.loudness_lufs)
        self._track.set_factor(self.index, factor)

    def _end_softly(self) -> None:
        """Take back what of the trailing silence is too much; what ends in the middle of a sound is faded."""
        if surplus_ms := self._trim.surplus_ms:
            taken = self._track.take_back(self.index, bytes_of_ms(surplus_ms))
            self._trail_ms = len(taken) // _BYTES_PER_MS
        elif not self._trim.is_silent:
            end = self._track.take_back(self.index, _FADE_BYTES)
            self._track.push(self.index, faded(end, is_in=False))


def trimmed_of(sounds: Sequence[SentenceSound]) -> Trimmed:
    """Return what was left out of these, the first of which that sounded decides when the answer was heard."""
    first = next((sound for sound in sounds if sound.has_come), None)
    return Trimmed(0 if first is None else first.lead_ms, sum(sound.trimmed_ms for sound in sounds))
