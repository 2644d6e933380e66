"""JSON lines, however the bytes are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.wire.json_text import JsonLine, Malformed
from voxbridge.core.wire.ndjson import NdjsonReader

pytestmark = pytest.mark.unit

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def read(pieces: list[bytes], **options) -> list[JsonLine | Malformed]:
    reader = NdjsonReader(**options)
    found = [line for piece in pieces for line in reader.feed(piece)]
    return found + reader.end()


@given(values=st.lists(VALUES, max_size=6), at=st.lists(st.integers(0, 500), max_size=12), newline=st.booleans())
def test_reader_any_cut_gives_the_same_lines(values, at, newline):
    """Bytes cut anywhere, inside a letter too, give the values that went in; the last newline may be missing."""
    data = b"\n".join(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") for value in values)
    data += b"\n" if newline else b""
    expected = read([data])
    assert read(cut(data, at)) == expected
    assert len(expected) == len(values), f"{len(values)} lines went in, {len(expected)} came out"


@given(data=st.binary(max_size=80), at=st.lists(st.integers(0, 80), max_size=8))
def test_reader_any_bytes_never_raise(data, at):
    """A peer may send anything; the reader answers with values, the same for each way of cutting."""
    assert read(cut(data, at), line_bytes_max=16) == read([data], line_bytes_max=16)


def test_reader_separators_inside_strings_do_not_end_a_line():
    """Only LF ends a line: U+2028 and CR may stand in a string or before the LF."""
    assert read(['"a\u2028b"\r\n"c"'.encode()]) == [JsonLine("a\u2028b"), JsonLine("c")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1}\nno\n{"b":2}\n', "not JSON"),
        (b'{"a":1}\n"\xff"\n', "not UTF-8"),
        (b'{"a":1}\n' + b"[" * 9999, "nested"),
    ],
)
def test_reader_bad_line_ends_the_stream(data, reason):
    """What came before a bad line counts, nothing after it does, and the reason quotes nothing of it."""
    found = read([data])
    assert found[0] == JsonLine({"a": 1})
    assert isinstance(found[1], Malformed)
    assert reason in found[1].reason
    assert len(found) == 2


def test_reader_line_over_the_limit_is_refused_before_it_ends():
    """A line without end is given up at its limit, not kept for ever."""
    reader = NdjsonReader(line_bytes_max=8)
    assert reader.feed(b"12345678") == []
    assert isinstance(reader.feed(b"9")[0], Malformed)
    assert reader.feed(b"\n1\n") == []
    assert reader.end() == []


@pytest.mark.parametrize("before", [[], [b"1\n"], [b"[1", b"]\n"]])
def test_reader_takes_a_line_that_is_just_as_long_as_may_be(before):
    """The limit holds for each line by itself, however many came before it and in whatever pieces."""
    for line, is_whole in ((b'"' + b"x" * 18 + b'"', True), (b'"' + b"x" * 19 + b'"', False)):
        found = read([*before, line[:9], line[9:], b"\n"], line_bytes_max=20)
        assert isinstance(found[-1], JsonLine) is is_whole, f"{len(line)} bytes after {before}: {found}"
