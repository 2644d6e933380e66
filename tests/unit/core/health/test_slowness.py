"""Which stages are slow: examples."""

from __future__ import annotations

import pytest

from voxbridge.core.health.slowness import Slow, Slowness

pytestmark = pytest.mark.unit


def after(*waits_ms: float, now: float = 100.0) -> list[Slow]:
    slowness = Slowness()
    for number, ms in enumerate(waits_ms):
        slowness.took("agent", ms, 500.0, float(number))
    return slowness.slow(now)


def test_a_stage_that_keeps_people_waiting_turn_after_turn_is_slow() -> None:
    """The middle of the last five turns is over the target."""
    assert after(100, 100, 2000, 900, 900) == [Slow("agent", 900.0, 500.0)]


def test_one_slow_turn_makes_no_slow_stage() -> None:
    """Nor do two that are all there is."""
    assert after(100, 100, 9000, 100, 100) == []
    assert after(9000, 9000) == []


def test_what_is_long_ago_says_nothing_of_now() -> None:
    """Ten minutes; and a stage that is quick again is not slow."""
    assert after(900, 900, 900, now=1000.0) == []
    assert after(900, 900, 900, 100, 100, 100) == []


def test_three_turns_are_enough_to_say_so_and_two_are_not() -> None:
    """A stage is judged from the third turn on, and by the target of the last one: a reload may have changed it."""
    assert after(900, 900) == []
    assert after(900, 900, 900) == [Slow("agent", 900.0, 500.0)]
    slowness = Slowness()
    for number, target_ms in enumerate((500.0, 500.0, 1000.0)):
        slowness.took("agent", 900, target_ms, float(number))
    assert slowness.slow(3.0) == []
    slowness.took("agent", 900, 800.0, 4.0)
    assert slowness.slow(5.0) == [Slow("agent", 900.0, 800.0)]
