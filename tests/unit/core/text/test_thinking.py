"""Thoughts are taken out of the answer, however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.agents.answer_reader import AnswerReader, Delta, Ended
from voxbridge.core.text.thinking import ThinkingFilter

pytestmark = pytest.mark.unit


def said(*pieces: str) -> str:
    thinking = ThinkingFilter()
    return "".join([*(thinking.feed(piece) for piece in pieces), thinking.end()])


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("<think>Hm.</think>Hello.", "Hello."),
        ("<think>\nHm.\n</think>\n\nHello.", "\n\nHello."),
        ("<THINK>Hm.</Think>Hello.", "Hello."),
        ("<thinking>a</thinking>b<reasoning>c</reasoning>d", "bd"),
        ("<think>a<think>b</think>c", "c"),
        ("<think>never ends", ""),
        ("<think></think>Hello.", "Hello."),
        ("a < b and <b>bold</b>", "a < b and <b>bold</b>"),
        ("ends with <thi", "ends with <thi"),
        ("İ<think>İİ</think>x", "İx"),
    ],
)
def test_thoughts_are_not_said(text, spoken):
    """Whole or letter by letter."""
    assert said(text) == spoken
    assert said(*text) == spoken


def test_text_without_thoughts_is_not_held():
    """Only what may be the beginning of a tag waits."""
    thinking = ThinkingFilter()
    assert thinking.feed("Hello ") == "Hello "
    assert thinking.feed("there <t") == "there "
    assert thinking.feed("able>xy") == "<table>xy"


@given(
    parts=st.lists(
        st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "Hello ", "</", "<thought>", "</thought>"])
    ),
    cuts=st.lists(st.integers(1, 4)),
)
def test_any_cut_gives_the_same(parts, cuts):
    """What is said does not depend on how the text came."""
    text = "".join(parts)
    pieces, at = [], 0
    for size in cuts:
        pieces.append(text[at : at + size])
        at += size
    assert said(*pieces, text[at:]) == said(text)


def test_thoughts_are_not_said_whatever_they_came_through():
    """n8n's lines, plain text, one JSON value: the reader of all kinds has the filter."""
    line = '{"type":"%s","content":"%s","metadata":{"nodeId":"1","nodeName":"A"}}\n'
    bodies = [
        line % ("item", "<thi") + line % ("item", "nk>Hm.") + line % ("item", "</think>Hello.") + line % ("end", ""),
        "<think>Hm.</think>Hello.",
        '{"output":"<think>Hm.</think>\\n\\nHello."}',
    ]
    for body in bodies:
        reader = AnswerReader()
        events = [*reader.feed(body.encode()), *reader.end()]
        assert "".join(event.text for event in events if isinstance(event, Delta)) == "Hello.", body
        assert events[-1] == Ended("ok")
