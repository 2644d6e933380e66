"""How words are said that a voice would say wrongly: names, abbreviations, products.

    "n8n"  = "n eight n"     small letters only: found in any case
    "SQL"  = "sequel"        with a capital: found as it stands
    "New York" = "..."       several words, with any space between them

Whole words only, so that ``n8n`` is not found in ``n8nodes``; where several fit at one place, the longest counts, then
the one that was written with capitals. What was put in is not looked at again. The lexicon stands behind the speakable
filter: it sees what is to be said, not how it was marked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs


@attrs.frozen
class _Word:
    written: str
    said: str

    @property
    def has_case(self) -> bool:
        return self.written != self.written.lower()

    @property
    def pattern(self) -> str:
        words = r"\s+".join(map(re.escape, self.written.split()))
        return f"({words})" if self.has_case else f"((?i:{words}))"


class Lexicon:
    """The words of one language."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = sorted(
            (_Word(" ".join(written.split()), said) for written, said in words.items() if written.strip()),
            key=lambda word: (-len(word.written), not word.has_case),
        )
        # One pattern and one pass; a group for each word tells which one was found. A word may begin or end with a
        # mark (C++, .NET), so its edges are not \b, which wants a letter there.
        found = "|".join(word.pattern for word in self._words)
        self._pattern = re.compile(rf"(?<!\w)(?:{found})(?!\w)") if self._words else None

    def apply(self, text: str) -> str:
        """Return the text as it is to be said."""
        return text if self._pattern is None else self._pattern.sub(self._said, text)

    def _said(self, match: re.Match[str]) -> str:
        assert match.lastindex is not None
        return self._words[match.lastindex - 1].said


class Lexica:
    """The lexicon of each language; ``de-AT`` falls back on ``de``."""

    def __init__(self, words: Mapping[str, Mapping[str, str]]) -> None:
        self._lexica = {language.lower(): Lexicon(entries) for language, entries in words.items() if entries}

    def __bool__(self) -> bool:
        return bool(self._lexica)

    def apply(self, text: str, language: str) -> str:
        """Return the text as it is to be said in this language."""
        code = language.lower()
        lexicon = self._lexica.get(code) or self._lexica.get(code.partition("-")[0])
        return text if lexicon is None else lexicon.apply(text)
