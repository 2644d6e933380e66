"""How long a text takes to be said: a bound that no voice needs, for the voice that does not stop by itself.

Voices of the embedding kind (Chatterbox) sometimes go on after the last word: half a minute of babble behind "Yes.".
Servers with a fault send silence for ever. Neither is told from speech by its sound, but both are longer than anybody
could make of their text.
"""

from __future__ import annotations

import functools

# A slow reader says 10 Latin characters a second (0.1 s each) and three syllables, which in the scripts of East and
# South Asia is three characters. A digit or a sign may be a word of four syllables ("seven", "per cent"), a capital
# the name of a letter. Each is taken twice, and what stands at both ends is a breath.
_LETTER_S, _SYLLABLE_S, _WORD_S = 0.2, 0.6, 1.0
_BREATHS_S = 3.0
_FIRST_SYLLABIC = 0x0900  # Devanagari; the alphabets stand before it


def longest_sound_s(text: str, *, speed: float = 1.0) -> float:
    """Return the seconds of sound that a text can take at most; ``speed`` is the factor the voice is told to speak by.

    Some two to three times what a slow voice takes: what is longer holds something else than the text.
    """
    return _BREATHS_S + longest_said_s(text) / min(1.0, speed)


def longest_said_s(text: str) -> float:
    """Return the same for a stretch of a longer text, which may be cut anywhere."""
    return sum(map(_character_s, text))


@functools.lru_cache(512)  # all of an alphabet; asked for each character of each answer, twice
def _character_s(char: str) -> float:
    if char.isspace():
        return 0.0
    if char.isalpha():
        if ord(char) >= _FIRST_SYLLABIC:
            return _SYLLABLE_S
        return _SYLLABLE_S if char.isupper() else _LETTER_S
    return _WORD_S
