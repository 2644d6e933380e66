"""A long text in messages of Discord's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.chat.pieces import MESSAGE_CHARS, cut, split_message

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "head", "rest"),
    [
        ("twelve chars", "twelve chars", ""),
        ("two words here", "two words", "here"),
        ("a line\nand words", "a line\nand", "words"),
        ("onewordthatislong", "onewordthati", "slong"),
        ("a bcdefghijklmnop", "a", "bcdefghijklmnop"),
        (" bcdefghijklmnop", " bcdefghijkl", "mnop"),
    ],
)
def test_a_text_is_cut_between_words_and_in_one_only_if_it_must_be(text, head, rest):
    """At the last gap that fits; a word that is longer than all there is room for is cut itself."""
    assert cut(text, 12) == (head, rest)


@given(st.text(alphabet="ab \n", max_size=9000))
def test_nothing_is_lost_and_no_message_is_too_long(text):
    """All letters are there in their order, each message fits, and none is empty."""
    pieces = split_message(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= MESSAGE_CHARS for piece in pieces)
