"""Several backends for one call: the next is asked when those before it failed, or are late; the first counts.

    first  |--------- fails        first  |--------------- late ------------x cancelled and joined
    second           |---- answer  second          |------- answer

What a call passes on (sound, text) is passed on by one of them only: it has to ``claim`` the call before, and from
then on the others are cancelled and an error is final.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import structlog
import trio

from voxbridge.core.health.hedge import Hedge
from voxbridge.errors import NoReply, StageError, StageName, StageTimeout
from voxbridge.stages.contracts import Stage
from voxbridge.stages.failover.guard import Guard

_log = structlog.get_logger(__name__)

S = TypeVar("S", bound=Stage)
T = TypeVar("T")


class Runner(Generic[S]):
    """One backend's part in a race."""

    def __init__(self, guard: Guard[S], number: int, claim: Callable[[Runner[S]], bool]) -> None:
        self.guard, self.number = guard, number
        self.scope = trio.CancelScope()
        self.limit = trio.CancelScope()
        """What it may take of the time that those who come after it need; all of it when it has the call."""
        self.asked = trio.Event()
        """Set when the request is really on its way, if the caller knows: from then on it can be late."""
        self.asked_at = trio.current_time()
        self.came_empty = False
        """Whether the call ended well and brought nothing at all."""
        self.is_over = False
        self.is_beaten = False
        self._claim = claim

    def claim(self) -> bool:
        """Take the call for this backend; False if another has it: then nothing may be passed on."""
        if not self.asked.is_set():
            self.guard.tells_when_asked = False  # its result is here: it has forgotten
        return self._claim(self)

    def note_asked(self) -> None:
        """Note that the request is on its way."""
        self.asked_at = trio.current_time()
        self.asked.set()


Run = Callable[[Runner[S]], Awaitable[T]]
Patience = Callable[[Runner[S]], Awaitable[None]]


async def endless_patience(_runner: Runner[S]) -> None:
    """Ask nobody else while somebody is still at it."""
    await trio.sleep_forever()


def hedged_patience(hedge: Hedge | None) -> Patience[S]:
    """Return the patience that ends when ``hedge`` wants a second request for the first one; without one, never."""
    if hedge is None:
        return endless_patience

    async def until_late(runner: Runner[S]) -> None:
        await runner.asked.wait()
        delay_s = hedge.delay_s
        if delay_s is not None and runner.number == 0:
            await trio.sleep_until(runner.asked_at + delay_s)
            if hedge.take():
                return
        await trio.sleep_forever()

    return until_late


