"""When the agent may be asked ahead, and the account of it."""

from __future__ import annotations

import pytest

from voxbridge.core.turns.completeness import Completeness
from voxbridge.core.turns.speculation import Speculation, SpeculationRules

pytestmark = pytest.mark.unit

SAFE = SpeculationRules(is_allowed=True, wasted_max=3, target_s=0.5)


@pytest.mark.parametrize("words", ["unknown", "likely", "complete"])
def test_words_that_may_be_all_are_asked_ahead_where_it_is_allowed(words: Completeness) -> None:
    """And nowhere else."""
    assert Speculation().why_not(SAFE, words, 0.0) is None
    assert Speculation().why_not(SpeculationRules(), words, 0.0) == "not allowed"


@pytest.mark.parametrize("words", [None, "unfinished", "doubtful"])
def test_half_a_question_is_not_asked_ahead(words: Completeness | None) -> None:
    """More is coming: it would be thrown away."""
    assert Speculation().why_not(SAFE, words, 0.0) == "words"


def test_an_agent_in_trouble_is_left_alone_for_a_minute() -> None:
    """Slow, limited or failing: what is thrown away would be taken from somebody's answer."""
    account = Speculation()
    account.note_answer(SAFE, 1.4, 0.0)
    assert account.is_off(SAFE, 0.0) is None
    account.note_answer(SAFE, 1.6, 0.0)
    assert account.is_off(SAFE, 59.0) == "slow"
    assert account.is_off(SAFE, 61.0) is None
    account.note_failure(100.0, is_limited=True)
    assert account.why_not(SAFE, "complete", 101.0) == "limited"
    account.note_failure(200.0, is_limited=False)
    assert account.is_off(SAFE, 201.0) == "failing"


def test_what_is_thrown_away_has_a_budget() -> None:
    """Three in an hour, and no further one before the first is an hour old."""
    account = Speculation()
    for at in (0.0, 10.0, 20.0):
        assert account.is_off(SAFE, at) is None
        account.note_asked()
        account.note_wasted(at)
    assert account.is_off(SAFE, 30.0) == "budget"
    assert account.is_off(SAFE, 3601.0) is None
    account.note_won(0.25)
    assert (account.asked, account.wasted, account.won_ms) == (3, 3, 250)
