"""RTP: what is sealed as Discord seals it opens again, and nothing a peer sends raises."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from voxbridge.core.ids import UserId
from voxbridge.core.wire.rtp import (
    DaveHealth,
    NotAudio,
    RtpPacket,
    SsrcMap,
    build_header,
    classify,
    open_packet,
    trial_order,
)

pytestmark = pytest.mark.unit

KEY = bytes(range(32))
ADA, BOB, EVE = UserId(1), UserId(2), UserId(3)


def opener(ciphertext: bytes, additional: bytes, nonce: bytes) -> bytes:
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, additional, nonce + bytes(20), KEY)
    except CryptoError as exc:
        raise ValueError("not authentic") from exc


def seal(
    payload: bytes,
    *,
    sequence: int = 7,
    timestamp: int = 960,
    ssrc: int = 42,
    extension: bytes | None = None,
    padding: int = 0,
    csrcs: int = 0,
    marker: bool = False,
    payload_type: int = 0x78,
    counter: int = 0,
) -> bytes:
    """Seal by the layout in the module's docstring, written out independently of ``build_header``."""
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extension is not None else 0) | csrcs
    clear = struct.pack(">BBHII", first, payload_type | (0x80 if marker else 0), sequence, timestamp, ssrc)
    clear += bytes(4 * csrcs)
    body = payload
    if extension is not None:
        clear += b"\xbe\xde" + struct.pack(">H", len(extension) // 4)
        body = extension + body
    if padding:
        body += bytes(padding - 1) + bytes([padding])
    nonce = struct.pack(">I", counter)
    return clear + crypto_aead_xchacha20poly1305_ietf_encrypt(body, clear, nonce + bytes(20), KEY) + nonce


@given(
    payload=st.binary(max_size=200),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    ssrc=st.integers(0, 0xFFFF_FFFF),
    words=st.none() | st.integers(0, 8),
    padding=st.integers(0, 255),
    csrcs=st.integers(0, 15),
    counter=st.integers(0, 0xFFFF_FFFF),
)
def test_open_packet_gives_back_what_was_sealed(payload, sequence, timestamp, ssrc, words, padding, csrcs, counter):
    """Any mixture of extension, padding and CSRCs leaves exactly the payload."""
    datagram = seal(
        payload,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        extension=None if words is None else b"\x10\x7f\x00\x00" * words,
        padding=padding,
        csrcs=csrcs,
        counter=counter,
    )
    assert open_packet(datagram, opener) == RtpPacket(ssrc, sequence, timestamp, payload)


@given(st.binary(max_size=300))
def test_open_packet_never_raises_for_noise(datagram):
    """Whatever arrives is a verdict, not an exception."""
    assert isinstance(open_packet(datagram, opener), NotAudio)


@given(st.binary(min_size=1, max_size=80), st.integers(0, 200), st.integers(1, 255))
def test_open_packet_refuses_a_changed_bit(payload, position, flip):
    """The header is authenticated too: no changed byte gives a packet."""
    datagram = bytearray(seal(payload))
    datagram[position % len(datagram)] ^= flip
    assert isinstance(open_packet(bytes(datagram), opener), NotAudio)


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.integers(0, 0xFFFF_FFFF))
def test_build_header_wraps(sequence, timestamp, ssrc):
    """Sequence is a u16, timestamp a u32; both wrap as RFC 3550 has it."""
    header = build_header(sequence, timestamp, ssrc)
    assert header == struct.pack(">BBHII", 0x80, 0x78, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc)


@pytest.mark.parametrize(
    ("datagram", "verdict"),
    [
        (struct.pack("<II", 5, 0), NotAudio.KEEPALIVE),
        (b"\x00\x02\x00\x46" + bytes(70), NotAudio.IP_DISCOVERY),
        (b"", NotAudio.SHORT),
        (b"\x80\x78" + bytes(29), NotAudio.SHORT),
        (b"\x40\x78" + bytes(60), NotAudio.SHORT),
        (b"\x80\xc8" + bytes(60), NotAudio.RTCP),
        (b"\x80\xc9" + bytes(60), NotAudio.RTCP),
        (b"\x80\x67" + bytes(60), NotAudio.OTHER_PAYLOAD),
        (b"\x80\x78" + bytes(60), None),
        (b"\x80\xf8" + bytes(60), None),
    ],
)
def test_classify_tells_sound_from_the_rest(datagram, verdict):
    """Keepalive, discovery, RTCP and video are set aside by their clear bytes; the marker bit changes nothing."""
    assert classify(datagram) is verdict


