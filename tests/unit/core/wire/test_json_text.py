"""JSON of strangers: how many values are read, and what becomes of half a letter."""

from __future__ import annotations

import pytest

from voxbridge.core.wire.json_text import VALUES_MAX, JsonLine, Malformed, parse_json, whole_letters

pytestmark = pytest.mark.unit

MANY = VALUES_MAX - 1


@pytest.mark.parametrize("unit", ["[]", "{}", "1", "1.5", '""', "NaN", "[1]", '{"a":1}'])
def test_too_many_values_are_refused_and_as_many_as_may_be_are_read(unit: str) -> None:
    """A MiB of brackets would be 90 ms of work in one step; the longest lists of models are read."""
    per_unit = 1 + unit.count("[") + unit.count("{")
    read = MANY // per_unit
    assert isinstance(parse_json(f"[{','.join([unit] * read)}]"), JsonLine)
    assert parse_json(f"[{','.join([unit] * (read * 2))}]") == Malformed("too many values")


def test_commas_in_a_text_are_no_values() -> None:
    """However much is said in an answer, with quotes and backslashes in it: it is one value."""
    said = 'one, [two], {three} "four" \\ five, ' * VALUES_MAX
    escaped = said.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_json(f'{{"text":"{escaped}"}}') == JsonLine({"text": said})


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud83d\ud83d\ude00\ude00", "\ufffd\U0001f600\ufffd"),
        ("plain", "plain"),
    ],
)
def test_halves_of_a_letter(text: str, whole: str) -> None:
    """Two halves that meet are a letter; one alone is told apart from what was said."""
    assert whole_letters(text) == whole
    whole_letters(text).encode()
