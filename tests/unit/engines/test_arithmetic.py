"""Sums as they are said and as Whisper writes them."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.engines.arithmetic import NotArithmetic, TooBig, compute, number, spoken

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("seven times eight", 56),
        ("7 times 8", 56),
        ("7 x 8", 56),
        ("7x8", 56),
        ("7 \u00d7 8", 56),
        ("2 + 3 * 4", 14),
        ("two plus three times four", 14),
        ("ten minus minus two", 12),
        ("negative five plus two", -3),
        ("12 divided by 5", Fraction(12, 5)),
        ("one hundred and five minus two hundred", -95),
        ("1,250 plus 3.5", Fraction(2507, 2)),
        ("three point one four times two", Fraction("6.28")),
        ("point five times a hundred", 50),
        ("two million three hundred thousand and one plus one", 2_300_002),
        ("3 million divided by 2", 1_500_000),
        ("20% of 50", 10),
        ("twenty percent of fifty", 10),
        ("two to the power of ten", 1024),
        ("two to the power of minus one", Fraction(1, 2)),
        ("five squared plus two cubed", 33),
        ("the square root of 144", 12),
        ("a dozen times two", 24),
    ],
)
def test_sum_has_its_exact_value(said, value):
    """Words and signs mean the same; nothing is rounded."""
    assert compute(said) == value


@pytest.mark.parametrize(
    "said",
    ["seven", "the capital of france", "times seven", "7 8", "seven plus", "twenty thirteen plus one", "love minus", "",
     "plus", "2 + (3)", "and", "point plus one", "the square root of minus four"],
)  # fmt: skip
def test_other_text_is_no_arithmetic(said):
    """A number alone is none either: somebody else may know what it means."""
    with pytest.raises(NotArithmetic):
        compute(said)


@pytest.mark.parametrize("said", ["two to the power of a thousand", "999999999 times 999999999", "10 ^ 15"])
def test_unspeakable_results_are_refused(said):
    """A huge power is refused before it is computed."""
    with pytest.raises(TooBig):
        compute(said)


def test_division_by_zero_is_named():
    """It is for the caller to say so."""
    with pytest.raises(ZeroDivisionError):
        compute("five divided by zero")


@pytest.mark.parametrize(
    ("value", "read_out"),
    [
        (Fraction(56), "56"),
        (Fraction(-3), "minus 3"),
        (Fraction(12, 5), "2.4"),
        (Fraction(10, 3), "about 3.3333"),
        (Fraction(-1, 3), "about minus 0.3333"),
        (Fraction(2, 3), "about 0.6667"),
    ],
)
def test_number_is_read_out(value, read_out):
    """Whole numbers as they are, others with at most four decimals and a word of caution."""
    assert spoken(value) == read_out


def test_numbers_in_words():
    """A single number is read by ``number``."""
    assert number("minus twenty one") == -21
    assert number("15") == 15
    with pytest.raises(NotArithmetic):
        number("two plus two")


@given(st.text(max_size=60))
def test_any_text_gives_a_value_or_a_named_refusal(text):
    """Nothing that a recogniser may write raises anything else."""
    with suppress(NotArithmetic, TooBig, ZeroDivisionError):
        assert isinstance(compute(text), Fraction)


@given(st.integers(0, 10**6), st.sampled_from(["plus", "minus", "times"]), st.integers(0, 10**6))
def test_digits_agree_with_python(left, sign, right):
    """Any sum of two whole numbers is what Python makes of it."""
    wanted = {"plus": left + right, "minus": left - right, "times": left * right}[sign]
    assert compute(f"{left} {sign} {right}") == wanted
