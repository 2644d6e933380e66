# ruff: noqa: RUF001 - typographic apostrophes belong to prose
"""Plain prose: text in which there is nothing that any rule looks at. Most of an answer is, and so costs little."""

from __future__ import annotations

import re

_WIDE = "\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff66-\uffdc"
# Letters, digits, the vowel signs of many scripts (which are no letters to Python), spaces and apostrophes. Not the
# scripts without spaces: there each character may be a word.
_WITHIN = re.compile(rf"(?:[^\W_{_WIDE}]|[ '’]|[\u0300-\u036f\u0590-\u05bd\u064b-\u0652\u0900-\u0963\u0980-\u0dff])*")

# Words with single spaces between them and at most one mark behind each: what says nothing but itself.
_WORD = r"(?:[^\W\d_]{1,40}(?:['’-][^\W\d_]{1,40}){0,4}|\d{1,3})"
_PIECE = re.compile(rf"{_WORD}[.,!?]?(?: {_WORD}[.,!?]?)*[.,;:!?…]?")
_RAISED = re.compile("[\u00b2\u00b3\u00b9\u2070-\u209f]")  # to Python these are letters
_FACE = re.compile(r"\b[xX]D+\b|\b[Tt][_.]")


def is_plain_stretch(text: str, *, with_commas: bool = False) -> bool:
    """Tell whether a stretch of text begins and ends nothing: no sentence, no line, no mark of any kind.

    ``with_commas``: nor does a comma, as in every sentence but an answer's first.
    """
    return _WITHIN.fullmatch(text.replace(",", "") if with_commas else text) is not None


def is_plain_piece(text: str) -> bool:
    """Tell whether a whole piece is said as it is written."""
    return _PIECE.fullmatch(text) is not None and _FACE.search(text) is None and _RAISED.search(text) is None
