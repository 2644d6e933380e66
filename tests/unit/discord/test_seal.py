"""Sealing: what leaves opens again, the counter never repeats, the clock wraps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.wire.rtp import NotAudio, RtpPacket, open_packet
from voxbridge.discord.seal import RtpStream, TransportKey

pytestmark = pytest.mark.unit

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF))
def test_sealed_opens_with_the_same_key_only(payload, sequence, timestamp, ssrc):
    """Round trip through the core's opener; another key gives nothing."""
    stream = RtpStream(sequence, timestamp)
    datagram = TransportKey(KEY).seal(stream.header(ssrc), payload)
    assert open_packet(datagram, TransportKey(KEY).open) == RtpPacket(ssrc, sequence, timestamp, payload)
    assert open_packet(datagram, TransportKey(bytes(32)).open) is NotAudio.UNAUTHENTIC


def test_the_nonce_counts_up_and_is_spent_at_last():
    """Big-endian, one more each time; after the last one the key may not be used."""
    key = TransportKey(KEY)
    assert [key.seal(bytes(12), b"x")[-4:] for _ in range(3)] == [bytes([0, 0, 0, n]) for n in range(3)]
    key._nonce = 0xFFFF_FFFF
    assert not key.is_spent
    key.seal(bytes(12), b"x")
    assert key.is_spent


def test_the_stream_wraps():
    """The sequence is continuous over pauses and wraps at 2**16, the timestamp counts them and wraps at 2**32."""
    stream = RtpStream(0xFFFF, 0xFFFF_FFFF)
    assert stream.header(1) == stream.header(1), "nothing has left yet"
    stream.sent()
    assert (stream.sequence, stream.timestamp) == (0, 959)
    stream.skip(10)
    assert (stream.sequence, stream.timestamp) == (0, 959 + 9600)
