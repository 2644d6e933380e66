"""First, idle and total deadline of a stage in one moving cancel scope."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import trio

from voxbridge.errors import DeadlineKind, StageName, StageTimeout


class StageDeadline:
    """Three limits in one scope: until the first item, between items, and over all; all in seconds.

    Used by the consumer of a stream, as a context manager. Only its own expiry raises ``StageTimeout``; a
    cancel from outside (barge-in, drain) passes untouched. Call ``item()`` after each item, and do our own
    slow work inside ``paused()``: the clock times the wait for the peer, not for us.
    """

    def __init__(
        self,
        stage: StageName,
        *,
        first_s: float,
        idle_s: float = math.inf,
        total_s: float = math.inf,
        backend: str = "",
    ) -> None:
        self._stage, self._backend = stage, backend
        self._limits_s: dict[DeadlineKind, float] = {"first": first_s, "idle": idle_s, "total": total_s}
        self._scope = trio.CancelScope()
        self._end = math.inf
        self._which: DeadlineKind = "first"

    def _arm(self, which: DeadlineKind) -> None:
        due = trio.current_time() + self._limits_s[which]
        self._which = which if due <= self._end else "total"
        self._scope.deadline = min(due, self._end)

    def __enter__(self) -> StageDeadline:
        self._end = trio.current_time() + self._limits_s["total"]
        self._arm("first")
        self._scope.__enter__()
        return self

    def item(self) -> None:
        """Note that an item has come: from now on the idle limit runs."""
        self._arm("idle")

    def extend(self, seconds: float) -> None:
        """Let all of it take so much longer, from the next item on: time in which nobody waits for the peer."""
        self._end += seconds

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while we are the slow one; the total limit moves by as much."""
        began = trio.current_time()
        self._scope.deadline = math.inf
        try:
            yield
        finally:
            self._end += trio.current_time() - began
            self._arm("idle")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        swallowed = bool(self._scope.__exit__(kind, error, trace))
        if self._scope.cancelled_caught:
            raise StageTimeout(self._stage, self._which, self._limits_s[self._which], backend=self._backend)
        return swallowed
