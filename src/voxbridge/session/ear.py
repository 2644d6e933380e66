"""The ear of one speaker: packets in, utterances out. Synchronous; owns no task and no clock.

packet -> jitter buffer -> Opus decoder (16 kHz mono) -> VAD (32 ms frames) -> endpointer
                                         |
                                         +-> the same sound, for the speech-to-text line

A speaker's packets are decoded here and nowhere else. What did not come is made up for both: from the forward error
correction of the packet that follows, where it has it, else by the decoder's own concealment.
"""

from __future__ import annotations

from typing import Protocol, assert_never

import attrs

from voxbridge.audio.opus import Decoder, OpusError
from voxbridge.core.sound.jitter import Frame, Gap, JitterBuffer, Lost, StreamReset
from voxbridge.core.sound.opus_length import TICKS_PER_MS, TICKS_PER_S
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, SILENCE_OPUS, HeardSound, OpusPacket
from voxbridge.core.sound.recent import RecentSound
from voxbridge.core.turns.completeness import Completeness
from voxbridge.core.turns.endpointing import Endpointer, EndpointEvent
from voxbridge.session.counters import SessionCounters

VAD_FRAME_SAMPLES = 512
VAD_FRAME_S = VAD_FRAME_SAMPLES / HEARING_RATE_HZ
_TURN_MODEL_S = 8  # how far back the turn model looks
# A pause within an utterance is at most a hesitant commit long; more than that is another utterance.
_FILL_TICKS_MAX = 1500 * TICKS_PER_MS
# Concealment dies away; what is beyond that is silence, but for the end of which the next packet may know.
_CONCEAL_TICKS_MAX = 100 * TICKS_PER_MS
_CONCEAL_STEP_TICKS = 20 * TICKS_PER_MS
_OPUS_GRAIN_TICKS = 120  # libopus conceals in multiples of 2.5 ms
_TICKS_PER_SAMPLE = TICKS_PER_S // HEARING_RATE_HZ


class VoiceDetector(Protocol):
    """Tells voice from noise: 16 kHz mono s16le in, one probability per 512 samples out."""

    def feed(self, pcm: bytes) -> list[float]: ...

    def reset(self) -> None: ...


@attrs.frozen
class Heard:
    """A piece of sound in playout order, whatever became of its packet, for the speech-to-text line."""

    sound: HeardSound


EarEvent = Heard | EndpointEvent


