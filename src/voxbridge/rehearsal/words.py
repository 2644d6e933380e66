"""Comparing what was said with what was heard, word by word."""

from __future__ import annotations

import re

_NOT_A_WORD = re.compile(r"[^a-z0-9' ]")
_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = frozenset((*_UNITS, *_TENS[2:], "hundred"))
_SHORT = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}


def spoken_number(number: int) -> list[str]:
    """Return the words of a number from 0 to 999; above that its digits stay as they are."""
    if number < len(_UNITS):
        return [_UNITS[number]]
    if number < 100:
        tens, units = divmod(number, 10)
        return [_TENS[tens], *([_UNITS[units]] if units else [])]
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return [_UNITS[hundreds], "hundred", *(spoken_number(rest) if rest else [])]
    return [str(number)]


def words_of(text: str) -> list[str]:
    """Return the words in the one form that makes "Mr. 56" and "mister fifty-six" equal."""
    plain = _NOT_A_WORD.sub(" ", text.lower().replace("-", " ").replace("'s", " 's"))
    words: list[str] = []
    for word in plain.split():
        if word.isdigit():
            words += spoken_number(int(word))
        else:
            words.append(_SHORT.get(word, word))
    return words


def word_errors(said: str, heard: str) -> int:
    """Return the word-level edit distance: substitutions, insertions and deletions."""
    wanted, got = words_of(said), words_of(heard)
    row = list(range(len(got) + 1))
    for i, want in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, have in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (want != have))
    return row[-1]


def word_error_rate(said: str, heard: str) -> float:
    """Return the errors as a share of the words said; 0 is perfect, it can exceed 1."""
    return word_errors(said, heard) / max(1, len(words_of(said)))
