"""How long a turn may keep its user waiting: its limit counts silence, and stands while there is sound.

    decided                 sound comes          last sample played     sound comes
       |--- the limit runs ---|-- it stands still --|--- it runs on ---|-- it stands still ...

A long answer takes its time to be spoken, and that is nobody's fault; who waits in silence waits for a server.
"""

from __future__ import annotations

import math

import attrs


@attrs.define
class Patience:
    """``due`` is when the turn's limit ends, if nothing changes: never, while sound is played or waits to be played."""

    due: float
    _left_s: float | None = attrs.field(default=None, init=False)

    def sound(self, now: float) -> None:
        """Note that there is sound to be played."""
        if self._left_s is None:
            self._left_s, self.due = self.due - now, math.inf

    def silence(self, now: float) -> None:
        """Note that all sound there was has been played."""
        if self._left_s is not None:
            self.due, self._left_s = now + self._left_s, None
