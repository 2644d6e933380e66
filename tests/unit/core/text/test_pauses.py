"""The silence between two pieces of a text."""

from __future__ import annotations

import pytest

from voxbridge.core.text.pauses import ends_in_question, pause_between_ms

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


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Is it?", True),
        ('He asked "why?" ', True),
        ("本当ですか\uff1f", True),
        ("هل هذا صحيح؟", True),
        ("It is.", False),
        ("Why? I know.", False),
        ("", False),
    ],
)
def test_a_question_is_known_by_its_end(text: str, asks: bool) -> None:
    """The last mark decides, behind whatever closes, in every script."""
    assert ends_in_question(text) is asks
