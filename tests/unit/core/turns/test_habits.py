"""The pauses of one speaker, by plain numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.commit import CommitRules
from voxbridge.core.turns.habits import LONGER_MAX_S, PauseHabit

pytestmark = pytest.mark.unit

RULES = CommitRules()


def habit(*pauses_s: float) -> PauseHabit:
    learned = PauseHabit()
    for pause_s in pauses_s:
        learned.paused(pause_s)
    return learned


def test_who_pauses_long_is_waited_for() -> None:
    """Four pauses of 650 ms: the turn ends 200 ms later than usual."""
    learned = habit(0.65, 0.65, 0.65, 0.65)
    assert learned.longer_s(RULES) == pytest.approx(0.2)
    applied = learned.applied(RULES)
    assert applied.sure_s == pytest.approx(0.6)
    assert applied.usual_s == pytest.approx(0.7)
    assert (applied.hesitant_s, applied.unfinished_s) == (RULES.hesitant_s, RULES.unfinished_s)


def test_short_pauses_and_a_single_long_one_change_nothing() -> None:
    """Who pauses for a breath is answered as soon as the settings say; one search for a word is no habit."""
    assert habit(0.3, 0.25, 0.3, 0.3, 0.4).applied(RULES) == RULES
    assert habit(0.3, 0.3, 0.3, 0.3, 1.9).applied(RULES) == RULES
    assert habit(1.0, 1.0, 1.0).applied(RULES) == RULES, "three are too few to know"


def test_a_habit_is_forgotten() -> None:
    """A dozen short pauses later nothing is left of it."""
    learned = habit(*[0.8] * 12)
    assert learned.longer_s(RULES) > 0
    for _ in range(12):
        learned.paused(0.25)
    assert learned.longer_s(RULES) == 0


@given(st.lists(st.floats(0, 10), max_size=40))
def test_it_is_bounded(pauses_s: list[float]) -> None:
    """Whatever the pauses: never shorter than the settings say, and at most 400 ms longer."""
    applied = habit(*pauses_s).applied(RULES)
    assert RULES.usual_s <= applied.usual_s <= RULES.usual_s + LONGER_MAX_S
    assert applied.sure_s <= applied.usual_s <= applied.hesitant_s <= applied.unfinished_s
