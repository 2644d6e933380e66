"""Server-sent events, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.wire.json_text import Malformed
from voxbridge.core.wire.sse import LINES_MAX, SseEvent, SseReader

pytestmark = pytest.mark.unit

LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
PAYLOAD_LINE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=12)


def read(pieces: list[bytes], **options) -> list[SseEvent | Malformed]:
    reader = SseReader(**options)
    found = [event for piece in pieces for event in reader.feed(piece)]
    return found + reader.end()


@given(
    events=st.lists(st.lists(PAYLOAD_LINE, min_size=1, max_size=3), max_size=4),
    end=LINE_ENDS,
    at=st.lists(st.integers(0, 300), max_size=12),
)
def test_reader_any_cut_and_any_line_end_give_the_events_that_went_in(events, end, at):
    """Payload lines survive, whichever line end is used and wherever the bytes are cut (between CR and LF too)."""
    data = "".join("".join(f"data: {line}{end}" for line in lines) + end for lines in events).encode()
    assert read(cut(data, at)) == [SseEvent("", "\n".join(lines)) for lines in events]


@given(data=st.binary(max_size=80), at=st.lists(st.integers(0, 80), max_size=8))
def test_reader_any_bytes_never_raise(data, at):
    """A peer may send anything; each way of cutting it gives the same."""
    assert read(cut(data, at), event_bytes_max=24) == read([data], event_bytes_max=24)


def test_reader_byte_by_byte():
    """CR LF is one line end, and CR LF LF are two, also when each byte comes by itself."""
    body = b"data: a\r\n\ndata: b\r\rdata: c\n\n\n\n\ndata: d\r\n\r\n"
    assert read([bytes([byte]) for byte in body]) == [SseEvent("", letter) for letter in "abcd"]


def test_reader_fields():
    """One space belongs to the colon, comments and unknown fields are skipped, a name lasts for one event."""
    body = b"\xef\xbb\xbf: hello\nevent: token\nid: 7\nretry: 10\ndata:  two\ndata\nother: x\n\n"
    body += b"data:one\n\nevent: none\n\n"
    assert read([body]) == [SseEvent("token", " two\n"), SseEvent("", "one")]


def test_reader_last_event_without_blank_line_counts():
    """A hand-made body that lacks its last blank line loses nothing."""
    assert read([b"data: a\n\ndata: b"]) == [SseEvent("", "a"), SseEvent("", "b")]


def test_reader_event_over_the_limit_is_refused():
    """Neither one endless line nor endless lines of one event are kept."""
    assert isinstance(read([b"data: 123456789"], event_bytes_max=8)[0], Malformed)
    many = read([b"data: 1\n" * 9, b"\n"], event_bytes_max=30)
    assert [type(event) for event in many] == [Malformed]


@pytest.mark.parametrize("before", [[], [b"data: first\n\n"], [b"data: fi", b"rst\n\n"]])
def test_reader_takes_an_event_that_is_just_as_long_as_may_be(before):
    """The limit holds for each event by itself, however many came before it and in whatever pieces."""
    fits, too_long = b"data: " + b"x" * 14, b"data: " + b"x" * 15
    for line, is_whole in ((fits, True), (too_long, False)):
        found = read([*before, line[:9], line[9:], b"\n\n"], event_bytes_max=20)
        assert isinstance(found[-1], SseEvent) is is_whole, f"{len(line)} bytes after {before}: {found}"


def test_reader_that_had_too_much_gives_nothing_more():
    """After too many lines the stream is told as malformed once, and whatever follows is dropped."""
    reader = SseReader()
    found = reader.feed(b": a comment\n" * (LINES_MAX + 1))
    assert [type(each) for each in found] == [Malformed]
    assert reader.feed(b"data: more\n\n") == []
