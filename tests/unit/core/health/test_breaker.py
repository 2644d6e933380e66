"""The circuit breaker: examples of each way through it, and what holds for any history."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.health.breaker import Breaker, BreakerRules

pytestmark = pytest.mark.unit

RULES = BreakerRules(failures=3, window_s=60.0)


def call(breaker: Breaker, now: float, *, is_well: bool) -> None:
    is_trial = breaker.begin()
    if is_well:
        breaker.succeeded(now, is_trial=is_trial)
    else:
        breaker.failed(now, is_trial=is_trial)


def opened(at: float = 2.0) -> Breaker:
    breaker = Breaker(RULES)
    for number in range(3):
        call(breaker, at - 2 + number, is_well=False)
    assert breaker.state == "open"
    return breaker


def test_three_failures_within_the_window_open_it() -> None:
    """The third failure opens it."""
    breaker = Breaker(RULES)
    for now in (0.0, 1.0):
        call(breaker, now, is_well=False)
        assert breaker.allows
    call(breaker, 59.0, is_well=False)
    assert (breaker.state, breaker.allows) == ("open", False)


def test_failures_that_are_old_do_not_count() -> None:
    """Two failures an hour ago and one now are no outage."""
    breaker = Breaker(RULES)
    for now in (0.0, 1.0, 61.0, 62.0, 122.0):
        call(breaker, now, is_well=False)
    assert breaker.state == "closed"


def test_a_busy_backend_that_fails_now_and_then_stays_in_use() -> None:
    """Three failures in ten calls are less than half."""
    breaker = Breaker(RULES)
    for number in range(30):
        call(breaker, number * 0.1, is_well=number % 3 != 0)
    assert breaker.state == "closed"


def test_a_probe_that_came_through_lets_one_call_try() -> None:
    """Half open: one trial at a time, whose success closes the circuit."""
    breaker = opened()
    breaker.probed(is_well=True)
    assert (breaker.state, breaker.allows) == ("half-open", True)
    is_trial = breaker.begin()
    assert not breaker.allows
    breaker.succeeded(5.0, is_trial=is_trial)
    assert (breaker.state, breaker.allows) == ("closed", True)


def test_a_trial_that_fails_opens_it_again() -> None:
    """A server that answers probes and fails at its work is not asked before others."""
    breaker = opened()
    breaker.probed(is_well=True)
    call(breaker, 5.0, is_well=False)
    assert (breaker.state, breaker.allows) == ("open", False)


def test_a_cancelled_trial_proves_nothing() -> None:
    """Barge-in during the trial: the next call is the trial."""
    breaker = opened()
    breaker.probed(is_well=True)
    breaker.abandoned(is_trial=breaker.begin())
    assert (breaker.state, breaker.allows) == ("half-open", True)


def test_a_call_of_last_resort_that_comes_through_closes_it() -> None:
    """When everybody is down all are tried; who answers is back without waiting for a probe."""
    breaker = opened()
    call(breaker, 2.5, is_well=True)
    assert breaker.state == "closed"
    call(breaker, 3.0, is_well=False)
    assert breaker.state == "closed", "the failures before the outage's end were still counted"


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "well", "failed", "abandoned", "probe well", "probe failed"]), st.floats(0, 40)
    ),
    max_size=60,
)


@given(EVENTS)
def test_any_history_keeps_the_rules(events: list[tuple[str, float]]) -> None:
    """Closed and idle half-open allow; trials never go below none; success closes."""
    breaker, now, under_way = Breaker(RULES), 0.0, []
    for kind, gap_s in events:
        now += gap_s
        match kind:
            case "begin":
                under_way.append(breaker.begin())
            case "well" if under_way:
                breaker.succeeded(now, is_trial=under_way.pop(0))
                assert breaker.state == "closed"
            case "failed" if under_way:
                was = breaker.state
                breaker.failed(now, is_trial=under_way.pop(0))
                assert was == "closed" or breaker.state == "open"
            case "abandoned" if under_way:
                was = breaker.state
                breaker.abandoned(is_trial=under_way.pop(0))
                assert breaker.state == was
            case "probe well" | "probe failed":
                was = breaker.state
                breaker.probed(is_well=kind == "probe well")
                assert was == breaker.state or (was, breaker.state) == ("open", "half-open")
        trials = sum(under_way)
        assert breaker.allows == (breaker.state == "closed" or (breaker.state == "half-open" and trials == 0))


def test_a_backend_that_never_fails_is_counted_in_bounded_memory() -> None:
    """A year of good calls keeps no more of them than the window holds."""
    breaker = Breaker(RULES)
    for second in range(10_000):
        breaker.begin()
        breaker.succeeded(float(second))
    assert (size := len(pickle.dumps(breaker))) < 2_000, f"{size} bytes are kept"
