"""What the simulated speech-to-text servers share: what was heard, and the script of what to make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import attrs

from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.rehearsal.tones import words_in


@attrs.frozen
class Sound:
    """The sound of one utterance: s16le, 16 kHz, mono."""

    pcm: bytes = attrs.field(repr=False)

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return len(self.pcm) / 2 / HEARING_RATE_HZ


Ending = Literal["hang", "cut", "reset"]
Text = str | Sequence[str] | Callable[[Sound], str]


def tone_words(sound: Sound) -> str:
    """Return the words that ``rehearsal.tones`` put in."""
    return words_in(sound.pcm)


@attrs.define
class HearingScript:
    """What a server says and how it fails; may be changed while it runs. Counts are used up.

    ``text``: a constant, one after the other (the last repeats), or made from what was heard.
    """

    text: Text = tone_words
    final_delay_s: float = 0.0
    """What the model takes for an utterance."""
    ignored_ends: int = 0
    """So many ends of utterances are never answered."""
    failed_ends: int = 0
    """So many are answered with the server's own kind of error."""
    is_mute: bool = False
    """It does as if it worked, and says nothing at all of what it has heard."""
    dies_after_s: float | None = None
    """Drop the connection without a word after so much more sound, once."""
    answer: bytes | None = None
    """Raw bytes sent instead of each final."""
    then: Ending = "hang"
    """What becomes of the connection behind ``answer``."""
    drip_s: float = 0.0
    """Send the final a byte at a time, with pauses of so long between."""

    def words(self, sound: Sound, index: int) -> str:
        """Return what the script makes of an utterance, the ``index``-th that is transcribed."""
        if callable(self.text):
            return self.text(sound)
        return self.text if isinstance(self.text, str) else self.text[min(index, len(self.text) - 1)]

    def dies(self, more_s: float) -> bool:
        """Count sound; tell whether this is the moment to die."""
        if self.dies_after_s is None:
            return False
        self.dies_after_s -= more_s
        if self.dies_after_s > 0:
            return False
        self.dies_after_s = None
        return True
