"""One backend of a stage: what its calls and probes say of its health is told here, as they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog
import trio

from voxbridge.core.health.backend import BackendHealth, HealthRules, State
from voxbridge.core.health.backoff import Backoff
from voxbridge.errors import NoReply, StageError, StageName, StageTimeout
from voxbridge.stages.contracts import Stage, tell_outage
from voxbridge.supervise import supervise

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
    """A backend and its health. ``reserve_s``: with less time left, a call of it is not worth beginning.

    It makes no probes of its own: ``Health`` has it probed, if there is one (``stages/health.py``).
    """

    def __init__(self, stage: S, name: StageName, *, reserve_s: float, rules: HealthRules | None = None) -> None:
        self.stage, self.reserve_s = stage, reserve_s
        self.tells_when_asked = True
        """Whether it says when a request is on its way; a plug-in may forget it. Otherwise its calls' begin counts."""
        self.health = BackendHealth(rules or HealthRules())
        self.on_fact: Callable[[State], None] = _ignored
        """Called after each fact with the state before it; must not block and must not raise."""
        self._name = name
        self._told = (False, False)  # of an outage: whether it is absent, and mute

    @property
    def allows(self) -> bool:
        """Tell whether it may be asked before others are."""
        return self.health.allows

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Make a call inside: how it ends is told to the health. Nothing said, nothing heard: nothing proven."""
        call = Call()
        is_trial = self.health.begin()
        try:
            yield call
        except NoReply:
            self.health.abandoned(is_trial=is_trial)
            raise
        except StageError as error:
            self._failed(error.detail, is_trial=is_trial, is_unanswered=is_unanswered(error))
            raise
        except Exception as error:  # a bug in a plug-in is a failure too
            self._failed(f"its code has a bug: it raised {type(error).__name__}", is_trial=is_trial)
            raise
        except BaseException:
            if call.was_too_late:
                self._failed("it was too late: a backup had answered before", is_trial=is_trial)
            else:
                self.health.abandoned(is_trial=is_trial)
            raise
        else:
            if call.was_empty:
                self.health.abandoned(is_trial=is_trial)
            else:
                self._note(lambda: self.health.succeeded(trio.current_time(), is_trial=is_trial))

    def suspect(self, error: StageError) -> None:
        """Note that a turn failed for it, though no call of it did that we know of."""
        unanswered = is_unanswered(error)
        self._note(lambda: self.health.suspected(trio.current_time(), error.detail, is_unanswered=unanswered))

    def works(self) -> None:
        """Note that it has done its part of a turn: nobody else could have."""
        self._note(lambda: self.health.succeeded(trio.current_time()))

    async def probe(self) -> None:
        """Probe it once, and note what was found. Never raises for what the backend's code does."""
        began = trio.current_time()
        found: list[tuple[str, bool]] = []

        async def ask() -> None:
            with trio.move_on_after(PROBE_LIMIT_S):
                try:
                    found.append((await self.stage.probe(), True))
                except StageError as error:
                    found.append((error.detail, False))

        # Supervised once: what a plug-in raises beside a StageError is a finding as well, and nobody's end.
        is_sane = await supervise("probe", ask, backoff=Backoff(circuit=1), stage=self._name, backend=self.stage.name)
        if not is_sane:
            found = [("its probe has a bug: the daemon's log has the traceback", False)]
        detail, is_well = found[0] if found else (f"no answer to a probe within {PROBE_LIMIT_S:.0f} s", False)
        self._note(lambda: self.health.probed(began, trio.current_time(), detail, is_well=is_well))

    def _failed(self, why: str, *, is_trial: bool, is_unanswered: bool = False) -> None:
        self._note(lambda: self.health.failed(trio.current_time(), why, is_trial=is_trial, is_unanswered=is_unanswered))

    def _note(self, fact: Callable[[], None]) -> None:
        """Take a fact, and tell what has changed by it."""
        was, circuit_was = self.health.state, self.health.circuit.state
        fact()
        circuit = self.health.circuit.state
        if circuit != circuit_was:
            if circuit == "open":
                _log.warning("backend out of use", stage=self._name, backend=self.stage.name)
            elif circuit == "closed":
                _log.info("backend in use again", stage=self._name, backend=self.stage.name)
        if self._told != (now := (self.health.is_absent, self.health.is_mute)):
            self._told = now
            tell_outage(self.stage, is_known=self.health.is_absent, is_mute=self.health.is_mute)
        self.on_fact(was)


def is_unanswered(error: StageError) -> bool:
    """Tell whether a call failed because nothing at all came: transcripts come whole, the rest bit by bit."""
    return isinstance(error, StageTimeout) and error.which == ("total" if error.stage == "stt" else "first")


def _ignored(_was: State) -> None:
    """Tell nobody."""


def in_order(guards: list[Guard[S]], first: int = 0) -> list[Guard[S]]:
    """Return whom to ask, from ``first`` on; open circuits come last, since even they are better than an apology."""
    turned = [*guards[first:], *guards[:first]]
    allowed = [guard for guard in turned if guard.allows]
    return [*allowed, *(guard for guard in turned if guard not in allowed)]
