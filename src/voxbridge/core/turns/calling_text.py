"""What was said, as words: each with the marks round it, sentence by sentence."""

from __future__ import annotations

import re
from typing import Literal

import attrs

from voxbridge.core.turns.sounds import folded

APOSTROPHE = "\u2019"
WORD = re.compile(rf"[^\W_]+(?:['{APOSTROPHE}][^\W_]+)*")
Ending = Literal["?", ".", ""]
"""How a sentence ends; empty: with no mark, as with speech servers that write none."""

_SENTENCE_END = re.compile(r"(?<=[.!?\u2026])\s+")
_ABBREVIATED = re.compile(r"\b(?:mr|mrs|ms|dr|st|prof|hr|fr|sr|sra|srta|mme|m)\.$", re.IGNORECASE)
_OWNERS = re.compile(rf"['{APOSTROPHE}]\s+$")
"""Between a word that ends with s and the next one: "Iris' idea"."""
_TAGS = frozenset(
    ("right", "no", "yes", "eh", "huh", "or", "oder", "ne", "gell", "ja", "nicht", "hein", "non", "verdad", "si")
)
"""What makes a question of what is told: "she is nice, right?"."""


@attrs.frozen
class Word:
    """A word of what was said, folded; ``is_set_off_*``: there is a mark between it and the word beside it."""

    text: str
    is_set_off_before: bool = False
    is_set_off_after: bool = False
    is_capital: bool = False
    """Whether it was written with a capital letter."""


@attrs.frozen
class Sentence:
    """One sentence. ``is_first`` and ``is_last`` are its place in what was said."""

    words: tuple[Word, ...]
    ending: Ending
    is_first: bool = True
    is_last: bool = True

    @property
    def has_capitals(self) -> bool:
        """Tell whether capital letters mean something here: a sentence is begun with one."""
        return bool(self.words) and self.words[0].is_capital


def sentences_of(text: str) -> list[Sentence]:
    """Return the sentences of what was said; those without a word are left out."""
    pieces: list[str] = []
    for piece in _SENTENCE_END.split(text):
        if pieces and _ABBREVIATED.search(pieces[-1]):
            pieces[-1] += f" {piece}"
        else:
            pieces.append(piece)
    spoken = [(words, _ending(piece, words)) for piece in pieces if (words := _words_of(piece))]
    return [
        Sentence(words, ending, is_first=number == 0, is_last=number == len(spoken) - 1)
        for number, (words, ending) in enumerate(spoken)
    ]


def _words_of(text: str) -> tuple[Word, ...]:
    found = list(WORD.finditer(text))
    words: list[Word] = []
    end = 0
    for number, match in enumerate(found):
        following = found[number + 1].start() if number + 1 < len(found) else len(text)
        before, after = text[end : match.start()], text[match.end() : following]
        word = folded(match[0]).replace(APOSTROPHE, "'")
        if word.endswith("s") and number + 1 < len(found) and _OWNERS.match(after):
            word, after = f"{word}'", ""
        words.append(Word(word, bool(before.strip()), bool(after.strip()), match[0][0].isupper()))
        end = match.end()
    return tuple(words)


def _ending(text: str, words: tuple[Word, ...]) -> Ending:
    end = text.rstrip()[-1:]
    is_tag = words[-1].is_set_off_before and words[-1].text in _TAGS
    return "?" if end == "?" and not is_tag else "." if end in (".", "?", "!", "\u2026") else ""
