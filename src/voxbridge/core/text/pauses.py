# ruff: noqa: RUF001 - full-width marks are what this module is about
"""How long a voice is silent between two pieces of a text: by the mark at the end of the first.

Pieces are often no sentences: the first clause leaves early, and a long sentence is cut. In the middle of a sentence
nobody pauses; between two sentences people do, by 200 to 350 ms when they read aloud.
"""

from __future__ import annotations

_CLOSERS = "\"'”’»)]}」』）】*_`~"
_STOPS = frozenset(".!?…。！？｡।॥۔؟።፧፨։")
_QUESTIONS = frozenset("?？؟")
_CLAUSES = frozenset(",;:，、；：،؛፣፤፥—–-")

SENTENCE_MS = 250
_CLAUSE_MS = 80  # a breath; what is below 100 ms is not heard as a pause


def ends_in_question(text: str) -> bool:
    """Tell whether a text ends by asking."""
    return text.rstrip().rstrip(_CLOSERS)[-1:] in _QUESTIONS


def pause_between_ms(before: str, after: str) -> int:
    """Return the silence that belongs between two pieces of a text.

    Without a mark it was the end of a line (a heading, a point of a list), if the next one begins as a sentence does.
    """
    mark = before.rstrip().rstrip(_CLOSERS)[-1:]
    if mark in _STOPS:
        return SENTENCE_MS
    if mark in _CLAUSES:
        return _CLAUSE_MS
    return SENTENCE_MS if after[:1].isupper() or after[:1].isdigit() else 0