def test_open_packet_with_a_marker_is_sound():
    """The top bit of byte 1 is the marker, not the payload type."""
    assert open_packet(seal(b"abc", marker=True), opener) == RtpPacket(42, 7, 960, b"abc")


def test_open_packet_with_padding_that_exceeds_it_is_malformed():
    """Padding of nought, or longer than the payload, is the peer's fault and no packet."""
    honest = seal(b"abc", padding=4)
    nonce = struct.pack(">I", 1)
    for body in (b"", b"abc\x00", b"abc\x09"):
        datagram = honest[:12] + crypto_aead_xchacha20poly1305_ietf_encrypt(body, honest[:12], nonce + bytes(20), KEY)
        assert open_packet(datagram + nonce, opener) is NotAudio.MALFORMED, body


def test_open_packet_with_an_extension_that_exceeds_it_is_malformed():
    """More extension words than bytes."""
    clear = struct.pack(">BBHII", 0x90, 0x78, 1, 2, 3) + b"\xbe\xde\x00\x09"
    nonce = bytes(4)
    datagram = clear + crypto_aead_xchacha20poly1305_ietf_encrypt(b"abc", clear, bytes(24), KEY) + nonce
    assert open_packet(datagram, opener) is NotAudio.MALFORMED


def packet(ssrc: int, sequence: int = 0) -> RtpPacket:
    return RtpPacket(ssrc, sequence, sequence * 960, b"x")


def test_ssrc_map_hands_over_what_waited_in_order():
    """Packets that came before their owner's name are given out once, oldest first."""
    ssrcs = SsrcMap()
    for number in range(5):
        ssrcs.hold(packet(9, number), number * 0.02)
    held = ssrcs.assign(9, ADA, 0.1)
    assert [h.packet.sequence for h in held] == [0, 1, 2, 3, 4]
    assert [h.arrived_at for h in held] == [0.0, 0.02, 0.04, 0.06, 0.08]
    assert ssrcs.assign(9, ADA, 0.2) == []
    assert ssrcs.owner(9) == ADA


def test_ssrc_map_forgets_what_is_too_old_or_too_much():
    """A second, and fifty packets: what exceeds either is counted as expired."""
    ssrcs = SsrcMap()
    for number in range(60):
        ssrcs.hold(packet(9, number), 10.0)
    assert ssrcs.expired == 10
    assert [h.packet.sequence for h in ssrcs.assign(9, ADA, 11.0)] == list(range(10, 60))
    ssrcs.hold(packet(8, 1), 20.0)
    assert ssrcs.assign(8, BOB, 21.001) == []
    assert ssrcs.expired == 11


def test_ssrc_map_is_bounded_in_streams():
    """Somebody who sprays stream numbers can't fill the memory."""
    ssrcs = SsrcMap()
    for ssrc in range(1000):
        ssrcs.hold(packet(ssrc), 0.0)
    assert ssrcs.expired == 1000 - SsrcMap.HOLD_STREAMS
    assert ssrcs.assign(0, ADA, 0.0) == []
    assert len(ssrcs.assign(999, ADA, 0.0)) == 1


def test_ssrc_map_believes_the_newest_word():
    """A user's new stream replaces his old one, and a stream may change hands."""
    ssrcs = SsrcMap()
    ssrcs.assign(1, ADA, 0.0)
    ssrcs.assign(2, ADA, 0.0)
    assert (ssrcs.owner(1), ssrcs.owner(2)) == (None, ADA)
    ssrcs.assign(2, BOB, 0.0)
    assert ssrcs.owner(2) == BOB
    assert ssrcs.owners == {BOB}
    ssrcs.drop_user(BOB)
    assert ssrcs.owner(2) is None


def one_of(values):
    return st.sampled_from(values)


