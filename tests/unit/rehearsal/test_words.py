"""What was said against what was heard: the count of wrong words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.rehearsal.words import spoken_number, word_error_rate, word_errors, words_of

pytestmark = pytest.mark.unit

WORDS = st.lists(st.sampled_from(["one", "two", "three", "four"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (20, "twenty"),
        (56, "fifty six"),
        (100, "one hundred"),
        (999, "nine hundred ninety nine"),
        (1000, "1000"),
    ],
)
def test_numbers_are_read_as_they_are_spoken(number: int, words: str) -> None:
    """A figure counts as the words in which it is spoken."""
    assert " ".join(spoken_number(number)) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mr. 56", "mister fifty-six"),
        ("Don't!", "don't"),
        ("It's five.", "it 's 5"),
        ("Dr. Who?", "doctor who"),
        ("A  B\nC", "a b c"),
    ],
)
def test_two_ways_to_write_the_same_are_equal(one: str, other: str) -> None:
    """Case, punctuation, digits and abbreviations are no errors of hearing."""
    assert words_of(one) == words_of(other)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("one two three", "one two three", 0),
        ("one two three", "one three", 1),
        ("one two three", "one too three", 1),
        ("one two", "one two two", 1),
        ("one two", "", 2),
        ("", "one", 1),
        ("one two three four", "two three four one", 2),
    ],
)
def test_errors_are_counted_by_the_word(said: str, heard: str, errors: int) -> None:
    """Substituted, left out, put in."""
    assert word_errors(said, heard) == errors


def test_the_rate_is_of_the_words_said() -> None:
    """It can exceed 1, and silence that was heard as words is no division by nought."""
    assert word_error_rate("one two three four", "one two three") == 0.25
    assert word_error_rate("one", "two three four") == 3.0
    assert word_error_rate("", "one") == 1.0
    assert word_error_rate("", "") == 0.0


@given(WORDS, WORDS, WORDS)
def test_the_count_is_a_distance(a: str, b: str, c: str) -> None:
    """Nought for the same words only, the same both ways, and never longer than a way round."""
    assert (word_errors(a, b) == 0) == (a == b)
    assert word_errors(a, b) == word_errors(b, a)
    assert word_errors(a, c) <= word_errors(a, b) + word_errors(b, c)
