"""Lets others have their turn in work that goes on and on, such as a body that comes without a pause."""

from __future__ import annotations

import trio

UNBROKEN_S = 0.002  # a tenth of a frame: others wait so long at most, and for one step more


class Breath:
    """``take`` is awaited between any two steps, and costs nothing most of the time. Virtual time needs none."""

    def __init__(self) -> None:
        self._began = trio.current_time()

    async def take(self) -> None:
        """Let others have their turn, if it is time."""
        if trio.current_time() - self._began > UNBROKEN_S:
            await trio.lowlevel.checkpoint()
            self._began = trio.current_time()
