"""The story of one turn as named instants, from which every report is derived.

    speech_start      speech_end    turn_decided  stt_final  agent_request .. agent_first_text
        |..................|..endpointing..|....stt....|.floor.|......agent......|.sentence.|.tts.|.playout.|
                                                                          tts_request  tts_first_pcm  first_audio

The log line, the histograms, the bench and the test assertions all read this one object, so they cannot disagree.
The parts between ``speech_end`` and ``first_audio`` are contiguous: they sum to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

Verdict = Literal["ok", "late", "-"]

# (name of the part, instant it begins at, instant it ends at), in the order of a turn
PARTS: tuple[tuple[str, str, str], ...] = (
    ("endpointing", "speech_end", "turn_decided"),
    ("stt", "turn_decided", "stt_final"),
    ("floor", "stt_final", "agent_request"),
    ("agent", "agent_request", "agent_first_text"),
    ("sentence", "agent_first_text", "tts_request"),
    ("tts", "tts_request", "tts_first_pcm"),
    ("playout", "tts_first_pcm", "first_audio"),
)


@attrs.frozen
class Part:
    """One stretch of the turn. ``budget_ms`` None: nothing was promised for it."""

    name: str
    ms: float
    budget_ms: float | None
    verdict: Verdict


def _judge(ms: float, budget_ms: float | None) -> Verdict:
    if budget_ms is None:
        return "-"
    return "ok" if ms <= budget_ms else "late"


@attrs.define
class Timeline:
    """Named instants of one turn. ``started_at`` and all marks are Trio times in seconds."""

    turn_id: str
    started_at: float
    _marks: dict[str, float] = attrs.field(factory=dict, init=False)

    def mark(self, name: str, now: float) -> None:
        """Note an instant; the first note of a name stands (a second sentence does not move the first)."""
        self._marks.setdefault(name, now)

    def remark(self, name: str, now: float) -> None:
        """Note an instant that moves on, such as the last frame out."""
        self._marks[name] = now

    def at(self, name: str) -> float | None:
        """Return the Trio time of a mark, or None if it has not come."""
        return self._marks.get(name)

    def between(self, earlier: str, later: str) -> float | None:
        """Return the seconds between two marks, or None if one is missing."""
        begin, end = self._marks.get(earlier), self._marks.get(later)
        return None if begin is None or end is None else end - begin

    @property
    def marks(self) -> dict[str, float]:
        """Return all marks in seconds from the turn's start (the first voiced frame), in order of time."""
        return {name: at - self.started_at for name, at in sorted(self._marks.items(), key=lambda item: item[1])}

    def parts(self, budgets_ms: Mapping[str, float]) -> list[Part]:
        """Cut the way from the end of speech to the first audio into parts, each judged by its budget.

        A turn that ended early (failed, interrupted) has the parts it got through. A part whose end lies before
        its beginning (a transcript that was ready before the turn was decided) is 0 ms long, and the next part
        begins where this one does, so that the sum stays right.
        """
        found: list[Part] = []
        cursor = self._marks.get("speech_end")
        if cursor is None:
            return found
        for name, _begin, end in PARTS:
            reached = self._marks.get(end)
            if reached is None:
                break
            reached = max(reached, cursor)
            ms = (reached - cursor) * 1000
            budget_ms = budgets_ms.get(name)
            found.append(Part(name, ms, budget_ms, _judge(ms, budget_ms)))
            cursor = reached
        return found

    def first_audio(self, budget_ms: float) -> Part | None:
        """Return the whole from the decision that the turn ended to the first frame out, or None without audio."""
        seconds = self.between("turn_decided", "first_audio")
        return (
            None
            if seconds is None
            else Part("first_audio", seconds * 1000, budget_ms, _judge(seconds * 1000, budget_ms))
        )
