"""When a wait is long, by plain numbers."""

from __future__ import annotations

import math

import pytest

from voxbridge.core.turns.waits import Waits

pytestmark = pytest.mark.unit


def test_a_wait_is_long_after_so_much_silence() -> None:
    """Counted from the decision, or from the last that was heard; never while nobody waits, and never if it is off."""
    waits = Waits()
    assert waits.due(2.0) == math.inf
    waits.begin("a", 10.0, "en")
    assert waits.due(2.0) == 12.0
    waits.heard(11.5)
    assert waits.due(2.0) == 13.5
    assert waits.due(None) == math.inf
    waits.end("a")
    assert waits.due(2.0) == math.inf
    waits.end("a")


def test_the_longest_wait_counts() -> None:
    """Two wait: the earlier one's time has come first, and when it is answered the other's counts."""
    waits = Waits()
    waits.begin("a", 10.0, "en")
    waits.begin("b", 10.5, "de")
    assert waits.due(2.0) == 12.0
    waits.end("a")
    assert waits.due(2.0) == 12.5


def test_what_is_not_decided_is_no_wait() -> None:
    """Who may still be speaking waits for nothing."""
    waits = Waits()
    waits.begin("a", math.inf, "en")
    assert waits.is_empty
    waits.decided("a", 3.0)
    waits.decided("b", 1.0)
    assert waits.due(2.0) == 5.0


def test_a_turn_has_one_filler() -> None:
    """In the language of who has waited longest; the next one is the next turn's."""
    waits = Waits()
    assert waits.take_filler() is None
    waits.begin("a", 10.0, "en")
    waits.begin("b", 11.0, "de")
    assert [waits.take_filler(), waits.take_filler()] == ["en", None]
    waits.end("a")
    assert [waits.take_filler(), waits.take_filler()] == ["de", None]
