"""The asyncio island: the one place where asyncio runs, and the only door to it.

discord.py lives here, for signalling only. The loop is ``trio_asyncio``'s, so it shares Trio's thread and clock:
state may be read from both sides without a lock. Importing ``trio_asyncio`` changes what ``asyncio.run`` does in the
whole process, which is why nothing outside ``voxbridge.discord`` may import it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

import structlog
import trio
import trio_asyncio

_log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class CallCancelled(Exception):
    """The asyncio side cancelled the call by itself (discord.py restarts a connection in this way)."""


class Island:
    """Calls across the border. Usable from any Trio task, also from one that was not started on the island."""

    def __init__(self, loop: Any) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.loop_errors = 0

    async def call(self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a coroutine function of asyncio and return what it returns. A Trio cancel cancels it.

        Raises:
            CallCancelled: asyncio cancelled it, not we.
        """
        loop: Any = self.loop
        try:
            result: T = await loop.run_aio_coroutine(function(*args, **kwargs))
        except asyncio.CancelledError as exc:
            raise CallCancelled("cancelled on the asyncio side") from exc
        return result

    def trio_call(self, function: Callable[..., Awaitable[T]], *args: Any) -> asyncio.Future[T]:
        """Return a future that runs a Trio function; to be awaited by asyncio code (slash commands)."""
        loop: Any = self.loop
        future: asyncio.Future[T] = loop.trio_as_future(function, *args)
        return future

    async def beat(self) -> None:
        """Return once the asyncio loop has run a callback: proof that it moves. Trio side."""
        moved = trio.Event()
        self.loop.call_soon(moved.set)
        await moved.wait()

    def note_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log and count what asyncio could not deliver to anybody.

        trio-asyncio 0.16 without such a handler raises it out of ``open_loop`` and so ends the daemon; discord.py
        2.7.1 does leave tasks behind whose exception nobody fetches. The text of an exception may quote a secret or
        speech, so only its type is logged.
        """
        self.loop_errors += 1
        exc = context.get("exception")
        _log.warning("error on the asyncio side", what=context.get("message"), error=type(exc).__name__ if exc else "")


@asynccontextmanager
async def open_island() -> AsyncIterator[Island]:
    """Open the loop for the life of the ``async with`` body."""
    async with trio_asyncio.open_loop() as loop:
        island = Island(loop)
        loop.set_exception_handler(island.note_loop_error)
        yield island
