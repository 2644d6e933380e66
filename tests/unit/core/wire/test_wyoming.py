"""Wyoming events, however the bytes are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.wire.json_text import Malformed
from voxbridge.core.wire.wyoming import (
    LINE_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    AudioFormat,
    WyomingEvent,
    WyomingReader,
    encode_event,
)

pytestmark = pytest.mark.unit

EVENTS = st.builds(
    WyomingEvent,
    st.sampled_from(["describe", "audio-chunk", "synthesize", "grüß dich"]),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=3),
    st.binary(max_size=40),
)


def read(pieces: list[bytes]) -> list[WyomingEvent | Malformed]:
    reader = WyomingReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    rest = reader.end()
    return found if rest is None else [*found, rest]


@given(events=st.lists(EVENTS, max_size=5), at=st.lists(st.integers(0, 900), max_size=12))
def test_any_cut_gives_the_same_events(events, at):
    """What was encoded comes back whole, in order, payloads with newlines in them included."""
    data = b"".join(map(encode_event, events))
    assert read(cut(data, at)) == events


@given(data=st.binary(max_size=80), at=st.lists(st.integers(0, 80), max_size=8))
def test_any_bytes_never_raise(data, at):
    """A peer may send anything; the reader's answer does not depend on the cutting, and its text quotes nothing."""
    found = read(cut(data, at))
    assert found == read([data])
    assert sum(isinstance(event, Malformed) for event in found) <= 1


def test_bytes_as_seen_on_the_wire():
    """An audio chunk of wyoming-faster-whisper's protocol, byte by byte."""
    data = b'{"rate": 22050, "width": 2, "channels": 1}'
    wire = b'{"type": "audio-chunk", "version": "1.8.0", "data_length": 42, "payload_length": 4}\n' + data + b"\0\1\n\3"
    event = WyomingEvent("audio-chunk", {"rate": 22050, "width": 2, "channels": 1}, b"\0\1\n\3")
    assert read([wire]) == [event]
    assert encode_event(event) == wire
    assert AudioFormat.of(event) == AudioFormat(22050, 2, 1)
    assert AudioFormat(22050, 2, 1).data == event.data


def test_data_in_the_line_and_behind_it():
    """Older peers put the data into the line; the second part wins; null lengths are none."""
    more = b'{"b": 2}'
    line = json.dumps({"type": "x", "data": {"a": 1, "b": 1}, "data_length": len(more), "payload_length": None})
    assert read([line.encode() + b"\n" + more, b'\n{"type":"y","data":{"c":3}}\r\n']) == [
        WyomingEvent("x", {"a": 1, "b": 2}),
        WyomingEvent("y", {"c": 3}),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not JSON"),
        (b'{"type": "\xff"}\n', "not UTF-8"),
        (b'["type"]\n', "no event"),
        (b'{"type": 3}\n', "no event"),
        (b'{"type": "x", "data_length": -1}\n', "impossible length"),
        (b'{"type": "x", "data_length": true}\n', "impossible length"),
        (b'{"type": "x", "payload_length": "12"}\n', "impossible length"),
        (b'{"type": "x", "payload_length": %d}\n' % (PAYLOAD_BYTES_MAX + 1), "impossible length"),
        (b'{"type": "x", "data_length": 2}\n[]', "no object"),
        (b'{"type": "x", "data_length": 2}\n{]', "not JSON"),
        (b"a" * (LINE_BYTES_MAX + 1), "longer than"),
        (b'{"type": "x", "payload_length": 3}\nab', "in the middle"),
        (b'{"type":', "in the middle"),
    ],
)
def test_broken_streams(data, reason):
    """Each fault is named without a word of the content, and what follows it is not read."""
    first = encode_event(WyomingEvent("before"))
    found = read([first + data, encode_event(WyomingEvent("after"))] if reason != "in the middle" else [first + data])
    assert found[0] == WyomingEvent("before")
    assert isinstance(found[1], Malformed)
    assert reason in found[1].reason
    assert len(found) == 2


def test_an_event_hides_what_it_carries():
    """Texts and sounds are speech: they are not in the repr that a log line may hold."""
    shown = repr(WyomingEvent("synthesize", {"text": "swordfish"}, b"swordfish"))
    assert "swordfish" not in shown
    assert WyomingEvent("x", {"text": "a"}).text("text") == "a"
    assert WyomingEvent("x", {"text": 3}).text("text") == ""
