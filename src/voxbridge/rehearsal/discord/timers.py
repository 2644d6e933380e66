"""Synchronous code that wants something done later: one heap, one task."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import trio


class Timers:
    """Call functions at a Trio time, in order of their times. A timer may be cancelled by its handle."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()
        self._earlier = trio.Event()

    def after(self, delay_s: float, action: Callable[[], None]) -> int:
        """Schedule an action and return its handle. An action must not raise."""
        number = next(self._numbers)
        heapq.heappush(self._heap, (trio.current_time() + delay_s, number, action))
        if self._heap[0][1] == number:
            self._earlier.set()
        return number

    def cancel(self, handle: int) -> None:
        """Make sure that an action does not run any more; harmless if it has run."""
        if any(number == handle for _, number, _ in self._heap):
            self._cancelled.add(handle)

    async def run(self) -> None:
        """Carry out the actions, for ever."""
        while True:
            self._earlier = trio.Event()
            now = trio.current_time()
            while self._heap and self._heap[0][0] <= now:
                _, number, action = heapq.heappop(self._heap)
                if number in self._cancelled:
                    self._cancelled.discard(number)
                else:
                    action()
            with trio.move_on_at(self._heap[0][0] if self._heap else float("inf")):
                await self._earlier.wait()
