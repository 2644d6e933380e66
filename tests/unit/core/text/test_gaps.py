"""What was said apart is written apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.gaps import Gaps

pytestmark = pytest.mark.unit


def written(*parts: tuple[str, ...]) -> str:
    """Return what is written of parts, each of which comes in deltas."""
    gaps, text = Gaps(), ""
    for deltas in parts:
        for delta in deltas:
            text += gaps.add(delta)
        gaps.part()
    return text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((("part ", "1"), ("part", " 2")), "part 1 part 2"),
        ((("I will look at that.",), ("The weather is fine.",)), "I will look at that. The weather is fine."),
        ((("one ",), ("two",), ("\nthree",)), "one two\nthree"),
        (((), ("only",), (), ()), "only"),
        ((("a",), ("", " "), ("b",)), "a b"),
    ],
)
def test_parts_stand_apart(parts: tuple[tuple[str, ...], ...], text: str) -> None:
    """One space between two parts that have none, and none where there is one."""
    assert written(*parts) == text


@given(st.lists(st.text(max_size=5), max_size=20))
def test_deltas_of_one_part_are_left_alone(deltas: list[str]) -> None:
    """Within a part nothing is added: "up" and "grade" are one word."""
    assert written(tuple(deltas)) == "".join(deltas)
