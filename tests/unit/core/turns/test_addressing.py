"""Whose answer it is, and by what name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.addressing import needs_name, said_name

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("waited_s", "must_wait", "people", "needed"),
    [
        (0.7, False, 3, False),
        (14.0, False, 2, True),
        (4.0, False, 2, True),
        (0.7, True, 2, True),
        (14.0, True, 1, False),
    ],
)
def test_a_name_is_said_where_it_could_be_anybodys_answer(
    waited_s: float, must_wait: bool, people: int, needed: bool
) -> None:
    """Late, or behind another one, among several people."""
    assert needs_name(waited_s=waited_s, must_wait=must_wait, people=people, name_after_s=4.0) is needed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ben", "Ben"),
        ("  ✨Ben✨ ", "Ben"),
        ("Ben (he/him)", "Ben"),
        ("[CLAN] Ben | AFK", "Ben"),
        ("Jean-Luc O'Neill", "Jean-Luc O'Neill"),
        ("Zoë", "Zoë"),
        ("the quick brown fox jumps", "the quick brown"),
        ("Maximiliana Wolkenstein-Rodenegg", "Maximiliana Wolkenstein-Rodenegg"),  # 32 characters
        ("Maximiliane Wolkenstein-Rodeneggs", "Maximiliane"),
        ("✨", ""),
        ("[CLAN]", "CLAN"),
        ("李雷", "李雷"),
    ],
)
def test_what_of_a_name_is_said(name: str, said: str) -> None:
    """As one would call somebody, without decoration."""
    assert said_name(name) == said


@given(st.text(max_size=300))
def test_any_name_gives_something_short(name: str) -> None:
    """A name is somebody else's text: whatever it holds, it is short and without marks."""
    assert len(said_name(name)) <= 32
    assert not set(said_name(name)) & set("<>[]()*`|:\n")
