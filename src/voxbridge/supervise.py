"""The only way to start a task in a nursery that others live in.

Trio has no isolation inside a nursery: one task that raises ends its siblings. ``supervise`` runs one child, starts
it again with backoff when it crashes, and gives it up when it crashes too often, so that nobody else is touched.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import ParamSpec

import structlog
import trio

from voxbridge.core.health.backoff import Backoff

_log = structlog.get_logger(__name__)

Arguments = ParamSpec("Arguments")


class Fuse:
    """Brings a crash in a callback to the task that answers for it, so that the caller goes on and nobody else falls.

    The task waits; its supervisor hears of the crash. Nothing is called any more behind a fuse that has blown.
    """

    def __init__(self) -> None:
        self._is_over = trio.Event()
        self._error: Exception | None = None

    def call(self, callback: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Call ``callback``; never raises."""
        if self._error is not None:
            return
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - raised again, in the task that waits
            self._error = error
            self._is_over.set()

    def end(self) -> None:
        """Let ``wait`` return."""
        self._is_over.set()

    async def wait(self) -> None:
        """Return at the end. Raises: what a callback raised."""
        await self._is_over.wait()
        if self._error is not None:
            raise self._error


async def keep(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    given_up: Callable[[float], Awaitable[None]],
    pauses: Backoff | None = None,
    **fields: object,
) -> None:
    """Supervise ``run`` until it returns, and never for the last time: given up, it is tried again after a pause.

    The pauses grow, from one minute to a quarter of an hour; ``given_up`` is told how long each will be.
    """
    rule = pauses or Backoff(base_s=60.0, cap_s=900.0, healthy_s=600.0)
    while True:
        began = trio.current_time()
        if await supervise(name, run, backoff=None, **fields):
            return
        now = trio.current_time()
        pause_s = rule.failed(now, now - began)
        assert pause_s is not None, "a rule without a circuit always has a pause"
        _log.warning("task is tried again after a pause", task=name, pause_s=round(pause_s), **fields)
        await given_up(pause_s)
        await trio.sleep(pause_s)


async def supervise(
    name: str, run: Callable[[], Awaitable[None]], *, backoff: Backoff | None = None, **fields: object
) -> bool:
    """Run ``run`` until it returns (True) or has crashed too often (False); ``fields`` go into each log line.

    Catches ``Exception`` only, which a group of exceptions is too; a cancel and a keyboard interrupt pass. A group
    that holds both (a crash in the instant of a cancel) is parted: the crash is logged, and the rest passes.
    """
    rule = backoff or Backoff(circuit=5, circuit_window_s=60.0, rng=random.random)
    while True:
        began = trio.current_time()
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - this is the supervisor
            now = trio.current_time()
            wait_s = rule.failed(now, now - began)
            _log.exception("task crashed", task=name, failures=rule.failures, error=type(error).__name__, **fields)
            if wait_s is None:
                _log.error("task given up: it crashes again and again", task=name, **fields)
                return False
            await trio.sleep(wait_s)
        except BaseExceptionGroup as group:
            # Whole, the group would pass; the scope that was cancelled takes its Cancelled out of it, and what is left
            # would be a crash in the nursery that this function is here to protect.
            crash, rest = group.split(Exception)
            if crash is not None:
                _log.error("task crashed while it was cancelled", task=name, exc_info=crash, **fields)
            assert rest is not None, "a group of Exceptions alone is an Exception"
            raise rest from None
        else:
            return True
