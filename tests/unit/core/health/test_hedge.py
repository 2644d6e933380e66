"""When a second request is sent: the delay, and the cap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.health.hedge import Hedge

pytestmark = pytest.mark.unit


def test_nothing_is_doubled_before_the_usual_wait_is_known() -> None:
    """Nineteen waits are too few."""
    hedge = Hedge()
    for _ in range(19):
        hedge.came(0.1)
    assert hedge.delay_s is None
    hedge.came(0.1)
    assert hedge.delay_s == pytest.approx(0.11)


def test_the_delay_is_the_95th_percentile_of_the_recent_waits() -> None:
    """One slow call in twenty is above it, by more than a tenth; old waits are forgotten."""
    hedge = Hedge(samples_kept=20)
    for number in range(20):
        hedge.came(3.0 if number == 7 else 0.1 + number / 1000)
    assert hedge.delay_s == pytest.approx(0.119 * 1.1)
    for _ in range(20):
        hedge.came(0.5)
    assert hedge.delay_s == pytest.approx(0.55)


def test_twenty_requests_pay_for_one() -> None:
    """The first may be doubled at the twentieth."""
    hedge = Hedge()
    took = []
    for _ in range(40):
        hedge.asked()
        took.append(hedge.take())
    assert [number for number, yes in enumerate(took, 1) if yes] == [20, 40]


@given(st.lists(st.booleans(), max_size=2000))
def test_never_more_than_one_in_twenty(wanted: list[bool]) -> None:
    """Whenever a second request is wanted, those sent are at most 5 % of the first ones, at any moment."""
    hedge, doubled = Hedge(), 0
    for asked, wants in enumerate(wanted, 1):
        hedge.asked()
        doubled += wants and hedge.take()
        assert doubled <= asked * 0.05 + 1e-9


@given(st.integers(0, 3000))
def test_a_long_quiet_time_saves_up_little(quiet: int) -> None:
    """After any number of prompt answers at most two may be doubled in a row."""
    hedge = Hedge()
    for _ in range(quiet):
        hedge.asked()
    assert sum(hedge.take() for _ in range(10)) <= 2
