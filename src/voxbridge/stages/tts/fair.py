"""Who may use a speech server next."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Slot:
    """The right to use the server, given back by ``release`` or at the end of the block, whichever is first."""

    def __init__(self, limiter: FairLimiter) -> None:
        self._limiter = limiter
        self._is_held = True

    def release(self) -> None:
        """Let the next one in now. Any number of calls."""
        if self._is_held:
            self._is_held = False
            self._limiter._give_back()  # noqa: SLF001  # two halves of one thing


class FairLimiter:
    """At most ``capacity`` requests at a time, one turn after the other.

    Turns wait in a ring, in the order in which they came; each gets one request when it is at the head and goes to
    the back if it has more. So a long answer does not keep a short one waiting, and within a turn the order stays.
    """

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._ring: OrderedDict[str, deque[trio.Event]] = OrderedDict()

    @property
    def free(self) -> int:
        """Return how many slots nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """Return how many requests wait."""
        return sum(map(len, self._ring.values()))

    @asynccontextmanager
    async def slot(self, turn_id: str) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it. A cancelled wait takes nothing."""
        await self._acquire(turn_id)
        slot = Slot(self)
        try:
            yield slot
        finally:
            slot.release()

    async def _acquire(self, turn_id: str) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._free:  # then nobody waits: a slot given back goes to a waiter first
            self._free -= 1
            return
        turn = trio.Event()
        self._ring.setdefault(turn_id, deque()).append(turn)
        is_cancelled = True
        try:
            await turn.wait()
            is_cancelled = False
        finally:
            if is_cancelled:
                self._forget(turn_id, turn)

    def _forget(self, turn_id: str, turn: trio.Event) -> None:
        if turn.is_set():
            # Granted in the instant of the cancel, after the wait was given up and before this task ran.
            self._give_back()
            return
        queue = self._ring[turn_id]
        queue.remove(turn)
        if not queue:
            del self._ring[turn_id]

    def _give_back(self) -> None:
        if not self._ring:
            self._free += 1
            return
        turn_id, queue = self._ring.popitem(last=False)
        queue.popleft().set()
        if queue:
            self._ring[turn_id] = queue
