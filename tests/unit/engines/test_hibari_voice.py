"""What reaches the embedded voice, and how it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.engines.hibari_voice import breaths, sayable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text",
    ["", "  ", "...", "\U0001f44d\U0001f389", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u4f60\u597d\u4e16\u754c", "?!"],
)
def test_what_it_cannot_say_is_nothing(text):
    """Marks, emoji and other scripts would be grunts: silence is better."""
    assert sayable(text) == ""


@pytest.mark.parametrize(
    "text", ["Hello.", "7", "$3.50 at 9:30am", "Na\u00efve caf\u00e9", "The word \u4f60\u597d means hello."]
)
def test_what_it_can_say_is_kept(text):
    """Latin letters with accents, numbers, a foreign word in an English sentence."""
    assert sayable(text) == text


def test_instructions_do_not_reach_it():
    """Brackets would tell it how to pronounce a word."""
    assert sayable("Say [word](/wrd/) now") == "Say word (/wrd/) now"


@given(st.text())
def test_no_bracket_ever_reaches_it(text):
    """Whatever an agent writes."""
    assert not set("[]") & set(sayable(text))


@given(st.text(alphabet="ab ,."))
def test_cutting_keeps_every_word(text):
    """Pieces put together are the text; none has a run of more than 30 words without a mark."""
    pieces = list(breaths(text))
    assert " ".join(pieces).split() == text.split()


def test_endless_run_is_cut():
    """200 words without a mark are seven pieces, a sentence with marks is one."""
    assert [len(piece.split()) for piece in breaths("word " * 200)] == [30] * 6 + [20]
    assert len(list(breaths("Well, this is one sentence, and it has marks, as sentences do. " * 5))) == 1
