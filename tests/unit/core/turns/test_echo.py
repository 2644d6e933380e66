"""Our own words that come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.echo import EchoBook, without_echo

pytestmark = pytest.mark.unit

SAID = "The weather in Boston is fine today, with a light wind from the west."


@pytest.mark.parametrize(
    ("heard", "own"),
    [
        ("The weather in Boston is fine today, with a light wind from the west.", ""),
        ("weather in Boston is find today", ""),
        ("in Boston is fine today with the light wind", ""),
        ("the weather in Boston no I meant Austin", "no I meant Austin"),
        ("The weather in Boston was lime today, with a light wind", ""),
        ("The weather in Boston is fine but hardly ever dry today, with a light wind", "but hardly ever dry"),
        ("Stop. The weather in Boston is fine", "Stop."),
        ("what about the wind", "what about the wind"),
        ("is it fine today", "is it fine today"),
        ("yes", "yes"),
        ("Boston", "Boston"),
        ("", ""),
    ],
)
def test_what_is_left_are_the_own_words(heard: str, own: str) -> None:
    """Runs of three words and more in the same order are ours; one or two prove nothing."""
    assert without_echo(heard, SAID) == own


@given(st.text(max_size=200), st.text(max_size=200))
def test_nothing_is_made_up(heard: str, said: str) -> None:
    """Every word that is left was heard."""
    assert set(without_echo(heard, said).split()) <= set(heard.split())


def test_the_room_is_told_once() -> None:
    """Of the second echo, and never again."""
    book = EchoBook()
    assert [book.heard() for _ in range(4)] == [False, True, False, False]
    assert book.is_echoing
