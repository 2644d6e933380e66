"""When a wait becomes long: who waits for an answer since when, and for how long nothing has been heard.

    decided                 after_s                     the answer sounds
      |------- silence --------|~~~~ thinking sound ~~~~~~~~|=============
                                       ^ somebody speaks: it ends, and after_s of silence begin anew

Times alone decide: the same waits give the same sound at the same instant. Also a pause in the middle of an answer, at
which the agent still works, is a wait.
"""

from __future__ import annotations

import math

import attrs


@attrs.define
class _Wait:
    since: float
    language: str
    has_filler: bool = False


@attrs.define
class Waits:
    """Who waits in one room. ``after_s`` None: nothing is ever due."""

    _waits: dict[str, _Wait] = attrs.field(factory=dict, init=False)
    _quiet_since: float = attrs.field(default=-math.inf, init=False)

    def begin(self, turn_id: str, since: float, language: str) -> None:
        """Note that somebody waits since then; infinity: it is not decided yet that they have finished."""
        self._waits[turn_id] = _Wait(since, language)

    def decided(self, turn_id: str, since: float) -> None:
        """Note since when somebody waits of whom ``begin`` has told, if it has."""
        if turn_id in self._waits:
            self._waits[turn_id].since = since

    def end(self, turn_id: str) -> None:
        """Note that this one waits no more."""
        self._waits.pop(turn_id, None)

    def heard(self, now: float) -> None:
        """Note that somebody speaks, or that something of an answer leaves: it is not quiet now."""
        self._quiet_since = max(self._quiet_since, now)

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody waits."""
        return self._since == math.inf

    @property
    def _since(self) -> float:
        return min((wait.since for wait in self._waits.values()), default=math.inf)

    def due(self, after_s: float | None) -> float:
        """Return when something should be heard, if nothing is until then; infinity if nobody waits."""
        return math.inf if after_s is None else max(self._since, self._quiet_since) + after_s

    def take_filler(self) -> str | None:
        """Return the language of a word to fill the wait with, or None if this turn has had one."""
        wait = min(self._waits.values(), key=lambda each: each.since, default=None)
        if wait is None or wait.has_filler:
            return None
        wait.has_filler = True
        return wait.language
