"""Numbers are said as people say them, by language."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.number_words import WORDS
from voxbridge.core.text.numbers import in_words
from voxbridge.core.text.spelling import is_warm, spelling_of, warm

pytestmark = pytest.mark.unit

CASES: list[dict[str, Any]] = json.loads(
    pathlib.Path(__file__).with_name("cases").joinpath("numbers.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['language']}-{case['text'][:30]}")
def test_numbers_in_words(case: dict[str, Any]):
    """Dates, times, money, units, telephone numbers and versions, each as it is said."""
    assert in_words(case["text"], case["language"]) == case["said"]


@pytest.mark.parametrize("language", sorted(WORDS))
def test_no_digit_is_left_of_plain_numbers(language: str):
    """Every language has words for whole numbers, decimals and percents."""
    said = in_words("7, 12, 100, 1234567, 0, 15 %", language)
    assert not any(map(str.isdigit, said)), said


def test_a_language_without_rules_is_left_alone():
    """A digit that the voice reads is better than a word of another language."""
    assert in_words("5 apples", "xx") == "5 apples"
    assert spelling_of("xx") is None


def test_text_without_numbers_is_untouched():
    """Not even its spaces change."""
    assert in_words("No  number here.", "en") == "No  number here."


def test_warm_reads_ahead():
    """After that a sentence costs nothing to read; a language without rules is warm too."""
    for language in ("fr-CA", "xx"):
        warm(language)
        assert is_warm(language)
    assert in_words("2", "fr-CA") == "deux"


PARTS = (
    "1 12 2024 0 007 3.5 1,299 1.299 - \u2013 : / % $ \u20ac \u00b0C km/h . , + # st th e \u00ba am PM Uhr 5. x v 1.2.3"
    " a der am in ( ) 12:30 2026-03-05 ' ~ \u00d7 = \u221a"
)
parts = st.sampled_from(PARTS.split()) | st.sampled_from([" ", " ", "は", "文"])


@given(st.lists(parts, max_size=12).map("".join), st.sampled_from([*WORDS, "xx"]))
def test_any_text_comes_out(text: str, language: str):
    """Whatever is written, letters that are no numbers stay in their order."""
    said = in_words(text, language)
    assert [char for char in said if char in "は文"] == [char for char in text if char in "は文"]


@pytest.mark.parametrize(("text", "said"), [("12시", "열두시"), ("13시", "십삼시"), ("1시", "한시")])
def test_korean_hours_have_own_numerals_up_to_twelve(text: str, said: str):
    """The hours of the clock are counted natively; those of the other half of the day are numbers."""
    assert in_words(text, "ko").replace(" ", "") == said


@pytest.mark.parametrize("language", ["en", "de", "hi", "ja", "ru"])
@pytest.mark.parametrize("form", ["{} %", "€{}", "-{} km", "v{}.1", "1.{}", "{}"])
@pytest.mark.parametrize("digits", [26, 400, 6000])
def test_more_digits_than_anybody_can_mean_end_no_answer(language: str, form: str, digits: int) -> None:
    """They are read out or left as they are; an answer goes on behind them."""
    text = form.format("9" * digits)
    assert in_words(f"{text}, and 2 more.", language)
