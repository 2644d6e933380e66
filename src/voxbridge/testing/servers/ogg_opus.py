"""Writing Opus into Ogg (RFC 3533, RFC 7845), as speech servers do for ``response_format=opus``."""

from __future__ import annotations

import functools

from voxbridge.audio.opus import Encoder
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ

_TICKS_PER_FRAME = 960  # 20 ms at 48 kHz
_PRE_SKIP_TICKS = 312  # of libopus, at 48 kHz
_SERIAL = 0x566F7842
_FRAMES_PER_PAGE = 10
_FIRST, _LAST = 0x02, 0x04
_POLYNOMIAL = 0x04C11DB7


def ogg_opus(samples: bytes, *, rate_hz: int = SPEECH_RATE_HZ) -> list[bytes]:
    """Return the pages of a file that holds mono s16le samples; joined they are the file."""
    encoder, frame_bytes = Encoder(rate_hz=rate_hz), rate_hz // 50 * 2
    ticks = len(samples) // 2 * 48_000 // rate_hz + _PRE_SKIP_TICKS
    frames = max(1, -(-ticks // _TICKS_PER_FRAME))
    padded = samples.ljust(frames * frame_bytes, b"\0")
    packets = [encoder.encode(padded[at : at + frame_bytes]) for at in range(0, frames * frame_bytes, frame_bytes)]
    head = (
        b"OpusHead" + bytes([1, 1]) + _PRE_SKIP_TICKS.to_bytes(2, "little") + rate_hz.to_bytes(4, "little") + bytes(3)
    )
    comments = b"OpusTags" + (9).to_bytes(4, "little") + b"voxbridge" + bytes(4)
    pages = [ogg_page([head], sequence=0, flags=_FIRST), ogg_page([comments], sequence=1)]
    for at in range(0, frames, _FRAMES_PER_PAGE):
        end = min(at + _FRAMES_PER_PAGE, frames)
        is_last = end == frames
        granule = ticks if is_last else end * _TICKS_PER_FRAME
        flags = _LAST if is_last else 0
        pages.append(ogg_page(packets[at:end], sequence=len(pages), granule=granule, flags=flags))
    return pages


def ogg_page(
    packets: list[bytes], *, sequence: int, granule: int = 0, flags: int = 0, serial: int = _SERIAL, opens: bool = False
) -> bytes:
    """Return one page. With ``opens`` the last packet goes on on the next page (and is a multiple of 255 long)."""
    sizes = bytearray()
    for packet in packets:
        sizes += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    if opens:
        assert sizes.pop() == 0
    start = b"OggS\0" + bytes([flags]) + granule.to_bytes(8, "little", signed=True) + serial.to_bytes(4, "little")
    start += sequence.to_bytes(4, "little")
    rest = bytes([len(sizes)]) + bytes(sizes) + b"".join(packets)
    return start + _checksum(start + bytes(4) + rest).to_bytes(4, "little") + rest


@functools.cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        value <<= 24
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        return value & 0xFFFFFFFF

    return tuple(map(entry, range(256)))


def _checksum(data: bytes) -> int:
    table, total = _table(), 0
    for byte in data:
        total = ((total << 8) & 0xFFFFFFFF) ^ table[(total >> 24) ^ byte]
    return total
