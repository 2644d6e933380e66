"""The calls of one line: each is a task that rests, dials, serves, and begins again, as the line's ledger says.

ledger.new_calls --> run --> a task per call:  next_step -- Rest ----> wait for the time, or for a change
                                                        |- Dial ----> connect, serve (writer, reader, keepalive)
                                                        '- Finished
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import structlog
import trio

from voxbridge.core.stt.ledger import Command, Dial, Finished, Ledger, Rest
from voxbridge.core.stt.owed import Call, Failure, FailureKind
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.reasons import is_absent
from voxbridge.stages.stt.protocol import Connection

# Why a connection is gone, its reader knows better than who sends (a close code); it is given so long to say so.
_VERDICT_S = 0.05


class Calls:
    """Makes a ledger's calls. ``connect`` opens a connection; ``obey`` carries out what the ledger commands."""

    def __init__(
        self,
        ledger: Ledger,
        connect: Callable[[Call], AbstractAsyncContextManager[Connection]],
        obey: Callable[[list[Command]], None],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._ledger, self._connect, self._obey, self._log = ledger, connect, obey, log
        self.changed = trio.lowlevel.ParkingLot()
        """Where writers, and calls at rest, wait for a change."""
        self._called = trio.lowlevel.ParkingLot()
        self._dialling: dict[Call, trio.CancelScope] = {}
        self._returns_told = 0

    def look_again(self) -> None:
        """Wake up whoever waits for a change, and hold every call to what the ledger now thinks of it."""
        for call, scope in self._dialling.items():
            deadline = self._ledger.deadline(call)
            if scope.deadline != deadline:
                scope.deadline = deadline
        if self._ledger.has_new_calls:
            self._called.unpark_all()
        self.changed.unpark_all()

    def hang_up(self, call: Call) -> None:
        """Let a call's connection go, and whatever is being done about it."""
        if call in self._dialling:
            self._dialling[call].cancel(reason="superseded")

    def tell_of_return(self) -> None:
        """Log that the server is there again, if it is news."""
        if (count := self._ledger.reconnect_count) > self._returns_told:
            self._returns_told = count
            self._log.info("stt reconnected", reconnect_count=count)

    async def run(self) -> None:
        """Make the calls, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                for call in self._ledger.new_calls():
                    nursery.start_soon(self._make, call)
                await self._called.park()

    async def _make(self, call: Call) -> None:
        while True:
            now = trio.current_time()
            if commands := self._ledger.expire(now):  # else two calls at rest would wake each other up for ever
                self._obey(commands)
            match self._ledger.next_step(call, now):
                case Finished():
                    return
                case Rest(until):
                    with trio.move_on_at(until):
                        await self.changed.park()
                case Dial():
                    await self._dial(call)

    async def _dial(self, call: Call) -> None:
        """Connect, and serve until there is no more to serve or the connection is lost."""
        error: StageError | None = None
        connection: Connection | None = None
        with trio.CancelScope(deadline=self._ledger.deadline(call)) as scope:
            self._dialling[call] = scope
            try:
                async with self._connect(call) as connection:
                    self._ledger.up(call, trio.current_time())
                    self.tell_of_return()
                    self.look_again()
                    await _serve(connection)
            except StageError as caught:
                error = caught
            finally:
                del self._dialling[call]
        now = trio.current_time()
        self._obey(self._ledger.expire(now))
        if error is not None:
            self._lost(call, connection, error, now)
        elif scope.cancelled_caught:
            self._obey(self._ledger.lost(call, Failure(FailureKind.LATE), now))

    def _lost(self, call: Call, connection: Connection | None, error: StageError, now: float) -> None:
        if connection is not None:
            blamed = connection.blamed(error)
        else:
            blamed = call.owed if isinstance(error, StageProtocolError) else None
        was_down = self._ledger.failure is not None
        retry_after_s = error.retry_after_s if isinstance(error, StageUnavailable) else None
        self._obey(self._ledger.lost(call, Failure(_kind_of(error), error, retry_after_s), now, blamed=blamed))
        if not was_down and self._ledger.failure is not None:  # once per outage, not once per try
            self._log.warning("stt is not connected", error=type(error).__name__)


async def _serve(connection: Connection) -> None:
    """Run a connection's tasks until the reader has all. Raises: StageError, why it ended before."""
    failure: StageError | None = None

    async def read() -> None:
        nonlocal failure
        try:
            await connection.read()
        except StageError as error:
            failure = error
        nursery.cancel_scope.cancel(reason="connection lost" if failure else "answered")

    async def until_lost(work: Callable[[], Awaitable[None]]) -> None:
        nonlocal failure
        try:
            await work()
        except StageError as error:
            failure = failure or error
            nursery.cancel_scope.deadline = trio.current_time() + _VERDICT_S

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        nursery.start_soon(until_lost, connection.write)
        nursery.start_soon(until_lost, connection.keep_alive)
    if failure is not None:
        raise failure


def _kind_of(error: StageError) -> FailureKind:
    match error:
        case StageRefused():
            return FailureKind.REFUSED
        case StageTimeout():
            return FailureKind.LATE
        case _:
            return FailureKind.ABSENT if is_absent(error) else FailureKind.BROKEN
