"""Numbers in the words of languages that no library spells."""

from __future__ import annotations

import pytest

from voxbridge.core.text.own_numerals import OWN

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("language", "number", "words"),
    [
        ("ur", 0, "صفر"),
        ("ur", 99, "ننانوے"),
        ("ur", 100, "ایک سو"),
        ("ur", 101, "ایک سو ایک"),
        ("ur", 1_000, "ایک ہزار"),
        ("ur", 99_999, "ننانوے ہزار نو سو ننانوے"),
        ("ur", 100_000, "ایک لاکھ"),
        ("ur", 9_999_999, "ننانوے لاکھ ننانوے ہزار نو سو ننانوے"),
        ("ur", 10_000_000, "ایک کروڑ"),
        ("ur", 10**9, "ایک ارب"),
        ("ur", 10**11, "ایک کھرب"),
        ("am", 0, "ዜሮ"),
        ("am", 9, "ዘጠኝ"),
        ("am", 10, "አስር"),
        ("am", 11, "አስራ አንድ"),
        ("am", 20, "ሃያ"),
        ("am", 99, "ዘጠና ዘጠኝ"),
        ("am", 100, "መቶ"),
        ("am", 200, "ሁለት መቶ"),
        ("am", 1_000, "ሺህ"),
        ("am", 2_010, "ሁለት ሺህ አስር"),
        ("am", 10**6, "አንድ ሚሊዮን"),
        ("am", 10**9, "አንድ ቢሊዮን"),
        ("am", 10**12, "አንድ ትሪሊዮን"),
    ],
)
def test_numbers_have_the_words_of_their_own_scales(language, number, words):
    """Each scale begins at its own size: lakh and crore in Urdu, hundred and thousand without a one in Amharic."""
    assert OWN[language](number) == words


@pytest.mark.parametrize("language", OWN)
def test_any_two_numbers_differ(language):
    """No two numbers are said alike."""
    numbers = [*range(2_300), *range(99_000, 101_000, 7), *(10**power + 1 for power in range(5, 14))]
    assert len({OWN[language](number) for number in numbers}) == len(set(numbers))
