"""What the scanner gives, and what it is told of a place: the pieces of its dialogue."""

from __future__ import annotations

from typing import Literal

import attrs

from voxbridge.core.text.machine_talk import Hidden

Kind = Literal["text", "code", "fence", "fenced", "break", "cell"]


@attrs.frozen
class Token:
    """A stretch of the text as it was written; ``fence`` is the line that opens a block of code."""

    kind: Kind
    text: str


@attrs.frozen
class Step:
    """What becomes of the beginning of what is held: so many characters pass as text, or are dropped.

    ``gives`` is a token in place of what is dropped; ``hides`` is what is not said behind it.
    """

    passes: int = 0
    drops: int = 0
    gives: Token | None = None
    hides: Hidden | None = None
