"""One backend of several: its circuit breaker, and the probes that run while the circuit is open."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog
import trio

from voxbridge.core.health.breaker import Breaker, BreakerRules
from voxbridge.errors import NoReply, StageError, StageName
from voxbridge.stages.contracts import Stage

_log = structlog.get_logger(__name__)

S = TypeVar("S", bound=Stage, covariant=True)

# A server that hangs must not hold up the next probe for ever; one that loads its model answers late.
PROBE_LIMIT_S = 10.0


class Call:
    """One call of a backend, and what its end means.

    ``was_too_late``: it was beaten by a backup that began later, which counts as failed. ``was_empty``: it ended well
    and brought nothing, which proves nothing.
    """

    def __init__(self) -> None:
        self.was_too_late = False
        self.was_empty = False


class Guard(Generic[S]):
    """A backend and its health. ``reserve_s``: with less time left, a call of it is not worth beginning."""

    def __init__(self, stage: S, name: StageName, *, reserve_s: float, rules: BreakerRules | None = None) -> None:
        self.stage, self.reserve_s = stage, reserve_s
        self.tells_when_asked = True
        """Whether it says when a request is on its way; a plug-in may forget it. Otherwise its calls' begin counts."""
        self._name = name
        self._breaker = Breaker(rules or BreakerRules())
        self._changed = trio.lowlevel.ParkingLot()

    @property
    def allows(self) -> bool:
        """Tell whether it may be asked before others are."""
        return self._breaker.allows

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Make a call inside: how it ends is told to the breaker. Nothing said, nothing heard: nothing proven."""
        call = Call()
        is_trial = self._breaker.begin()
        was = self._breaker.state
        try:
            yield call
        except NoReply:
            self._breaker.abandoned(is_trial=is_trial)
            raise
        except Exception:  # a bug in a plug-in is a failure too
            self._breaker.failed(trio.current_time(), is_trial=is_trial)
            raise
        except BaseException:
            if call.was_too_late:
                self._breaker.failed(trio.current_time(), is_trial=is_trial)
            else:
                self._breaker.abandoned(is_trial=is_trial)
            raise
        else:
            if call.was_empty:
                self._breaker.abandoned(is_trial=is_trial)
            else:
                self._breaker.succeeded(trio.current_time(), is_trial=is_trial)
        finally:
            self._tell(was)

    async def keep_probing(self) -> None:
        """Probe for ever, whenever the circuit is open."""
        while True:
            due = self._breaker.probe_at
            with trio.move_on_at(math.inf if due is None else due):
                await self._changed.park()
            if due is not None and trio.current_time() >= due:
                await self._probe()

    async def _probe(self) -> None:
        was = self._breaker.state
        is_well = False
        with trio.move_on_after(PROBE_LIMIT_S):
            try:
                await self.stage.probe()
            except StageError:
                pass  # the breaker is told below, as of a probe that took too long
            else:
                is_well = True
        self._breaker.probed(trio.current_time(), is_well=is_well)
        self._tell(was)

    def _tell(self, was: str) -> None:
        state = self._breaker.state
        if state == was:
            return
        if state == "open":
            _log.warning("backend out of use", stage=self._name, backend=self.stage.name)
        elif state == "closed":
            _log.info("backend in use again", stage=self._name, backend=self.stage.name)
        self._changed.unpark_all()


def in_order(guards: list[Guard[S]], first: int = 0) -> list[Guard[S]]:
    """Return whom to ask, from ``first`` on; open circuits come last, since even they are better than an apology."""
    turned = [*guards[first:], *guards[:first]]
    allowed = [guard for guard in turned if guard.allows]
    return [*allowed, *(guard for guard in turned if guard not in allowed)]
