"""Asking the agent before the turn is decided: when it may be done, and an account of what it won and cost.

    last voiced   words are there: ask ahead       decided: the answer may be spoken
        |---------------|----------- agent works -------|
                                     ^ the speaker goes on: taken back, unheard; the server sees it close

It is never done with words that cannot be all, nor where the operator has not said that a question may be asked for
nothing. It is switched off for a while when the agent is slow, limited or failing, since what is thrown away is then
taken from somebody's answer, and for the rest of an hour when too much was thrown away.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import attrs

from voxbridge.core.turns.completeness import Completeness

Reason = Literal["not allowed", "words", "slow", "limited", "failing", "budget"]
"""Why nothing is asked ahead."""

_PAUSE_S = 60.0
_HOUR_S = 3600.0
_SLOW_TIMES = 3.0
"""So many times its target the agent took: it has more to do than it can."""


@attrs.frozen
class SpeculationRules:
    """``is_allowed``: the operator says so, and every backup's operator. ``wasted_max``: an hour."""

    is_allowed: bool = False
    wasted_max: int = 120
    target_s: float = 0.5


@attrs.frozen
class SpeculationStatus:
    """How it stands. ``off``: why nothing is asked ahead at the moment."""

    off: Reason | None = "not allowed"
    asked: int = 0
    wasted: int = 0
    won_ms: int = 0


@attrs.define
class Speculation:
    """The account of one agent, over all rooms. Times are seconds on any one clock."""

    asked: int = 0
    wasted: int = 0
    won_ms: float = 0.0
    _wasted_at: deque[float] = attrs.field(factory=deque, init=False)
    _off: Reason | None = attrs.field(default=None, init=False)
    _off_until: float = attrs.field(default=0.0, init=False)

    def why_not(self, rules: SpeculationRules, words: Completeness | None, now: float) -> Reason | None:
        """Return why the agent is not to be asked ahead with these words, or None: ask."""
        if not rules.is_allowed:
            return "not allowed"
        if words in (None, "unfinished", "doubtful"):
            return "words"
        return self.is_off(rules, now)

    def is_off(self, rules: SpeculationRules, now: float) -> Reason | None:
        """Return why it is switched off at the moment, or None."""
        if self._off is not None and now < self._off_until:
            return self._off
        while self._wasted_at and now - self._wasted_at[0] > _HOUR_S:
            self._wasted_at.popleft()
        return "budget" if len(self._wasted_at) >= rules.wasted_max else None

    def status(self, rules: SpeculationRules, now: float) -> SpeculationStatus:
        """Return how it stands, for the operator."""
        off = self.is_off(rules, now) if rules.is_allowed else "not allowed"
        return SpeculationStatus(off, self.asked, self.wasted, round(self.won_ms))

    def note_asked(self) -> None:
        """Note that the agent was asked ahead."""
        self.asked += 1

    def note_wasted(self, now: float) -> None:
        """Note that what was asked ahead was taken back."""
        self.wasted += 1
        self._wasted_at.append(now)

    def note_won(self, seconds: float) -> None:
        """Note by how much an answer came sooner."""
        self.won_ms += seconds * 1000

    def note_answer(self, rules: SpeculationRules, first_text_s: float, now: float) -> None:
        """Note how long the agent took for its first text, asked ahead or not."""
        if first_text_s > _SLOW_TIMES * rules.target_s:
            self._switch_off("slow", now)

    def note_failure(self, now: float, *, is_limited: bool) -> None:
        """Note that the agent failed, or said that it was asked too often."""
        self._switch_off("limited" if is_limited else "failing", now)

    def _switch_off(self, reason: Reason, now: float) -> None:
        self._off, self._off_until = reason, now + _PAUSE_S
