"""Marked Opus packets stay legal packets with the same sound."""

from __future__ import annotations

import pytest

from voxbridge.audio.opus import Decoder, encode_speech, packet_duration_s
from voxbridge.core.sound.pcm import SILENCE_OPUS
from voxbridge.rehearsal.marked import mark, marks_of, read_mark

pytestmark = pytest.mark.unit

SOUND = encode_speech(b"".join((n % 80 * 200).to_bytes(2, "little", signed=True) for n in range(4800)))


def test_a_mark_changes_no_sample():
    """A packet with a mark sounds as it did, to the sample, and the mark can be read."""
    plain, marked = Decoder(), Decoder()
    for number, packet in enumerate(SOUND):
        carrier = mark(packet, f"word{number}")
        assert packet_duration_s(carrier) == packet_duration_s(packet) == 0.02
        assert marked.decode(carrier) == plain.decode(packet)
        assert read_mark(carrier) == f"word{number}"


def test_what_carries_no_mark():
    """A packet without a mark has none, whatever its bytes."""
    assert [read_mark(packet) for packet in (*SOUND[:2], SILENCE_OPUS, b"", b"\xff")] == [None] * 5
    assert marks_of([SOUND[0], mark(SOUND[1], "a"), SILENCE_OPUS, mark(SOUND[2], "b")]) == "a b"


@pytest.mark.parametrize(("packet", "text"), [(b"", "a"), (b"\xff\x03", "a"), (SOUND[0], ""), (SOUND[0], "x" * 255)])
def test_what_cannot_be_marked(packet, text):
    """A packet or a text that cannot be marked is refused."""
    with pytest.raises(ValueError, match=r"mark"):
        mark(packet, text)
