"""A browser's sound and a member's packets, both ways."""

from __future__ import annotations

from voxbridge.audio.opus import Decoder, Encoder, OpusError
from voxbridge.audio.resample import Resampler
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SILENCE_OPUS, SPEECH_FRAME_BYTES, SPEECH_RATE_HZ
from voxbridge.rehearsal.discord import Member
from voxbridge.rehearsal.discord.hearing import Heard
from voxbridge.rehearsal.talk.gate import Gate

_OPUS_HZ = 48_000


class Microphone:
    """Live sound of any rate, cut into frames, gated, and sent by a member at the pace at which it comes."""

    def __init__(self, member: Member, rate_hz: int) -> None:
        self._member = member
        self._resampler = Resampler(rate_hz, SPEECH_RATE_HZ)
        self._encoder = Encoder()
        self._gate = Gate()
        self._pending = b""
        self._is_announced = False

    def feed(self, pcm: bytes) -> None:
        """Take mono s16le samples, and send the frames that they complete."""
        self._pending += self._resampler.feed(pcm[: len(pcm) // 2 * 2])
        while len(self._pending) >= SPEECH_FRAME_BYTES:
            frame, self._pending = self._pending[:SPEECH_FRAME_BYTES], self._pending[SPEECH_FRAME_BYTES:]
            self._send(self._gate.feed(frame))

    def _send(self, frames: list[bytes | None]) -> None:
        if self._gate.is_open and not self._is_announced:
            self._member.begin_speaking()
            self._is_announced = True
        for frame in frames:
            self._member.send_frame(SILENCE_OPUS if frame is None else self._encoder.encode(frame))
        if not frames:
            self.close()

    def close(self) -> None:
        """Fall silent."""
        if self._is_announced:
            self._is_announced = False
            self._member.end_speaking()


class Loudspeaker:
    """What one member hears of another, as samples in the order of arrival: mono s16le at ``rate_hz``."""

    def __init__(self, of: UserId, rate_hz: int) -> None:
        self._of = of
        self._decoder = Decoder(rate_hz=_OPUS_HZ)
        self._resampler = Resampler(_OPUS_HZ, rate_hz)

    def feed(self, heard: Heard) -> bytes:
        """Return the samples of a packet; none for somebody else's, for silence and for what is no Opus."""
        if heard.user_id != self._of or heard.opus is None or heard.opus == SILENCE_OPUS:
            return b""
        try:
            return self._resampler.feed(self._decoder.decode(heard.opus))
        except OpusError:
            return b""
