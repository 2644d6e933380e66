"""Bodies in steps of a bounded size; what a server or a proxy compressed is unpacked, up to a bounded whole.

Deflate packs a megabyte of one letter into a kilobyte. Who unpacks a piece of a body at once lets its sender decide how
long nobody is heard and how much memory goes; so a piece is unpacked step by step (the caller lets others run between
two), and what is more than any answer of ours is no answer. A piece that came plain is given in steps as well: a socket
gives 64 KiB at once, of which a reader can make twenty thousand events.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

STEP_BYTES_MAX = 8 * 1024
"""What one step gives at most. The reader behind it may take 3 us for each byte of the worst that can come."""

UNPACKED_BYTES_MAX = 32 << 20
"""What one body unpacks to at most: five minutes of 48 kHz sound, and ten times the longest list of models."""

_GZIP_OR_ZLIB = 32 + 15  # zlib's window bits; 32: it tells the two apart by their heads
_RAW_DEFLATE = -15
_HEAD_BYTES = 2


class UnreadableError(ValueError):
    """A body is not what its Content-Encoding says, or too much of it."""


class Inflater:
    """What turns the pieces of one body into plain ones. ``encoding``: its Content-Encoding."""

    def __init__(self, encoding: str) -> None:
        names = [name for part in encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
        self._is_packed = bool(names)
        self._is_known = names in (["gzip"], ["x-gzip"], ["deflate"])
        self._is_deflate = names == ["deflate"]
        self._head = b""  # until it is seen what it is
        self._decompressor: zlib._Decompress | None = None
        self._left = UNPACKED_BYTES_MAX

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the plain bytes of a piece, step by step. What follows the end of the packed data is left out.

        Raises: UnreadableError.
        """
        if not self._is_packed:
            yield from (data[at : at + STEP_BYTES_MAX] for at in range(0, len(data), STEP_BYTES_MAX))
            return
        if not self._is_known:
            raise UnreadableError("it is compressed in a way that we did not ask for")
        if self._decompressor is None:
            data = self._head = self._head + data
            if len(data) < _HEAD_BYTES:
                return
            is_raw = self._is_deflate and not _has_head(data)
            self._decompressor = zlib.decompressobj(wbits=_RAW_DEFLATE if is_raw else _GZIP_OR_ZLIB)
        yield from self._steps(self._decompressor, data)

    def _steps(self, decompressor: zlib._Decompress, data: bytes) -> Iterator[bytes]:
        is_full = False  # what did not fit into a step may lie in the decompressor while all bytes are gone
        while (data or is_full) and not decompressor.eof:
            try:
                plain = decompressor.decompress(data, STEP_BYTES_MAX)
            except zlib.error:
                raise UnreadableError("it is not compressed as its head says") from None
            data, is_full = decompressor.unconsumed_tail, len(plain) == STEP_BYTES_MAX
            self._left -= len(plain)
            if self._left < 0:
                raise UnreadableError(f"it unpacks to over {UNPACKED_BYTES_MAX >> 20} MiB")
            if plain:
                yield plain


def _has_head(data: bytes) -> bool:
    """Tell gzip and zlib (RFC 1950 section 2.2) from the deflate without a head that some servers send as "deflate"."""
    return data.startswith(b"\x1f\x8b") or (data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0)
