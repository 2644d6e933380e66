"""Compressed bodies: whole however they are cut, bounded however they were made."""

from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.wire.inflate import STEP_BYTES_MAX, UNPACKED_BYTES_MAX, Inflater, UnreadableError

pytestmark = pytest.mark.unit

PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def pack(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


def zlib_flushed(data: bytes) -> bytes:
    """Return a body that goes on, all of it sent: no end mark."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)


def unpack(encoding: str, pieces: list[bytes]) -> bytes:
    inflater = Inflater(encoding)
    return b"".join(plain for piece in pieces for plain in inflater.feed(piece))


@given(st.sampled_from([*PACKED.items(), ("deflate", -15), ("GZip ", 31), ("identity, gzip", 31)]), st.data())
def test_a_packed_body_is_unpacked_however_it_is_cut(kind: tuple[str, int], data: st.DataObject) -> None:
    """Gzip, deflate, and the deflate without a head that some servers send."""
    plain = data.draw(st.binary(min_size=1, max_size=2000))
    packed = pack(plain, kind[1])
    cut = data.draw(st.integers(min_value=0, max_value=len(packed)))
    assert unpack(kind[0], [packed[:cut], packed[cut:]]) == plain


@given(st.sampled_from([*PACKED, "br", "zstd", "compress", "gzip, gzip", "\ud800", ""]), st.binary(max_size=500))
def test_any_bytes_are_unpacked_or_refused(encoding: str, data: bytes) -> None:
    """Whatever comes under whatever name: bytes, or our own error."""
    with contextlib.suppress(UnreadableError):
        unpack(encoding, [data])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_unpacked_in_steps_and_not_to_its_end(encoding: str) -> None:
    """50 kB that stand for 50 MB: no step is larger than 8 KiB, and 32 MiB is the end."""
    packer = zlib.compressobj(9, wbits=PACKED[encoding])
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(50)) + packer.flush()
    assert len(bomb) < 60_000
    steps: list[int] = []
    inflater = Inflater(encoding)
    with pytest.raises(UnreadableError, match="over 32 MiB"):
        steps.extend(len(step) for step in inflater.feed(bomb))
    assert max(steps) <= STEP_BYTES_MAX
    assert sum(steps) <= UNPACKED_BYTES_MAX
    with pytest.raises(UnreadableError):
        list(inflater.feed(b"more"))


def test_a_large_plain_piece_comes_in_steps() -> None:
    """What a socket gives at once is not read at once."""
    steps = list(Inflater("").feed(bytes(100_000)))
    assert b"".join(steps) == bytes(100_000)
    assert max(map(len, steps)) == STEP_BYTES_MAX


@pytest.mark.parametrize("size", [8191, 8192, 8193, 8192 * 3, 100_000])
def test_the_last_bytes_of_a_step_are_not_left_behind(size: int) -> None:
    """What is repeated to the end of a step comes out of the last byte of the body."""
    assert unpack("gzip", [pack(b"a" * size, 31)]) == b"a" * size
    assert unpack("gzip", [zlib_flushed(b"a" * size)]) == b"a" * size


def test_what_follows_the_packed_data_is_left_out() -> None:
    """A hundred megabytes of anything behind its end are not kept and cost nothing."""
    inflater = Inflater("gzip")
    assert b"".join(inflater.feed(gzip.compress(b"Hello.") + b"rest")) == b"Hello."
    for _ in range(100):
        assert list(inflater.feed(bytes(1 << 20))) == []
