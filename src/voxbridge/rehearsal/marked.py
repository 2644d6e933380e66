"""Opus packets that carry a mark, so that a test can prove which of them arrived, once, and in what order.

The mark travels in the packet's padding (RFC 6716, section 3.2.5), which decoders skip: a marked packet is a legal
Opus packet with the same sound.
"""

from __future__ import annotations

from collections.abc import Iterable

MARK_BYTES_MAX = 254  # a longer padding needs more length bytes, which nobody here wants
_CODE_3 = 3
_HAS_PADDING = 0x40
_ONE_FRAME = 1


def mark(opus: bytes, text: str) -> bytes:
    """Return a packet with a mark in its padding. Raises: ValueError (not a plain packet, or too long a mark)."""
    padding = text.encode()
    if not opus or opus[0] & 3:
        raise ValueError("only a packet of one frame (code 0) can be marked")
    if not 0 < len(padding) <= MARK_BYTES_MAX:
        raise ValueError(f"a mark has 1 to {MARK_BYTES_MAX} bytes")
    return bytes([opus[0] | _CODE_3, _HAS_PADDING | _ONE_FRAME, len(padding)]) + opus[1:] + padding


def read_mark(packet: bytes) -> str | None:
    """Return the mark of a packet made by ``mark``; None for any other packet."""
    if len(packet) < 3 or packet[0] & 3 != _CODE_3 or packet[1] != (_HAS_PADDING | _ONE_FRAME):
        return None
    return packet[-packet[2] :].decode() if packet[2] else None


def marks_of(packets: Iterable[bytes]) -> str:
    """Return the marks of packets, in order, as one text: a transcript that names what was heard."""
    return " ".join(found for packet in packets if (found := read_mark(packet)) is not None)