@given(
    st.lists(
        st.tuples(st.just("assign"), st.integers(1, 4), one_of([ADA, BOB, EVE]))
        | st.tuples(st.just("hold"), st.integers(1, 4), st.just(ADA))
        | st.tuples(st.just("drop"), st.just(0), one_of([ADA, BOB, EVE])),
        max_size=60,
    )
)
def test_ssrc_map_never_gives_one_user_two_streams_nor_a_packet_twice(steps):
    """Whatever the order of words and packets: one stream per user, each packet out at most once, none invented."""
    ssrcs, given_out, held = SsrcMap(), [], 0
    for number, (what, ssrc, user) in enumerate(steps):
        now = number * 0.01
        if what == "assign":
            given_out += ssrcs.assign(ssrc, user, now)
        elif what == "drop":
            ssrcs.drop_user(user)
        elif ssrcs.owner(ssrc) is None:
            ssrcs.hold(packet(ssrc, number), now)
            held += 1
        owned = [ssrcs.owner(ssrc) for ssrc in range(1, 5)]
        assert len([o for o in owned if o is not None]) == len({o for o in owned if o is not None})
    sequences = [h.packet.sequence for h in given_out]
    assert len(sequences) == len(set(sequences))
    assert len(sequences) + ssrcs.expired <= held


def test_trial_order_begins_with_those_without_a_stream():
    """Never ourselves, and the likely ones first."""
    assert trial_order([ADA, BOB, EVE], frozenset({ADA}), EVE) == [BOB, ADA]


def failures(health: DaveHealth, user: UserId, at: float, count: int = DaveHealth.FAILURES) -> list[str]:
    """Let so many frames of one member fail at once; return the advice."""
    return [advice for _ in range(count) if (advice := health.failed(user, at)) is not None]


def test_dave_health_dozens_of_failures_in_a_row_heal():
    """One fewer and a success are nothing; so many in a row of one speaker ask for fresh keys."""
    health = DaveHealth()
    health.saw_epoch(1, 0.0)
    assert failures(health, ADA, 5.0, DaveHealth.FAILURES - 1) == []
    health.succeeded(ADA)
    assert failures(health, ADA, 5.1, DaveHealth.FAILURES - 1) == []
    assert failures(health, ADA, 5.2, 1) == ["heal"]


def test_dave_health_what_others_are_heard_by_is_proof():
    """One member's frames do not open and another's do, with the same keys: ours are right, whatever he sends."""
    health = DaveHealth()
    health.saw_epoch(1, 0.0)
    health.succeeded(BOB)
    assert failures(health, ADA, 5.0, 10_000) == []
    health.saw_epoch(2, 10.0)
    assert failures(health, ADA, 15.0) == ["heal"], "these keys are not proven yet"
    health.succeeded(BOB)
    health.forget(BOB)
    assert failures(health, ADA, 20.0) == ["rejoin"], "who has left proves nothing"


def test_dave_health_after_a_change_of_keys_waits():
    """Within the time that a change may take failures are normal; a new epoch forgets the ones before."""
    health = DaveHealth()
    health.saw_epoch(1, 10.0)
    assert failures(health, ADA, 11.9, 1000) == []
    assert failures(health, ADA, 12.0, DaveHealth.FAILURES - 1) == []
    health.saw_epoch(2, 12.0)
    assert failures(health, ADA, 14.0) == ["heal"]


def test_dave_health_a_relapse_rejoins():
    """Healing did not help within ten seconds: join anew. Later it is a new illness."""
    health = DaveHealth()
    assert failures(health, ADA, 100.0) == ["heal"]
    assert failures(health, ADA, 101.9) == [], "while the keys are made anew nothing is concluded"
    assert failures(health, ADA, 105.0) == ["rejoin"]
    assert failures(health, ADA, 120.0) == ["heal"]


@pytest.mark.parametrize("csrcs", [0, 1, 15])
def test_datagram_without_room_for_its_seal_is_short(csrcs: int) -> None:
    """What is too short for its own header, the tag and the nonce is not even tried to be opened."""
    whole = seal(b"", csrcs=csrcs)
    assert isinstance(open_packet(whole, opener), RtpPacket)

    def never(_ciphertext: bytes, _additional: bytes, _nonce: bytes) -> bytes:
        pytest.fail("it was tried")

    for missing in range(1, len(whole) - 12):
        assert open_packet(whole[:-missing], never) is NotAudio.SHORT, f"without its last {missing} bytes"
