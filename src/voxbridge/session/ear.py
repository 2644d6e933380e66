"""The ear of one speaker: packets in, utterances out. Synchronous; owns no task and no clock.

packet -> jitter buffer -> Opus decoder (16 kHz mono) -> VAD (32 ms frames) -> endpointer
               |
               +-> the same packets, gaps filled with silence, for the speech-to-text line
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import attrs

from voxbridge.audio.opus import Decoder, OpusError
from voxbridge.core.sound.jitter import Frame, Gap, JitterBuffer, Lost, StreamReset
from voxbridge.core.sound.pcm import FRAME_S, HEARING_FRAME_SAMPLES, HEARING_RATE_HZ, SILENCE_OPUS, OpusPacket
from voxbridge.core.turns.endpointing import Endpointer, EndpointEvent
from voxbridge.session.counters import SessionCounters

VAD_FRAME_SAMPLES = 512
VAD_FRAME_S = VAD_FRAME_SAMPLES / HEARING_RATE_HZ
_TURN_MODEL_S = 8  # how far back the turn model looks
# A pause within an utterance is at most a hesitant commit long; more than that is another utterance.
_FILL_FRAMES_MAX = 75


class VoiceDetector(Protocol):
    """Tells voice from noise: 16 kHz mono s16le in, one probability per 512 samples out."""

    def feed(self, pcm: bytes) -> list[float]: ...

    def reset(self) -> None: ...


@attrs.frozen
class Heard:
    """One packet in playout order (silence where one was missing), for the speech-to-text line."""

    packet: OpusPacket


EarEvent = Heard | EndpointEvent


class Ear:
    """Turns one speaker's packets into ``Heard`` packets and endpointing events, in order."""

    def __init__(
        self, endpointer: Endpointer, detector: VoiceDetector, counters: SessionCounters | None = None
    ) -> None:
        self._jitter = JitterBuffer()
        self._endpointer = endpointer
        self._detector = detector
        self._decoder = Decoder()
        self._vad_pending = 0  # samples given to the detector that do not fill a frame yet
        self._recent: deque[bytes] = deque(maxlen=int(_TURN_MODEL_S / FRAME_S))
        self._last: OpusPacket | None = None
        self._counters = counters or SessionCounters()

    @property
    def is_speaking(self) -> bool:
        """Tell whether an utterance is open."""
        return self._endpointer.is_speaking

    @property
    def jitter(self) -> JitterBuffer:
        """The jitter buffer, for its counters."""
        return self._jitter

    def recent_pcm(self) -> bytes:
        """Return the last 8 s of sound, 16 kHz mono s16le, as the turn model wants it."""
        return b"".join(self._recent)

    def push(self, packet: OpusPacket) -> None:
        """Take a packet as it arrived; what it means comes out of ``pull``."""
        self._jitter.push(packet)

    def on_completion(self, probability: float) -> None:
        """Take the turn model's verdict on the last guess."""
        self._endpointer.on_completion(probability)

    def next_due(self) -> float | None:
        """Return when ``pull`` has something to decide if no packet comes before, or None if never."""
        due = [at for at in (self._jitter.next_due(), self._endpointer.next_due()) if at is not None]
        return min(due, default=None)

    def pull(self, now: float) -> list[EarEvent]:
        """Return what is new at ``now``, in order."""
        events: list[EarEvent] = []
        for item in self._jitter.pull(now):
            match item:
                case Frame(packet):
                    events += self._frame(packet, now)
                case Lost(count, following):
                    for missing in range(count):
                        fec = following if missing == count - 1 else None
                        events += self._lost(fec, now)
                case Gap(frames):
                    events += self._gap(frames)
                case StreamReset():
                    self._decoder = Decoder()
                    self._forget_frames()
        events += self._endpointer.on_clock(now)
        return events

    def cut_off(self, now: float) -> list[EarEvent]:
        """Start anew, since the voice connection broke; an open utterance ends here, with all that has come of it."""
        self._jitter.restart()
        events = self.pull(now)  # what waited behind a hole, and the reset
        self._recent.clear()
        self._last = None
        return [*events, *self._endpointer.cut_off(now)]

    def _forget_frames(self) -> None:
        self._detector.reset()
        self._vad_pending = 0

    def _frame(self, packet: OpusPacket, now: float) -> list[EarEvent]:
        try:
            pcm = self._decoder.decode(packet.opus)
        except OpusError:
            self._counters.undecodable_packets += 1
            return self._lost(None, now)
        self._last = packet
        return [Heard(packet), *self._voice(pcm, now)]

    def _lost(self, following: OpusPacket | None, now: float) -> list[EarEvent]:
        """Stand in for a lost packet: concealed for the VAD, silence for the line (servers conceal nothing)."""
        self._counters.concealed_frames += 1
        try:
            pcm = self._decoder.conceal(None if following is None else following.opus)
        except OpusError:
            pcm = bytes(2 * HEARING_FRAME_SAMPLES)
        return [*self._silence(1), *self._voice(pcm, now)]

    def _gap(self, frames: int) -> list[EarEvent]:
        """Take a pause in sending: the endpointer has counted it by the clock; the line must be told."""
        self._forget_frames()
        filled = min(frames, _FILL_FRAMES_MAX)
        self._recent.extend([bytes(2 * HEARING_FRAME_SAMPLES)] * filled)
        return self._silence(filled) if self._endpointer.is_speaking else []

    def _silence(self, frames: int) -> list[EarEvent]:
        last = self._last
        return [] if last is None else [Heard(attrs.evolve(last, opus=SILENCE_OPUS))] * frames

    def _voice(self, pcm: bytes, now: float) -> list[EarEvent]:
        self._recent.append(pcm)
        self._vad_pending += len(pcm) // 2
        events: list[EarEvent] = []
        for probability in self._detector.feed(pcm):
            self._vad_pending -= VAD_FRAME_SAMPLES
            # The sound beyond this frame's end came with the same packet: the frame ended that much earlier.
            ended_at = now - self._vad_pending / HEARING_RATE_HZ
            events += self._endpointer.on_frame(probability, VAD_FRAME_S, ended_at)
        return events
