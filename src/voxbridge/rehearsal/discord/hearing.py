"""What a member heard: packets, and the sound in them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from voxbridge.audio.opus import Decoder, OpusError
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import Pcm

_RTP_HZ = 48_000
_WRAP = 1 << 32
_LONGEST_GAP_S = 600.0  # more is no pause but a client that has set its clock anew


@attrs.frozen
class Heard:
    """One packet that reached a member. ``opus`` is None when it could not be decrypted.

    ``encrypted`` is decided from the bytes; ``arrived_at`` is CLOCK_MONOTONIC in seconds.
    """

    user_id: UserId
    sequence: int
    timestamp: int
    opus: bytes | None
    encrypted: bool
    arrived_at: float
    ssrc: int = 0


def _in_order(heard: Iterable[Heard]) -> list[tuple[int, Heard]]:
    """Return the packets of one stream by RTP time, unwrapped and counted from the first, each once."""
    placed: dict[int, Heard] = {}
    base: int | None = None
    latest = 0
    for packet in heard:
        if base is None:
            base = packet.timestamp
        step = (packet.timestamp - base - latest + _WRAP // 2) % _WRAP - _WRAP // 2
        latest += step
        placed.setdefault(latest, packet)
    return sorted(placed.items(), key=lambda item: item[0])


def sound_of(heard: Iterable[Heard], *, rate_hz: int) -> Pcm:
    """Decode what one person said: mono, gaps by RTP timestamp filled with silence.

    A new stream (another SSRC, after a rejoin) follows the one before without a gap.
    """
    sound = bytearray()
    streams: dict[int, list[Heard]] = {}
    for packet in heard:
        streams.setdefault(packet.ssrc, []).append(packet)
    for packets in streams.values():
        decoder, start = Decoder(rate_hz=rate_hz), len(sound)
        shift: int | None = None
        for ticks, packet in _in_order(packets):
            if packet.opus is None:
                continue
            try:
                pcm = decoder.decode(packet.opus)
            except OpusError:
                continue
            shift = ticks if shift is None else shift
            at = start + 2 * ((ticks - shift) * rate_hz // _RTP_HZ)
            gap = at - len(sound)
            if 0 < gap <= _LONGEST_GAP_S * rate_hz * 2:
                sound += bytes(gap)
            sound += pcm
    return Pcm(bytes(sound), rate_hz)
