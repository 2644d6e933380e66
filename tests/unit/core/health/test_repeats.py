"""A line that is said ten times a second."""

from __future__ import annotations

import pytest

from voxbridge.core.health.repeats import Repeats

pytestmark = pytest.mark.unit


def test_a_flood_becomes_a_line_a_minute_that_tells_the_number() -> None:
    """Three at once, then the first of each minute."""
    repeats = Repeats()
    passed = [(at, dropped) for at in range(1800) if (dropped := repeats.dropped("EMFILE", at / 10)) is not None]
    assert passed == [(0, 0), (1, 0), (2, 0), (600, 597), (1200, 599)]


def test_when_it_has_stopped_all_is_as_before() -> None:
    """A minute without it, and the next three are said at once."""
    repeats = Repeats()
    for at in range(3):
        assert repeats.dropped("EMFILE", at) == 0
    assert [repeats.dropped("EMFILE", 100 + at) for at in range(4)] == [0, 0, 0, None]


def test_kinds_are_counted_apart_and_few_are_remembered() -> None:
    """A flood of one hides none of another, and a flood of kinds takes no memory."""
    repeats = Repeats(at_once=1)
    assert repeats.dropped("a", 0) == 0
    assert repeats.dropped("b", 0) == 0
    assert repeats.dropped("a", 1) is None
    assert all(repeats.dropped(number, 2) == 0 for number in range(10_000))
    assert repeats.dropped("a", 3) == 0, "it is forgotten"
