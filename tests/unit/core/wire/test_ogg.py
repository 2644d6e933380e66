"""Ogg pages, however they are cut."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.wire.ogg import OggError, OggReader, OpusHead
from voxbridge.testing.servers.ogg_opus import ogg_page

pytestmark = pytest.mark.unit


def read(pieces: list[bytes]) -> list[bytes]:
    reader = OggReader()
    return [packet for piece in pieces for packet in reader.feed(piece)]


@given(
    pages=st.lists(st.lists(st.binary(max_size=600), max_size=4), max_size=4),
    at=st.lists(st.integers(0, 5000), max_size=9),
)
def test_any_cut_gives_the_same_packets(pages, at):
    """Packets of any length, empty ones and multiples of 255 included, come back whole and in order."""
    data = b"".join(ogg_page(packets, sequence=number) for number, packets in enumerate(pages))
    assert read(cut(data, at)) == [packet for packets in pages for packet in packets]


@given(data=st.binary(max_size=80))
def test_any_bytes_are_refused_or_waited_for(data):
    """Nothing but OggError is raised."""
    with suppress(OggError):
        assert read([data]) == []


def test_packet_over_two_pages():
    """A packet goes on where the next page says so; another stream in between is passed over."""
    long = bytes(range(255)) * 2
    data = ogg_page([b"a", long], sequence=0, opens=True, granule=5) + ogg_page([b"other"], sequence=0, serial=7)
    reader = OggReader()
    assert reader.feed(data) == [b"a"]
    assert reader.granule == 5
    assert reader.feed(ogg_page([b"end", b"b"], sequence=1, flags=0x01 | 0x04, granule=9)) == [long + b"end", b"b"]
    assert (reader.granule, reader.has_ended) == (9, True)
    assert reader.feed(ogg_page([b"c"], sequence=2, granule=-1)) == [b"c"]
    assert reader.granule == 9


def test_rest_of_a_packet_that_never_began():
    """The page that was missed takes its packet with it, and no other."""
    assert read([ogg_page([b"rest", b"whole"], sequence=4, flags=0x01)]) == [b"whole"]


def test_opus_head():
    """Channels and pre-skip; another codec's first packet is none."""
    packet = b"OpusHead" + bytes([1, 2, 0x38, 0x01]) + bytes(7)
    assert OpusHead.of(packet) == OpusHead(channels=2, pre_skip=312)
    assert OpusHead.of(b"\x01vorbis" + bytes(23)) is None
    assert OpusHead.of(packet[:18]) is None


def test_packet_without_end():
    """A packet that never ends is not kept in memory."""
    reader = OggReader()
    reader.feed(ogg_page([bytes(255 * 200)], sequence=0, opens=True))
    endless = b"".join(ogg_page([bytes(255 * 200)], sequence=n, flags=0x01, opens=True) for n in range(1, 50))
    with pytest.raises(OggError, match="longer than"):
        reader.feed(endless)
