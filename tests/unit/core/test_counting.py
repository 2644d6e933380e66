"""Counters that say what they count."""

from __future__ import annotations

import attrs
import pytest

from voxbridge.core.counting import counted, counts_of

pytestmark = pytest.mark.unit


@attrs.define
class Doors:
    """Some counters, and a field that is none."""

    opened: int = counted("Doors that were opened.")
    closed: int = counted("Doors that were closed.", metric="doors_closed")
    name: str = "front"


def test_counters_begin_at_nothing_and_are_told_by_their_names():
    """Each counter is 0 at first, has its help, and its field's name unless it has another; other fields are none."""
    doors = Doors()
    assert list(counts_of(doors)) == [
        ("opened", "Doors that were opened.", 0),
        ("doors_closed", "Doors that were closed.", 0),
    ]
    doors.opened += 2
    assert next(counts_of(doors))[2] == 2
