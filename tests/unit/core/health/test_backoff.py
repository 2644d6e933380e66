"""How long to wait before the next try, and when to give up."""

from __future__ import annotations

import pytest

from voxbridge.core.health.backoff import Backoff

pytestmark = pytest.mark.unit


def test_waits_double_up_to_the_cap() -> None:
    """0.5, 1, 2 ... s, never over the cap."""
    backoff = Backoff(base_s=0.5, cap_s=3.0)
    assert [backoff.failed(now, 0.0) for now in (0, 100, 200, 300, 400)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_healthy_run_forgets_the_failures() -> None:
    """After a minute of health the first wait is the short one again."""
    backoff = Backoff()
    backoff.failed(0.0, 0.0)
    backoff.failed(1.0, 0.0)
    assert backoff.failed(100.0, 61.0) == 0.5


def test_the_circuit_opens_after_so_many_failures_in_a_window() -> None:
    """Three crashes in a minute give up; three in an hour do not."""
    assert [Backoff(circuit=3).failed(0.0, 0.0)] == [0.5]
    quick, slow = Backoff(circuit=3), Backoff(circuit=3)
    assert [quick.failed(now, 0.0) for now in (0, 1, 2)][-1] is None
    assert [slow.failed(now, 0.0) for now in (0, 1000, 2000)][-1] is not None


def test_jitter_spreads_the_wait() -> None:
    """The wait is a share of the bound, drawn by the given source."""
    assert Backoff(base_s=8.0, rng=lambda: 0.25).failed(0.0, 0.0) == 2.0


def test_an_outage_of_days_stays_at_the_cap() -> None:
    """The power of two of the ten-thousandth failure would not fit into a float."""
    backoff = Backoff(base_s=0.25, cap_s=10.0)
    waits = [backoff.failed(now * 10.0, 0.0) for now in range(10_000)]
    assert set(waits[6:]) == {10.0}


def test_nobody_waits_longer_than_half_a_minute_unless_told_to() -> None:
    """Without a cap of its own a try comes after 30 s at the latest."""
    backoff = Backoff()
    waits = [backoff.failed(100.0 * number, 0.0) for number in range(12)]
    assert max(wait for wait in waits if wait is not None) == 30.0
