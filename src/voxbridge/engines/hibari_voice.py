"""The embedded voice: hibari, one English voice, 60 times faster than real time on one core."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from voxbridge.engines.weights import hibari_dir

VOICE_NAME = "heart"
_SEED = 0  # the noise part of the sound: the same text gives the same bytes
_RUN_WORDS_MAX = 30  # more words without any mark would be one piece of a quarter of a minute
_WARM_UP = "Warm up 3 of the Xylanthians."  # a number and an unknown word: both load a part of their own

_MARKS = re.compile(r"[.!?,;:\u2026]")
# hibari reads "[word](/phonemes/)" as instructions how to say the word; an agent must not give any.
_BRACKETS = str.maketrans("[]", "  ")


def _is_latin(letter: str) -> bool:
    return letter < "\u0250" or "\u1e00" <= letter < "\u1f00"  # Latin to Extended-B, and Extended Additional


def sayable(text: str) -> str:
    """Return what the voice can say of a text: nothing for text without words or mostly in another script.

    Cyrillic would become meaningless sound and three dots a grunt; silence is the honest answer.
    """
    text = " ".join(text.translate(_BRACKETS).split())
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return text if any(char.isdecimal() for char in text) else ""
    if sum(map(_is_latin, letters)) * 2 < len(letters):
        return ""
    return text


def breaths(text: str) -> Iterator[str]:
    """Cut runs of words without any mark: the voice splits only at marks, and 200 words would be one piece."""
    words, start, run = text.split(), 0, 0
    for at, word in enumerate(words, 1):
        run = 0 if _MARKS.search(word) else run + 1
        if run == _RUN_WORDS_MAX:
            yield " ".join(words[start:at])
            start, run = at, 0
    if start < len(words):
        yield " ".join(words[start:])


class HibariVoice:
    """A text-to-speech engine. Thread-safe; a call cannot be interrupted."""

    def __init__(self) -> None:
        """Load and warm the voice (1 to 2 s). Raises: EngineError."""
        folder = hibari_dir()
        from hibari import Hibari  # heavy: only in the engines' own process, and only when it starts

        # The model is given by path: a voice given by name is downloaded when it is not in the package.
        self._hibari: Any = Hibari(model=str(folder / "hibari.onnx"), threads=1)
        list(self.say(_WARM_UP))

    def say(self, text: str) -> Iterator[bytes]:
        """Yield the sound of a text, 24 kHz mono s16le, one piece per sentence; no piece if there is nothing to say.

        Each step blocks for 20 to 100 ms (8 words: 45 ms) and releases the GIL.
        """
        for breath in breaths(sayable(text)):
            for sound in self._hibari.stream(breath, seed=_SEED):
                yield (np.clip(sound, -1.0, 1.0) * 32767).astype("<i2").tobytes()
