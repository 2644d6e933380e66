"""The silence between two pieces of a text."""

from __future__ import annotations

import pytest

from voxbridge.core.text.pauses import pause_between_ms

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("before", "after", "ms"),
    [
        ("That is so.", "And more.", 250),
        ("Is it?", "Yes.", 250),
        ('He said "no."', "Then he left.", 250),
        ("Das ist so…", "Und mehr.", 250),
        ("是的。", "我知道", 250),
        ("Of course,", "I can do that.", 80),
        ("Of course —", "I can.", 80),
        ("and the sentence is long", "so it was cut here", 0),
        ("Shopping list", "Apples", 250),
        ("", "Yes.", 250),
    ],
)
def test_the_mark_at_the_end_says_how_long(before: str, after: str, ms: int) -> None:
    """Between sentences a quarter of a second, at a comma a breath, in mid-phrase nothing; lines count as sentences."""
    assert pause_between_ms(before, after) == ms
