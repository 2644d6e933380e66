"""Transport encryption as the SFU does it, and the look of a DAVE frame."""

from __future__ import annotations

import davey
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.rehearsal.discord.knobs import AES_GCM, XCHACHA
from voxbridge.rehearsal.discord.rtp import RtpPacket, Seal, TransportError, is_dave_frame

pytestmark = pytest.mark.unit

KEY = bytes(range(32))


@pytest.mark.parametrize("mode", [AES_GCM, XCHACHA])
@given(
    payload=st.binary(min_size=1, max_size=300),
    with_extension=st.booleans(),
    padding_bytes=st.sampled_from([0, 1, 4, 255]),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
)
def test_sealed_packet_opens_to_itself(mode, payload, with_extension, padding_bytes, sequence, timestamp):
    """Extension and padding come and go without a trace."""
    packet = RtpPacket(7, sequence, timestamp, payload)
    datagram = Seal(mode, KEY).close(packet, with_extension=with_extension, padding_bytes=padding_bytes)
    assert Seal(mode, KEY).open(datagram) == packet
    assert bool(datagram[0] & 0x10) is with_extension
    assert bool(datagram[0] & 0x20) is bool(padding_bytes)


@pytest.mark.parametrize("mode", [AES_GCM, XCHACHA])
def test_damaged_packet_is_a_transport_error(mode):
    """No byte can change unseen but in the version bits, which are looked at first."""
    datagram = Seal(mode, KEY).close(RtpPacket(7, 1, 1, b"\x78hello"), with_extension=True)
    for at in range(len(datagram)):
        with pytest.raises(TransportError):
            Seal(mode, KEY).open(datagram[:at] + bytes([datagram[at] ^ 0x40]) + datagram[at + 1 :])


@given(st.binary(min_size=12, max_size=100))
def test_any_datagram_is_opened_or_refused(datagram):
    """Nothing but a TransportError comes out of junk."""
    with pytest.raises(TransportError):
        Seal(XCHACHA, KEY).open(datagram)


def test_nonce_never_repeats():
    """Each datagram has a nonce of its own, counted up."""
    seal = Seal(XCHACHA, KEY)
    datagrams = [seal.close(RtpPacket(7, 1, 1, b"x"), with_extension=False) for _ in range(3)]
    assert [int.from_bytes(d[-4:], "big") for d in datagrams] == [1, 2, 3]


@given(st.binary(max_size=200))
def test_random_bytes_are_rarely_a_dave_frame_and_never_an_error(payload):
    """Bytes without the marker are none."""
    assert is_dave_frame(payload) is False or payload.endswith(b"\xfa\xfa")


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xf8\xff\xfe", b"\x78hello\xfa\xfa", bytes(10) + b"\x0b\xfa\xfa", bytes(10) + b"\xff\xfa\xfa"],
)
def test_bare_opus_is_no_dave_frame(payload):
    """Silence, and payloads that only end like one, are none."""
    assert not is_dave_frame(payload)


@pytest.mark.parametrize("nonce", ["01", "7f", "8001", "ffffff7f"])
def test_frame_of_the_documented_form_is_one(nonce):
    """Ciphertext, tag, ULEB128 nonce of any length, size, marker."""
    tail = bytes(8) + bytes.fromhex(nonce)
    assert is_dave_frame(b"ciphertext" + tail + bytes([len(tail) + 3]) + b"\xfa\xfa")
    assert davey.DAVE_PROTOCOL_VERSION == 1
