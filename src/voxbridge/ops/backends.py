"""How the three stages are: probed at the start, while they are down, after each turn that failed there.

    unknown --probe--> up <--probe, a turn that went through-- down
                        '--probe, a turn that failed-----------^

A probe costs the user nothing (``Stage.probe``), so one that is up is asked now and then as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import attrs
import structlog
import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.errors import StageError, StageName, StageTimeout
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import Stage
from voxbridge.stages.registry import Stages

_log = structlog.get_logger(__name__)

# A server that loads its model answers late; the daemon's readiness does not wait for it.
_PROBE_LIMIT_S = 10.0
# While all is well: often enough to be right about a night's outage, too rare to be seen in the server's log.
_RECHECK_S = 300.0

State = Literal["unknown", "up", "down"]


@attrs.define
class Backend:
    """One stage's server. ``detail`` is a line for the operator, ``since`` a Trio time."""

    stage: StageName
    kind: str
    state: State = "unknown"
    detail: str = ""
    since: float = 0.0
    _suspected: trio.Event = attrs.field(factory=trio.Event, repr=False)

    def suspect(self) -> None:
        """Have it asked at once."""
        self._suspected.set()

    async def until_suspected(self, limit_s: float) -> None:
        """Wait until it is to be asked, at most ``limit_s``."""
        with trio.move_on_after(limit_s):
            await self._suspected.wait()
        self._suspected = trio.Event()


class Backends:
    """Watches the stages of a daemon. ``on_change`` is told of each backend that went up or down."""

    def __init__(self, stages: Stages, on_change: Callable[[Backend], None]) -> None:
        self._on_change = on_change
        self.probed = trio.Event()  # each was asked once
        self._stages: dict[StageName, tuple[Stage, Backend]] = {
            "stt": (stages.stt, Backend("stt", stages.stt.name)),
            "agent": (stages.agent, Backend("agent", stages.agent.name)),
            "tts": (stages.tts, Backend("tts", stages.tts.name)),
        }

    @property
    def all(self) -> list[Backend]:
        """Return the three, in the order of a turn."""
        return [backend for _, backend in self._stages.values()]

    @property
    def down(self) -> list[Backend]:
        """Return those that are known to be down."""
        return [backend for backend in self.all if backend.state == "down"]

    def on_report(self, report: TurnReport) -> None:
        """Learn from a turn: where it failed is asked at once; where it went through is up."""
        if report.failed_stage is not None:
            for backend in self.all:
                if backend.stage == report.failed_stage:
                    backend.suspect()
        elif report.outcome == "answered":
            for backend in self.down:
                backend.suspect()

    async def watch(self) -> None:
        """Probe for ever."""
        async with trio.open_nursery() as nursery:
            asked = [trio.Event() for _ in self._stages]
            for (stage, backend), first in zip(self._stages.values(), asked, strict=True):
                nursery.start_soon(self._watch_one, stage, backend, first)
            for first in asked:
                await first.wait()
            self.probed.set()

    async def _watch_one(self, stage: Stage, backend: Backend, first: trio.Event) -> None:
        backoff = Backoff(base_s=1.0, rng=random.random)
        while True:
            began = trio.current_time()
            try:
                detail = await _probe(stage, backend.stage)
            except StageError as error:
                self._now(backend, "down", error.detail)
                now = trio.current_time()
                again_s = backoff.failed(now, now - began)
                assert again_s is not None, "this backoff has no circuit"
                wait_s = again_s
            else:
                self._now(backend, "up", detail)
                backoff = Backoff(base_s=1.0, rng=random.random)
                wait_s = _RECHECK_S
            first.set()
            await backend.until_suspected(wait_s)

    def _now(self, backend: Backend, state: State, detail: str) -> None:
        was, backend.state, backend.detail = backend.state, state, detail
        if was == state:
            return
        backend.since = trio.current_time()
        if state == "down":
            _log.warning("backend down", stage=backend.stage, backend=backend.kind, reason=detail)
        elif was == "down":
            _log.info("backend up again", stage=backend.stage, backend=backend.kind)
        self._on_change(backend)


async def _probe(stage: Stage, name: StageName) -> str:
    """Ask a stage. Raises: StageError."""
    with trio.move_on_after(_PROBE_LIMIT_S):
        return await stage.probe()
    raise StageTimeout(name, "total", _PROBE_LIMIT_S)
