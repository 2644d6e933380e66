"""Our own words that come back: what of a transcript is the echo of what was just said aloud.

    said      "The weather in Boston is fine today, with a light wind from the west."
    heard     "weather in Boston is find today"                  all of it is echo
              "the weather in Boston no I meant Austin"          left: "no I meant Austin"
              "yes"                                              one word proves nothing
              "what about the wind"                              a question in the words of the answer: left whole

People answer in the words that they have just heard, so a run of three words in the same order is what shows an echo.
A speech server hears an echo with some words wrong: where one stands in the place of a word of ours, between words that
are ours or much like it, it is taken for ours. Sound is the better witness where there is one (``audio/echo.py``).
"""

from __future__ import annotations

from difflib import SequenceMatcher

import attrs

from voxbridge.core.text.phantoms import plain

_RUN_MIN = 3  # words in a row: two are a coincidence
_MISHEARD_MAX = 2  # words between two stretches that are ours
_LIKE_MIN = 0.5  # "vest" for "west" 0.75, "stop" for "west" 0.25
TOLD_AT = 2
"""So many echoes, and the room is told who it is."""


def without_echo(heard: str, said: str) -> str:
    """Return what of a transcript is not an echo of what was said meanwhile; "" if nothing is."""
    words, ours = heard.split(), plain(said).split()
    bare = [plain(word).replace(" ", "") for word in words]
    if len([word for word in bare if word in ours]) < _RUN_MIN:
        return heard  # as mostly: no need to look closer
    echoed = _echoed(bare, ours)
    return " ".join(word for word, is_echo in zip(words, echoed, strict=True) if not is_echo) if any(echoed) else heard


def _echoed(heard: list[str], said: list[str]) -> list[bool]:
    """Tell of each word whether it is an echo. A "word" of marks alone goes with the one before it."""
    blocks = SequenceMatcher(None, said, heard, autojunk=False).get_matching_blocks()
    echoed = [False] * len(heard)
    if max(block.size for block in blocks) < _RUN_MIN:
        return echoed
    heard_at = said_at = 0
    for block in blocks:  # the last one is empty and stands at the end
        is_between = heard_at > 0 and block.size > 0
        gap = range(heard_at, block.b)
        is_misheard = is_between and len(gap) <= _MISHEARD_MAX and abs(len(gap) - (block.a - said_at)) <= 1
        for number, index in enumerate(gap):
            opposite = said[said_at + number] if heard_at and said_at + number < len(said) else ""
            echoed[index] = is_misheard or not heard[index] or (bool(opposite) and _are_like(heard[index], opposite))
        for index in range(block.b, block.b + block.size):
            echoed[index] = True
        heard_at, said_at = block.b + block.size, block.a + block.size
    return echoed


def _are_like(a: str, b: str) -> bool:
    return SequenceMatcher(None, a, b).ratio() >= _LIKE_MIN


@attrs.define
class EchoBook:
    """What is known of one speaker's echoes."""

    count: int = 0
    _is_told: bool = attrs.field(default=False, init=False)

    @property
    def is_echoing(self) -> bool:
        """Tell whether this speaker's microphone is known to return what we say."""
        return self.count >= TOLD_AT

    def heard(self) -> bool:
        """Note an echo; return whether the room is to be told of it now: once."""
        self.count += 1
        if self._is_told or not self.is_echoing:
            return False
        self._is_told = True
        return True
