"""Loop stalls: steps of a Trio task that kept all others waiting. Real time on purpose, also in virtual-time tests."""

from __future__ import annotations

import math
from collections.abc import Callable

import structlog
import trio

from voxbridge import clock

_log = structlog.get_logger(__name__)

STALL_S = 0.02  # one frame: what is longer may make a frame late


class StallWatch(trio.abc.Instrument):
    """Calls ``on_stall(seconds)`` and logs the task's name whenever one step takes longer than a frame."""

    def __init__(self, on_stall: Callable[[float], None], limit_s: float = STALL_S) -> None:
        self._on_stall, self._limit_s = on_stall, limit_s
        self._began_at = math.inf  # added in the middle of a step: that one is not measured

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Note the beginning."""
        self._began_at = clock.monotonic_s()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note the end."""
        took_s = clock.monotonic_s() - self._began_at
        if took_s > self._limit_s:
            self._on_stall(took_s)
            # in the task's own context, so that the line of a turn's task carries the turn's id
            task.context.run(_log.warning, "loop stall", task=task.name, took_ms=round(took_s * 1000))
