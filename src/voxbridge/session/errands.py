"""What runs beside one speaker's ear: turns, guesses, notices. A bug in one of them ends that one alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.supervise import supervise


class Errands:
    """Starts what an ear asks for, in the nursery that is there at the time. ``on_done`` is told of each end."""

    def __init__(self, on_done: Callable[[], None] = lambda: None) -> None:
        self._on_done = on_done
        self._nursery: trio.Nursery | None = None
        self._open_count = 0
        self._changed = trio.Event()

    @contextmanager
    def started_in(self, nursery: trio.Nursery) -> Iterator[None]:
        """Start everything in this nursery, until the end of the block."""
        self._nursery = nursery
        try:
            yield
        finally:
            self._nursery = None

    @property
    def are_open(self) -> bool:
        """Tell whether something runs."""
        return self._open_count > 0

    @property
    def can_start(self) -> bool:
        """Tell whether there is a nursery."""
        return self._nursery is not None

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start something. There has to be a nursery."""
        assert self._nursery is not None, "an ear hears while the speaker's session runs"
        self._open_count += 1
        self._nursery.start_soon(self._once, name, run)

    async def _once(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        try:
            await supervise(name, run, backoff=Backoff(circuit=1))
        finally:
            self._open_count -= 1
            self._changed.set()
            self._changed = trio.Event()
            self._on_done()

    async def all_done(self) -> None:
        """Wait until nothing runs any more."""
        while self._open_count:
            await self._changed.wait()
