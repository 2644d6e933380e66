"""Types and constants for sound that every layer shares."""

from __future__ import annotations

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.sound.opus_length import packet_ticks

FRAME_MS = 20
FRAME_S = 0.02
RTP_TICKS_PER_FRAME = 960  # of those that we send
SPEECH_RATE_HZ = 24_000  # what we encode: Chatterbox's and hibari's own rate, so nothing is resampled
SPEECH_FRAME_SAMPLES = SPEECH_RATE_HZ * FRAME_MS // 1000
SPEECH_FRAME_BYTES = SPEECH_FRAME_SAMPLES * 2
HEARING_RATE_HZ = 16_000  # what we decode: the rate of the VAD and of every speech model
HEARING_FRAME_SAMPLES = HEARING_RATE_HZ * FRAME_MS // 1000
SILENCE_OPUS = b"\xf8\xff\xfe"  # Discord's silence frame; passes DAVE unencrypted


@attrs.frozen
class Pcm:
    """A piece of sound: s16le samples, interleaved when ``channels`` > 1."""

    data: bytes
    rate_hz: int
    channels: int = 1

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return len(self.data) / (2 * self.channels * self.rate_hz)


@attrs.frozen
class HeardSound:
    """A piece of one speaker's sound in playout order: 16 kHz mono s16le, of any length.

    ``opus`` is the packet that it was decoded from; None where there was none, so that it is concealment or silence.
    """

    pcm: bytes
    opus: bytes | None = None

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return len(self.pcm) / (2 * HEARING_RATE_HZ)


@attrs.frozen
class OpusPacket:
    """One Opus packet of one speaker, of any length, decrypted, as it came off the wire.

    ``sequence`` is the RTP u16, ``timestamp`` the RTP u32 in 48 kHz ticks, ``arrived_at`` Trio time in seconds.
    """

    user_id: UserId
    sequence: int
    timestamp: int
    opus: bytes
    arrived_at: float

    @property
    def ticks(self) -> int:
        """Return its length in RTP ticks; nonsense stands for 20 ms."""
        return packet_ticks(self.opus) or RTP_TICKS_PER_FRAME
