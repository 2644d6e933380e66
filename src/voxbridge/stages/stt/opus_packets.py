"""A speaker's sound as Opus packets, for a server that takes nothing else.

A packet goes on as it came. What had none (concealment, silence), and what is longer than such a server has room for,
is encoded: johnbuck/voxbridge's server drops in silence what is longer than 20 ms.
"""

from __future__ import annotations

from voxbridge.audio.opus import Encoder
from voxbridge.core.sound.opus_length import packet_ticks
from voxbridge.core.sound.pcm import FRAME_MS, HEARING_RATE_HZ, RTP_TICKS_PER_FRAME, SILENCE_OPUS, HeardSound

_FRAME_BYTES = HEARING_RATE_HZ * FRAME_MS // 1000 * 2
_BITRATE = 32_000  # transparent for speech of 8 kHz bandwidth


class OpusPackets:
    """Makes the packets of one line. Stateful: an encoder, and what does not fill a frame yet."""

    def __init__(self) -> None:
        self._encoder: Encoder | None = None  # most lines never need one
        self._rest = b""

    def of(self, sound: HeardSound) -> list[bytes]:
        """Return the packets that a piece of sound makes."""
        if sound.opus is not None and (packet_ticks(sound.opus) or 0) <= RTP_TICKS_PER_FRAME:
            return [*self.rest(), sound.opus]
        pcm = self._rest + sound.pcm
        whole = len(pcm) // _FRAME_BYTES * _FRAME_BYTES
        self._rest = pcm[whole:]
        return [self._encoded(pcm[at : at + _FRAME_BYTES]) for at in range(0, whole, _FRAME_BYTES)]

    def rest(self) -> list[bytes]:
        """Return what is left, filled up with silence: the utterance ends, or a packet follows as it came."""
        rest, self._rest = self._rest, b""
        return [self._encoded(rest.ljust(_FRAME_BYTES, b"\0"))] if rest else []

    def _encoded(self, frame: bytes) -> bytes:
        if not any(frame):
            return SILENCE_OPUS
        if self._encoder is None:
            self._encoder = Encoder(rate_hz=HEARING_RATE_HZ, bitrate=_BITRATE)
        return self._encoder.encode(frame)
