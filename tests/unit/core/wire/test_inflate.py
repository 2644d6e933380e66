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
    """200 kB that stand for 200 MB: no step is larger than 8 KiB, and 32 MiB is the end."""
    packer = zlib.compressobj(9, wbits=PACKED[encoding])
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 210_000
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


def test_what_follows_the_packed_data_is_left_out() -> None:
    """A hundred megabytes of anything behind its end are not kept and cost nothing."""
    inflater = Inflater("gzip")
    assert b"".join(inflater.feed(gzip.compress(b"Hello.") + b"rest")) == b"Hello."
    for _ in range(100):
        assert list(inflater.feed(bytes(1 << 20))) == []
