"""What the daemon decides by itself."""

from __future__ import annotations

import pytest

from voxbridge.daemon import drain_times_s

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("limit_s", "times_s"), [(15.0, (11.0, 4.0)), (8.0, (4.0, 4.0)), (3.0, (1.5, 1.5)), (0.001, (0.0005, 0.0005))]
)
def test_a_drain_of_any_length_has_time_for_both(limit_s: float, times_s: tuple[float, float]) -> None:
    """Sentences end, and Discord is left, within the limit, however short it is."""
    assert drain_times_s(limit_s) == pytest.approx(times_s)
