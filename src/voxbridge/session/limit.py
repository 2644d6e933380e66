"""The limit of a turn as a cancel scope whose deadline stands still while there is sound."""

from __future__ import annotations

from typing import Protocol

import trio

from voxbridge.core.turns.patience import Patience


class Waiting(Protocol):
    """Who is told whether the user hears something or waits."""

    def sound(self) -> None:
        """Note that there is sound to be played."""

    def silence(self) -> None:
        """Note that all sound there was has been played."""


class TurnLimit:
    """The scope in which an answer is made. ``due`` is the Trio time at which it ends if no sound comes."""

    def __init__(self, due: float) -> None:
        self._patience = Patience(due)
        self.scope = trio.CancelScope(deadline=due)

    def sound(self) -> None:
        """See Waiting."""
        self._patience.sound(trio.current_time())
        self.scope.deadline = self._patience.due

    def silence(self) -> None:
        """See Waiting."""
        self._patience.silence(trio.current_time())
        self.scope.deadline = self._patience.due


class _NoLimit:
    def sound(self) -> None:
        pass

    def silence(self) -> None:
        pass


NO_LIMIT: Waiting = _NoLimit()
