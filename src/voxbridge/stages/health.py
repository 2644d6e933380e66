"""The one owner of the backends' health: it alone probes, and whoever wants to know asks it or listens.

calls (Guard) --.                                    .--> fail-over asks each guard
failed turns ---+--> BackendHealth --> due? probe ---+--> notices in the rooms, events, status: listeners
served turns --'       (core/health)                 '--> /status, ctl, metrics, readiness: ``all``, ``stages``
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
import trio

from voxbridge.core.health.backend import BackendHealth, BackendStatus, HealthRules, State
from voxbridge.errors import StageError, StageName
from voxbridge.stages.contracts import AgentStage, Stage, SttStage, TtsStage
from voxbridge.stages.failover.base import Failover
from voxbridge.stages.failover.guard import Guard
from voxbridge.supervise import supervise


@attrs.frozen
class BackendChanged:
    """A backend is in another state than it ``was``."""

    backend: BackendStatus
    was: State


@attrs.define
class _Watch:
    """Who waits for a backend's next probe, and until when."""

    moved: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    until: float = math.nan


@attrs.frozen
class StageBack:
    """A stage for which turns had failed serves again."""

    stage: StageName


HealthEvent = BackendChanged | StageBack
Listener = Callable[[HealthEvent], None]
"""Called from whichever task learned of it: must not block and must not raise."""

AnyGuard = Guard[Any]


class Health:
    """Knows how the backends of all stages are. ``run`` probes them, for ever; without it only calls tell."""

    def __init__(
        self,
        guards: Mapping[StageName, Sequence[AnyGuard]] | None = None,
        rules: HealthRules | None = None,
        own: Mapping[tuple[StageName, str], Sequence[AnyGuard]] | None = None,
    ) -> None:
        """``own``: those of the servers that single profiles have, by stage and profile."""
        self._guards: dict[tuple[StageName, str], Sequence[AnyGuard]] = {
            **{(stage, ""): each for stage, each in (guards or {}).items()},
            **(own or {}),
        }
        if rules is not None:
            for guard in self._all_guards:
                guard.health = BackendHealth(rules)
        self._out: set[tuple[StageName, str]] = set()  # turns have failed there, and nothing has gone well since
        self._listeners: list[Listener] = []
        self._watches = {id(guard): _Watch() for guard in self._all_guards}
        self.asked = trio.Event()
        """Set when each backend was probed once."""
        self._unasked = {id(guard) for guard in self._all_guards}
        if not self._unasked:
            self.asked.set()
        for whose, each in self._guards.items():
            for guard in each:
                guard.on_fact = partial(self._on_fact, whose, guard)

    @classmethod
    def of(
        cls,
        *,
        stt: SttStage,
        agent: AgentStage,
        tts: TtsStage,
        rules: HealthRules | None = None,
        own: Mapping[tuple[StageName, str], Stage] | None = None,
    ) -> Health:
        """Return the health of three stages that have not been asked yet, and of those that profiles have of their own.

        A stage of one backend has no guard of its own, and gets one that learns of turns and probes.
        """
        guards: dict[StageName, Sequence[AnyGuard]] = {
            "stt": guards_of(stt, "stt"),
            "agent": guards_of(agent, "agent"),
            "tts": guards_of(tts, "tts"),
        }
        return cls(guards, rules, {whose: guards_of(stage, whose[0]) for whose, stage in (own or {}).items()})

    # Who asks.

    @property
    def all(self) -> list[BackendStatus]:
        """Return all backends, in the order of a turn, each stage's first one before its backups."""
        return [self._status(whose, guard) for whose, guards in self._guards.items() for guard in guards]

    @property
    def _all_guards(self) -> list[AnyGuard]:
        return [guard for guards in self._guards.values() for guard in guards]

    # Who tells.

    def turn_failed(self, stage: StageName, error: StageError, profile: str = "") -> None:
        """Note that a turn failed for this stage: whoever should have served is suspected, if no call has told yet.

        ``profile``: it was the server that this one has of its own.
        """
        self._out.add((stage, profile))
        guards = self._guards.get((stage, profile), ())
        # Of several the calls themselves have told who it was, unless the turn's time was over.
        if len(guards) == 1 or (guards and not any(guard.health.is_in_trouble for guard in guards)):
            guards[0].suspect(error)

    def turn_served(self, stage: StageName, profile: str = "") -> None:
        """Note that this stage did its part of a turn, and that something came of it."""
        guards = self._guards.get((stage, profile), ())
        if len(guards) == 1:  # of several the calls themselves have told who it was
            guards[0].works()
        self._back((stage, profile))

    # Who listens.

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Tell ``listener`` of each change for as long as the block lasts."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def run(self) -> None:
        """Probe each backend when it is due, for ever. One that hangs holds up no other."""
        async with trio.open_nursery() as nursery:
            for (stage, _), guards in self._guards.items():
                for guard in guards:
                    keep = partial(self._keep, guard)
                    nursery.start_soon(partial(supervise, "health", keep, stage=stage, backend=guard.stage.name))
            await trio.sleep_forever()

    async def _keep(self, guard: AnyGuard) -> None:
        watch = self._watches[id(guard)]
        while True:
            watch.until = guard.health.probe_at
            with trio.move_on_at(watch.until) as waiting:
                await watch.moved.park()
            if waiting.cancelled_caught:
                await guard.probe()
                self._unasked.discard(id(guard))
                if not self._unasked:
                    self.asked.set()

    def _on_fact(self, whose: tuple[StageName, str], guard: AnyGuard, was: State) -> None:
        watch, state = self._watches[id(guard)], guard.health.state
        if guard.health.probe_at != watch.until:  # not for each turn that goes well
            watch.moved.unpark_all()
        if state == was:
            return
        self._tell(BackendChanged(self._status(whose, guard), was))
        if state == "up":
            self._back(whose)

    def _back(self, whose: tuple[StageName, str]) -> None:
        if whose in self._out:
            self._out.remove(whose)
            stage, profile = whose
            if not profile:
                self._tell(StageBack(stage))

    def _tell(self, event: HealthEvent) -> None:
        for listener in list(self._listeners):
            listener(event)

    def _status(self, whose: tuple[StageName, str], guard: AnyGuard) -> BackendStatus:
        health, (stage, profile) = guard.health, whose
        return BackendStatus(
            stage=stage,
            kind=guard.stage.name,
            state=health.state,
            detail=health.detail,
            since=health.since,
            number=self._guards[whose].index(guard),
            is_in_use=health.allows,
            profile=profile,
        )


def guards_of(stage: Stage, name: StageName) -> list[AnyGuard]:
    """Return the guards of a stage's backends."""
    return stage.guards if isinstance(stage, Failover) else [Guard(stage, name, reserve_s=0.0)]
