"""What one stream may cost: all that a person says, and no more."""

from __future__ import annotations

import pytest

from voxbridge.core.call.flood import Allowance

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("rate", [16, 50, 100])
def test_all_that_can_be_said_is_taken(rate: int) -> None:
    """Frames of 60, 20 and 10 ms, for a quarter of an hour."""
    allowance = Allowance()
    assert all(allowance.takes(1, number / rate) for number in range(900 * rate))


def test_a_second_that_was_held_up_is_taken_at_once() -> None:
    """The network stalls and delivers everything together: nothing of it is lost."""
    allowance = Allowance()
    assert all(allowance.takes(1, number * 0.02) for number in range(500))
    assert all(allowance.takes(1, 11.0) for _ in range(50))


def test_a_flood_is_cut_down_to_real_time_and_nobody_else_pays() -> None:
    """Two thousand a second become 110; another stream beside it loses nothing."""
    allowance, taken = Allowance(), 0
    for number in range(20_000):
        taken += allowance.takes(1, number / 2000)
        if number % 40 == 0:
            assert allowance.takes(2, number / 2000), "the other one is heard"
    assert 1100 <= taken <= 1220, f"{taken} in ten seconds"


def test_a_spray_of_streams_is_bounded() -> None:
    """Forged stream numbers by the thousand: a bounded table."""
    allowance = Allowance()
    for number in range(10_000):
        allowance.takes(number, number * 0.001)
    assert len(allowance._left) == Allowance.STREAMS


def test_of_too_many_streams_the_one_is_forgotten_that_was_silent_longest() -> None:
    """64 streams are counted; a 65th makes room, and who is forgotten begins with a whole allowance."""
    allowance = Allowance()
    for stream in range(64):
        for _ in range(110):
            assert allowance.takes(stream, 0.0)
        assert not allowance.takes(stream, 0.0)
    assert not allowance.takes(0, 0.0), "64 are remembered"
    allowance.takes(64, 0.0)
    assert not allowance.takes(0, 0.0), "it was the last one heard"
    assert allowance.takes(1, 0.0)
