"""Calls of tools as they come in pieces, and names that no two tools share."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxbridge.core.agents.tools import ARGUMENTS_CHARS_MAX, CALLS_MAX, NAME_CHARS_MAX, CalledTools, tool_names

pytestmark = pytest.mark.unit


def piece(arguments: object = "", *, index: int | None = 0, call_id: str | None = None, name: str | None = None):
    function = {"arguments": arguments, **({} if name is None else {"name": name})}
    return {
        **({} if index is None else {"index": index}),
        **({} if call_id is None else {"id": call_id}),
        "function": function,
    }


def calls(*messages: list[object]) -> list[tuple[str, str, object]]:
    called = CalledTools()
    for message in messages:
        called.take(message)
    return [(call.call_id, call.name, call.arguments) for call in called.calls()]


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20)), st.data())
def test_arguments_come_together_however_they_are_cut(arguments: dict[str, object], data: st.DataObject) -> None:
    """Two calls at once, their pieces shuffled into each other."""
    text = json.dumps(arguments)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    messages = [[piece(index=0, call_id="a", name="one"), piece(index=1, call_id="b", name="two")]]
    messages += [[piece(each, index=0), piece(each, index=1)] for each in pieces]
    assert calls(*messages) == [("a", "one", arguments), ("b", "two", arguments)]


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        ([[piece({"a": 1}, index=None, name="f")]], [("call_1", "f", {"a": 1})]),
        (
            [[piece({"a": 1}, index=None, name="f"), piece({"b": 2}, index=None, name="g")]],
            [("call_1", "f", {"a": 1}), ("call_2", "g", {"b": 2})],
        ),
        (
            [[piece('{"a":', index=None, call_id="x", name="f")], [piece("1}", index=None)]],
            [("x", "f", {"a": 1})],
        ),
        (
            [[piece("{}", call_id="x", name="f")], [piece("{}", call_id="y", name="g")]],
            [("x", "f", {}), ("y", "g", {})],
        ),
        ([[piece("", call_id="x", name="f")]], [("x", "f", {})]),
        ([[piece("[1]", call_id="x", name="f")]], [("x", "f", None)]),
        ([[piece('{"a":', call_id="x", name="f")]], [("x", "f", None)]),
        ([[piece("{}", call_id="x")]], []),
        (["no list", [None, 1, {"function": 2}, {}]], []),
    ],
)
def test_calls_are_read_as_servers_write_them(messages: list, wanted: list) -> None:
    """Whole and in pieces, with and without an index, a new call under an old index; what is no call is none."""
    assert calls(*messages) == wanted


def test_neither_calls_nor_arguments_are_endless() -> None:
    """A model that has gone astray fills no memory, and is told that its arguments are broken."""
    called = CalledTools()
    for number in range(10 * CALLS_MAX):
        called.take([piece("{}", index=number, call_id=str(number), name="f")])
    assert len(called.calls()) == CALLS_MAX
    called = CalledTools()
    called.take([piece('{"a": "', call_id="x", name="f")])
    for _ in range(10):
        called.take([piece("y" * ARGUMENTS_CHARS_MAX)])
    (call,) = called.calls()
    assert len(call.arguments_text) == ARGUMENTS_CHARS_MAX
    assert call.arguments is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["index", "id", "function", "name", "arguments"]), inner, max_size=5)
        ),
    )
)
def test_any_json_is_taken(value: object) -> None:
    """Whatever a server sends in its place."""
    called = CalledTools()
    called.take(value)
    called.take([value])
    for call in called.calls():
        assert call.name
        assert call.call_id


def test_no_two_tools_have_one_name() -> None:
    """Across servers, in long names, and where letters that no model takes are left out."""
    tools = [("a", "b_c"), ("a_b", "c"), ("a", "b.c"), ("a", "b c"), ("x", "y" * 200), ("x", "y" * 300), ("é", "ü")]
    named = tool_names(tools)
    assert list(named.values()) == tools
    assert all(0 < len(name) <= NAME_CHARS_MAX and name.replace("_", "").isalnum() for name in named)
    assert list(named)[:3] == ["a_b_c", "a_b_c_2", "a_b_c_3"]