class Ear:
    """Turns one speaker's packets into ``Heard`` sound and endpointing events, in order."""

    def __init__(
        self, endpointer: Endpointer, detector: VoiceDetector, counters: SessionCounters | None = None
    ) -> None:
        self._jitter = JitterBuffer()
        self._endpointer = endpointer
        self._detector = detector
        self._decoder = Decoder()
        self._vad_pending = 0  # samples given to the detector that do not fill a frame yet
        self._recent = RecentSound(_TURN_MODEL_S)
        self._has_begun = False
        self._now = 0.0
        self._counters = counters or SessionCounters()

    @property
    def is_speaking(self) -> bool:
        """Tell whether an utterance is open."""
        return self._endpointer.is_speaking

    @property
    def voiced_s(self) -> float:
        """Return how much of the open utterance is voice; 0 if there is none."""
        return self._endpointer.voiced_s

    @property
    def speech_end(self) -> float | None:
        """Return the end of the last voiced frame of the open utterance."""
        return self._endpointer.speech_end

    @property
    def jitter(self) -> JitterBuffer:
        """The jitter buffer, for its counters."""
        return self._jitter

    def recent_pcm(self) -> bytes:
        """Return the last 8 s of sound, 16 kHz mono s16le, as the turn model wants it."""
        return self._recent.pcm()

    def push(self, packet: OpusPacket) -> None:
        """Take a packet as it arrived; what it means comes out of ``pull``."""
        self._jitter.push(packet)

    def await_verdicts(self) -> None:
        """Note that the last guess is being judged."""
        self._endpointer.await_verdicts()

    def on_completion(self, probability: float | None) -> None:
        """Take the turn model's verdict on the last guess, if it has one."""
        self._endpointer.on_completion(probability)

    def on_words(self, words: Completeness | None) -> None:
        """Take what the words up to the last guess say, if they are known."""
        self._endpointer.on_words(words)

    def on_unheard(self, seconds: float) -> None:
        """Take that for so long nobody looked at what came, of whomever: that is no pause."""
        self._endpointer.on_unheard(seconds)

    def next_due(self) -> float | None:
        """Return when ``pull`` has something to decide if no packet comes before, or None if never."""
        # While packets wait behind a hole the speaker is known to be sending: the clock proves no silence then.
        endpointing = None if self._jitter.is_waiting else self._endpointer.next_due()
        due = [at for at in (self._jitter.next_due(), endpointing) if at is not None]
        return min(due, default=None)

    def pull(self, now: float) -> list[EarEvent]:
        """Return what is new at ``now``, in order. A time before that of the last call counts as the same."""
        now = self._now = max(self._now, now)
        events: list[EarEvent] = []
        for item in self._jitter.pull(now):
            match item:
                case Frame(packet):
                    events += self._frame(packet, now)
                case Lost(ticks, following):
                    events += self._lost(ticks, following, now)
                case Gap(ticks):
                    events += self._gap(ticks)
                case StreamReset():
                    self._decoder = Decoder()
                    self._forget_frames()
                case _:
                    assert_never(item)
        if not self._jitter.is_waiting:
            events += self._endpointer.on_clock(now)
        return events

    def cut_off(self, now: float) -> list[EarEvent]:
        """Start anew, since the voice connection broke; an open utterance ends here, with all that has come of it."""
        self._jitter.restart()
        events = self.pull(now)  # what waited behind a hole, and the reset
        self._recent.clear()
        self._has_begun = False
        return [*events, *self._endpointer.cut_off(now)]

    def _forget_frames(self) -> None:
        self._detector.reset()
        self._vad_pending = 0

    def _frame(self, packet: OpusPacket, now: float) -> list[EarEvent]:
        try:
            pcm = self._decoder.decode(packet.opus)
        except OpusError:
            self._counters.undecodable_packets += 1
            return self._lost(packet.ticks, None, now)
        self._has_begun = True
        self._endpointer.on_packet(signs_off=packet.opus == SILENCE_OPUS)
        return self._voice(HeardSound(pcm, packet.opus), now)

    def _lost(self, ticks: int, following: OpusPacket | None, now: float) -> list[EarEvent]:
        """Stand in for sound that was sent and did not come. What it was nobody knows, so it is no silence."""
        self._counters.concealed_frames += max(1, round(ticks / _CONCEAL_STEP_TICKS))
        self._endpointer.on_unheard(ticks / TICKS_PER_S)
        ticks = min(ticks, _FILL_TICKS_MAX)
        ticks = max(_OPUS_GRAIN_TICKS, ticks // _OPUS_GRAIN_TICKS * _OPUS_GRAIN_TICKS)
        # A packet's error correction covers one frame of its own length, of what lies right before it.
        corrected = 0 if following is None else min(ticks, max(_CONCEAL_STEP_TICKS, following.ticks))
        concealed = min(ticks - corrected, _CONCEAL_TICKS_MAX)
        events: list[EarEvent] = []
        for at in range(0, concealed, _CONCEAL_STEP_TICKS):
            events += self._voice(self._conceal(min(concealed - at, _CONCEAL_STEP_TICKS), None), now)
        if silent := ticks - corrected - concealed:
            events.append(self._unjudged(HeardSound(_silence(silent))))  # to the VAD it would be a pause
        if corrected:
            events += self._voice(self._conceal(corrected, following), now)
        return events

    def _conceal(self, ticks: int, following: OpusPacket | None) -> HeardSound:
        samples = ticks // _TICKS_PER_SAMPLE
        try:
            return HeardSound(self._decoder.conceal(None if following is None else following.opus, samples=samples))
        except OpusError:
            return HeardSound(_silence(ticks))

    def _gap(self, ticks: int) -> list[EarEvent]:
        """Take a pause in sending: the endpointer has counted it by the clock; the line must be told."""
        self._forget_frames()
        heard = self._unjudged(HeardSound(_silence(min(ticks, _FILL_TICKS_MAX))))
        return [heard] if self._endpointer.is_speaking and self._has_begun else []

    def _unjudged(self, sound: HeardSound) -> Heard:
        """Pass on what the VAD is not to judge."""
        self._recent.add(sound)
        return Heard(sound)

    def _voice(self, sound: HeardSound, now: float) -> list[EarEvent]:
        """Pass on sound, and what the VAD says to it."""
        events: list[EarEvent] = [self._unjudged(sound)]
        self._vad_pending += len(sound.pcm) // 2
        for probability in self._detector.feed(sound.pcm):
            self._vad_pending -= VAD_FRAME_SAMPLES
            # The sound beyond this frame's end came with the same packet: the frame ended that much earlier.
            ended_at = now - self._vad_pending / HEARING_RATE_HZ
            events += self._endpointer.on_frame(probability, VAD_FRAME_S, ended_at, now)
        return events


def _silence(ticks: int) -> bytes:
    return bytes(2 * (ticks // _TICKS_PER_SAMPLE))
