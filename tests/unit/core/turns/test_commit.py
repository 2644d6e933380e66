"""How long a silence ends the turn, by tables of what is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.commit import CommitRules, Evidence, silence_s
from voxbridge.core.turns.completeness import Completeness

pytestmark = pytest.mark.unit

RULES = CommitRules(sure_s=0.4, usual_s=0.5, hesitant_s=1.6, unfinished_s=2.0, verdict_wait_s=0.7)


@pytest.mark.parametrize(
    ("completion", "words", "expected_s"),
    [
        (None, None, 0.5),
        (0.98, None, 0.5),  # the turn model alone never ends a turn early
        (0.02, None, 1.6),
        (None, "complete", 0.5),
        (0.98, "complete", 0.4),
        (0.6, "likely", 0.4),
        (0.3, "likely", 0.5),
        (0.02, "likely", 1.6),
        (0.98, "unknown", 0.4),
        (0.5, "unknown", 0.5),
        (0.02, "complete", 0.5),  # a whole question that sounded hesitant
        (0.98, "doubtful", 1.6),  # a fragment that sounded final
        (0.98, "unfinished", 2.0),
        (0.02, "doubtful", 2.0),
        (None, "unfinished", 2.0),
    ],
)
def test_both_judges_are_joined(completion: float | None, words: Completeness | None, expected_s: float) -> None:
    """Neither decides alone, and what cannot end is waited for longest."""
    assert silence_s(Evidence(completion, words), RULES) == pytest.approx(expected_s)


def test_a_verdict_on_its_way_is_waited_for_and_not_for_ever() -> None:
    """Late is not "finished"; at 1.2 s the turn ends without it."""
    assert silence_s(Evidence(0.98, awaits_words=True), RULES) == pytest.approx(1.2)
    assert silence_s(Evidence(None, "likely", awaits_completion=True), RULES) == pytest.approx(1.2)
    assert silence_s(Evidence(None, "unfinished", awaits_completion=True), RULES) == pytest.approx(2.0)


def test_a_late_turn_model_keeps_nobody_waiting_who_has_asked_in_full() -> None:
    """Words that are complete outweigh any opinion of the turn model: the usual silence ends the turn."""
    assert silence_s(Evidence(None, "complete", awaits_completion=True), RULES) == pytest.approx(0.5)
    assert silence_s(Evidence(None, "complete", awaits_completion=True, awaits_words=True), RULES) == pytest.approx(1.2)


@given(
    st.floats(0, 1),
    st.sampled_from(["unfinished", "doubtful", "unknown", "likely", "complete"]),
    st.sampled_from(["completion", "words", "both"]),
)
def test_a_verdict_in_time_never_finds_the_turn_ended_by_the_clock(
    completion: float, words: Completeness, late: str
) -> None:
    """While one is on its way, no turn ends sooner than it would with all of them known, up to the bound of 1.2 s."""
    known = Evidence(
        None if late in ("completion", "both") else completion,
        None if late in ("words", "both") else words,
        awaits_completion=late in ("completion", "both"),
        awaits_words=late in ("words", "both"),
    )
    in_full = silence_s(Evidence(completion, words), RULES)
    assert silence_s(known, RULES) >= min(in_full, 1.2) - 1e-9


@given(
    st.none() | st.floats(0, 1),
    st.sampled_from([None, "unfinished", "doubtful", "unknown", "likely", "complete"]),
    st.booleans(),
    st.booleans(),
)
def test_the_silence_is_bounded(completion: float | None, words: Completeness | None, a: bool, b: bool) -> None:
    """Whatever is known, the turn ends between the shortest and the longest of the rules."""
    found = silence_s(Evidence(completion, words, awaits_completion=a, awaits_words=b), RULES)
    assert RULES.sure_s <= found <= RULES.unfinished_s


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["unfinished", "doubtful", "unknown", "likely", "complete"]))
def test_a_surer_turn_model_never_waits_longer(one: float, other: float, words: Completeness) -> None:
    """More evidence that the speaker has finished ends the turn no later."""
    low, high = sorted((one, other))
    assert silence_s(Evidence(high, words), RULES) <= silence_s(Evidence(low, words), RULES)
