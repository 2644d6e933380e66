"""Where the work of scripted objects lives between two awaited calls.

The users' document makes its objects without ``async with``, and their work goes on while the script does something
else. Trio has no task without a nursery, so one had to be found:

- A nursery that the script opens (``async with scripting.open():``) is how Trio means it, but the document's
  examples know nothing of it, and a fixture cannot give it to a test that is not asynchronous.
- Letting each ``wait_...`` call drive the work in a nursery of its own loses what happens between the calls: a
  connection that nobody reads, an answer that is not played.
- A system task belongs to the run and is cancelled, with its cleanup, when the main task has ended. Its one danger is
  that an exception in it ends the whole run; so none gets out: it is kept, and raised by the object's next call.

It is the last, one for each run, and for scripts only: the daemon's tasks have real nurseries. Who wants the end in
his own hands calls ``aclose()``, or enters the object with ``async with``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")

_nursery: trio.lowlevel.RunVar[trio.Nursery] = trio.lowlevel.RunVar("voxbridge.scripting")
_STOP_S = 1.0  # closing a few connections takes milliseconds; a hung peer must not hold the script


async def _run_nursery() -> trio.Nursery:
    """Return the nursery of this run, opened with the first use."""
    try:
        return _nursery.get()
    except LookupError:
        opened: list[trio.Nursery] = []
        is_open = trio.Event()

        async def keep() -> None:
            async with trio.open_nursery() as nursery:
                opened.append(nursery)
                is_open.set()
                await trio.sleep_forever()

        trio.lowlevel.spawn_system_task(keep, name="voxbridge.scripting")
        await is_open.wait()
        # two objects may have got here at once: both nurseries live as long as the run
        _nursery.set(opened[0])
        return opened[0]


class Started(Generic[T]):
    """What a life calls when it is usable, like Trio's ``task_status``; remembers that it was called."""

    def __init__(self, status: trio.TaskStatus[T]) -> None:
        self._status = status
        self.has_come = False

    def started(self, value: T) -> None:
        """Say that the life is usable, and with what."""
        self.has_come = True
        self._status.started(value)


class Background:
    """The background work of one object: its life, its crash, and the waiting for what it does."""

    def __init__(self) -> None:
        self._scope = trio.CancelScope()
        self._is_over = trio.Event()
        self._is_over.set()
        self._changed = trio.Event()
        self._crash: Exception | None = None

    async def start(self, life: Callable[[Started[T]], Awaitable[None]]) -> T:
        """Start ``life`` and return what it says when it is usable. What it raises before that is raised here."""
        nursery = await _run_nursery()
        self._scope, self._is_over, self._crash = trio.CancelScope(), trio.Event(), None
        value: T = await nursery.start(self._live, life)
        return value

    async def _live(self, life: Callable[[Started[T]], Awaitable[None]], *, task_status: trio.TaskStatus[T]) -> None:
        status = Started(task_status)
        try:
            with self._scope:
                await life(status)
        except Exception as error:
            if not status.has_come:
                raise
            self._crash = error
        finally:
            self._is_over.set()
            self.touch()

    async def stop(self) -> None:
        """End the work and wait until it has let go of everything. May be called again, and before any start."""
        self._scope.cancel(reason="left")
        with trio.move_on_after(_STOP_S, shield=True):
            await self._is_over.wait()

    def touch(self) -> None:
        """Let those in ``until`` look again."""
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition()`` holds. Raises what the work has crashed with."""
        await trio.lowlevel.checkpoint()
        while not condition():
            if self._crash is not None:
                raise self._crash
            await self._changed.wait()
