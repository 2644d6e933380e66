"""Ogg as a stream of packets (RFC 3533), and the head of Opus in it (RFC 7845).

    page: OggS | version | flags | granule position (8) | serial (4) | sequence (4) | CRC (4) | n | n sizes | bodies

A size of 255 means that the packet goes on in the next segment, or on the next page.
"""

from __future__ import annotations

import attrs

_PAGE_HEAD_BYTES = 27
_PACKET_BYTES_MAX = 1 << 20  # comments may hold a cover picture; a packet of sound has 60 kB at most
_OPUS_HEAD = b"OpusHead"
_CONTINUED = 0x01


class OggError(ValueError):
    """The bytes are no Ogg. The text quotes nothing of them."""


@attrs.frozen
class OpusHead:
    """What the first packet of an Opus stream says. ``pre_skip`` in samples at 48 kHz."""

    channels: int
    pre_skip: int

    @classmethod
    def of(cls, packet: bytes) -> OpusHead | None:
        """Read the packet, or return None if it is another codec's."""
        if len(packet) < 19 or not packet.startswith(_OPUS_HEAD):
            return None
        return cls(channels=packet[9], pre_skip=int.from_bytes(packet[10:12], "little"))


class OggReader:
    """Takes bytes cut anywhere, gives whole packets of the first logical stream; others are passed over.

    The checksum is not compared: TCP did that, and a wrong packet is refused by its decoder.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._packet = bytearray()
        self._serial: bytes | None = None
        self._is_inside = False  # a packet goes on over the page's end
        self.granule = 0
        """Position at the end of the last page: for Opus the samples at 48 kHz, those to be skipped included."""
        self.has_ended = False
        """The page that is marked as the last has come."""

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; return the packets they completed. Raises: OggError."""
        self._buffer += data
        packets: list[bytes] = []
        while (page := self._next_page()) is not None:
            packets += self._unpack(*page)
        return packets

    def _next_page(self) -> tuple[bytes, bytes, bytes] | None:
        """Take one page off the buffer: its head, its sizes, its bodies."""
        if not b"OggS".startswith(bytes(self._buffer[:4])):
            raise OggError("an Ogg page does not begin where it should")
        if len(self._buffer) < _PAGE_HEAD_BYTES:
            return None
        head_bytes = _PAGE_HEAD_BYTES + self._buffer[26]
        if len(self._buffer) < head_bytes:
            return None
        sizes = bytes(self._buffer[_PAGE_HEAD_BYTES:head_bytes])
        end = head_bytes + sum(sizes)
        if len(self._buffer) < end:
            return None
        page = bytes(self._buffer[:_PAGE_HEAD_BYTES]), sizes, bytes(self._buffer[head_bytes:end])
        del self._buffer[:end]
        return page

    def _unpack(self, head: bytes, sizes: bytes, bodies: bytes) -> list[bytes]:
        serial = head[14:18]
        self._serial = self._serial or serial
        if serial != self._serial:
            return []
        granule = int.from_bytes(head[6:14], "little", signed=True)
        self.granule = granule if granule >= 0 else self.granule  # -1: no packet ends on this page
        self.has_ended = self.has_ended or bool(head[5] & 0x04)
        if not head[5] & _CONTINUED:
            self._packet.clear()
        is_lost = bool(head[5] & _CONTINUED) and not self._is_inside  # the rest of a packet that we never saw begin
        packets, at = [], 0
        for size in sizes:
            self._packet += bodies[at : at + size]
            at += size
            if len(self._packet) > _PACKET_BYTES_MAX:
                raise OggError(f"a packet is longer than {_PACKET_BYTES_MAX} bytes")
            if size < 255:
                if not is_lost:
                    packets.append(bytes(self._packet))
                is_lost = False
                self._packet.clear()
        self._is_inside = bool(sizes) and sizes[-1] == 255
        return packets
