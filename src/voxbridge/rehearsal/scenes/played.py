"""What came of a scene: what was done, what was heard, and each turn's own report, all on the scene's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from voxbridge.core.sound.pcm import FRAME_S, Pcm

# Between two sentences of one answer there are at most 0.4 s where the voice is in time.
_PAUSE_S = 0.4


@attrs.frozen
class Deed:
    """A step that was done: from when to when, in seconds since the scene began, and what it was in words."""

    step: int
    began_s: float
    ended_s: float
    by: str
    told: str
    is_speech: bool = False


@attrs.frozen
class Sounded:
    """A packet with the bot's voice, as it came to the voice server."""

    at_s: float
    is_encrypted: bool = True


@attrs.frozen
class Turn:
    """One turn: who spoke, the daemon's report, and where the turn's zero lies on the scene's clock."""

    by: str
    report: Mapping[str, Any]
    zero_s: float
    reply: Pcm | None = None
    """What Ada heard of it."""

    def at(self, mark: str) -> float | None:
        """Return when the turn came to a mark, on the scene's clock; None if it did not."""
        seconds = self.report["marks"].get(mark)
        return None if seconds is None else self.zero_s + float(seconds)

    @property
    def outcome(self) -> str:
        """Return how it ended."""
        return str(self.report["outcome"])

    @property
    def heard(self) -> str:
        """Return the words that were heard."""
        return str(self.report["heard"])

    @property
    def answer(self) -> str:
        """Return the whole answer, also what of it was not said."""
        return str(self.report["answer"])

    @property
    def first_audio_ms(self) -> float | None:
        """Return the time from the decision that it has ended to the first sound."""
        part = self.report["first_audio"]
        return None if part is None else float(part["ms"])

    @property
    def reply_ms(self) -> float | None:
        """Return the time from the speaker's last sound to the first of the answer."""
        begin, end = self.at("speech_end"), self.at("first_audio")
        return None if begin is None or end is None else (end - begin) * 1000


@attrs.frozen
class Played:
    """All of it. ``broke`` says why the scene could not be played to its end."""

    deeds: tuple[Deed, ...]
    turns: tuple[Turn, ...]
    voice: tuple[Sounded, ...]
    written: tuple[tuple[float, str], ...]
    ended_s: float
    is_call_encrypted: bool = True
    broke: str = ""

    def voice_between(self, begin_s: float, end_s: float) -> list[Sounded]:
        """Return what of the bot's voice came in a stretch of time."""
        return [one for one in self.voice if begin_s <= one.at_s < end_s]

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """Return from when to when the bot was heard."""
        found: list[tuple[float, float]] = []
        for one in self.voice:
            if found and one.at_s - found[-1][1] < _PAUSE_S:
                found[-1] = (found[-1][0], one.at_s + FRAME_S)
            else:
                found.append((one.at_s, one.at_s + FRAME_S))
        return found