class Race(Generic[S, T]):
    """One call over several backends, in order.

    ``patience`` returns when the runner is late, so that the next one is asked as well: one of ``spares``, which by
    default are those that failures use up too. ``late_is_failure``: who is beaten by a later one has failed.
    """

    def __init__(
        self,
        stage: StageName,
        guards: Iterable[Guard[S]],
        run: Run[S, T],
        *,
        patience: Patience[S] = endless_patience,
        spares: Iterable[Guard[S]] | None = None,
        late_is_failure: bool = False,
    ) -> None:
        self._stage, self._run, self._patience = stage, run, patience
        self._waiting = deque(guards)
        self._spares = self._waiting if spares is None else deque(spares)
        self._late_is_failure = late_is_failure
        self._runners: list[Runner[S]] = []
        self._errors: dict[int, StageError] = {}
        self._holder: Runner[S] | None = None
        self._result: list[T] = []
        self._pause = trio.CancelScope()

    @property
    def winner(self) -> Runner[S] | None:
        """Return who took the call."""
        return self._holder

    async def go(self) -> T:
        """Run it. Raises: StageError, the first backend's, if all failed; else the one of who had the call."""
        first = self._waiting.popleft()
        if not self._waiting and (not self._spares or self._patience is endless_patience):
            await self._one(self._runner(first))  # nobody to race with: no task, no switch
            return self._outcome()
        async with trio.open_nursery() as nursery:
            self._begin(first, nursery)
            while not self._is_taken():
                with trio.CancelScope() as self._pause:
                    self._wake_if_idle()
                    await self._patience(self._runners[-1])
                if self._is_taken():
                    break
                is_idle = all(runner.is_over for runner in self._runners)
                source = self._waiting if is_idle else self._spares
                if source and self._is_worth_it(source[0]):
                    self._begin(source.popleft(), nursery)
                elif is_idle:
                    break
                else:
                    await self._until_moved()
        return self._outcome()

    def _outcome(self) -> T:
        if self._result:
            return self._result[0]
        raise self._cause()

    def _cause(self) -> StageError:
        """Return what to tell: the error of who had the call, else the first backend's; the others are its notes."""
        assert self._errors, "who did not take the call has failed"
        number = min(self._errors) if self._holder is None else self._holder.number
        cause = self._errors.pop(number)
        for other in self._errors.values():
            cause.add_note(str(other))
        return cause

    def _is_taken(self) -> bool:
        return self._holder is not None

    def _is_worth_it(self, guard: Guard[S]) -> bool:
        """Tell whether there is time for it: the real error is worth more than one more timeout."""
        return trio.current_time() + guard.reserve_s <= trio.current_effective_deadline()

    async def _until_moved(self) -> None:
        with trio.CancelScope() as self._pause:
            self._wake_if_idle()
            await trio.sleep_forever()

    def _wake_if_idle(self) -> None:
        if self._holder is not None or all(runner.is_over for runner in self._runners):
            self._pause.cancel(reason="superseded")

    def _begin(self, guard: Guard[S], nursery: trio.Nursery) -> None:
        nursery.start_soon(self._one, self._runner(guard))

    def _runner(self, guard: Guard[S]) -> Runner[S]:
        runner = Runner(guard, len(self._runners), self._claimed)
        self._runners.append(runner)
        return runner

    async def _one(self, runner: Runner[S]) -> None:
        began = trio.current_time()
        # What is left of the turn belongs to those who come after, too; if it is too short to be shared, to this one.
        end = trio.current_effective_deadline() - sum(guard.reserve_s for guard in self._waiting)
        if not self._waiting or end - began < runner.guard.reserve_s:
            end = math.inf
        if not runner.guard.tells_when_asked:
            runner.note_asked()
        try:
            with runner.scope, runner.guard.call() as call:
                try:
                    runner.limit.deadline = end
                    with runner.limit:
                        result = await self._run(runner)
                    if runner.limit.cancelled_caught:
                        raise StageTimeout(self._stage, "total", end - began, backend=runner.guard.stage.name)
                finally:
                    call.was_too_late = runner.is_beaten and self._late_is_failure
                call.was_empty = runner.came_empty
                if runner.claim():
                    self._result.append(result)
        except StageError as error:
            self._failed(runner, error)
        finally:
            runner.is_over = True
            self._wake_if_idle()

    def _failed(self, runner: Runner[S], error: StageError) -> None:
        if self._holder is not None and self._holder is not runner:
            return  # it was beaten
        self._errors[runner.number] = error
        if self._holder is runner or isinstance(error, NoReply):
            self._claimed(runner)  # passed on in part, or an answer that says nothing: nobody else is asked
            return
        if self._waiting:
            _log.warning(
                "backend failed, the next one is asked",
                stage=self._stage,
                backend=runner.guard.stage.name,
                error=type(error).__name__,
            )

    def _claimed(self, runner: Runner[S]) -> bool:
        if self._holder is None:
            self._holder = runner
            runner.limit.deadline = math.inf  # nobody else is asked any more: no time is kept for them
            for other in self._runners:
                if other is not runner:
                    other.is_beaten = other.number < runner.number
                    other.scope.cancel(reason="superseded")
            self._pause.cancel(reason="superseded")
        return self._holder is runner
