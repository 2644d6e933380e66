"""One speaker's line to a speech-to-text server: the shell round ``core.stt.ledger``.

    feed, end, discard (synchronous) --> ledger: what is owed, who serves it, when to call again
                                           |  one task per call: rest, dial, serve, again
                                         protocol.connect --> connection: writer, reader, keepalive
                                           '-- answered, lost --> ledger --> finals

Two protocols go into it: a lasting connection (``whisperx``), and one connection per utterance (``takes``). Writer,
reader and keepalive live in the connection's scope, never in a turn's: a turn that is given up leaves nothing behind.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import structlog
import trio

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.stt.ledger import (
    Call,
    Command,
    Dial,
    Failure,
    FailureKind,
    Finished,
    HangUp,
    Ledger,
    Manners,
    Owed,
    Rest,
    Settle,
)
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import PendingFinal, Speaker, Transcript
from voxbridge.stages.reasons import is_absent

_log = structlog.get_logger(__name__)

# Why a connection is gone, its reader knows better than who sends (a close code); it is given so long to say so.
_VERDICT_S = 0.05


class Connection(Protocol):
    """One connection, used by three tasks from the first moment on; a cancel of any is followed by its close."""

    async def write(self) -> None:
        """Send what is due. Raises: StageError."""

    async def read(self) -> None:
        """Take in what comes, and return when there is nothing more to come. Raises: StageError."""

    async def keep_alive(self) -> None:
        """Do what keeps the connection up, and notice a peer that is gone. Raises: StageError."""

    def blamed(self, error: StageError) -> Owed | None:
        """Return the utterance with which the server has failed by itself, if the connection ended with ``error``."""
        ...


class LineProtocol(Protocol):
    """What a kind of server wants of one speaker's line."""

    manners: Manners

    def packets(self, sound: HeardSound) -> list[bytes]:
        """Return what of a piece of sound is to be sent, in the pieces that are kept until the final is in."""
        ...

    def rest(self) -> list[bytes]:
        """Return what of the sound so far is left when an utterance ends, once."""
        ...

    @property
    def can_peek(self) -> bool:
        """See ``SttSession.can_peek``."""
        ...

    async def peek(self, line: SttLine) -> Transcript:
        """See ``SttSession.peek``."""
        ...

    def connect(self, line: SttLine, call: Call) -> AbstractAsyncContextManager[Connection]:
        """Connect, bounded in time. Entering raises: StageError."""
        ...


class _Final:
    """The final transcript of one ended utterance."""

    def __init__(self, line: SttLine, owed: Owed) -> None:
        self._line, self._owed = line, owed
        self._arrived = trio.Event()
        self._outcome: Transcript | StageError | None = None

    def resolve(self, outcome: Transcript | StageError) -> None:
        """Settle it."""
        self._outcome = outcome
        self._arrived.set()

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError. A cancel gives the utterance up."""
        with trio.move_on_at(self._owed.due):
            try:
                await self._arrived.wait()
            finally:
                if self._outcome is None:
                    self._line.give_up(self._owed)
        if isinstance(self._outcome, Transcript):
            return self._outcome
        raise self._outcome or self._line.why(self._owed)


class _NothingSaid:
    """The final transcript of an utterance without a packet."""

    async def wait(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return Transcript("")


class SttLine:
    """See ``SttSession`` and the head of this module. Made by ``open_line``."""

    def __init__(
        self,
        protocol: LineProtocol,
        speaker: Speaker,
        on_partial: Callable[[str], None] | None,
        *,
        backend: str,
        limit_s: float,
        rng: Callable[[], float],
        is_down: Callable[[], bool] = lambda: False,
        is_mute: Callable[[], bool] = lambda: False,
    ) -> None:
        self._protocol, self.speaker, self.on_partial = protocol, speaker, on_partial
        self.backend, self.limit_s = backend, limit_s
        self.ledger = Ledger(protocol.manners, limit_s=limit_s, rng=rng, is_down=is_down, is_mute=is_mute)
        self.changed = trio.lowlevel.ParkingLot()
        self._log = _log.bind(user_id=str(speaker.user_id), backend=backend)
        # Weak: a final that nobody holds any more is not waited for, and leaves nothing behind here.
        self._finals: MutableMapping[int, _Final] = weakref.WeakValueDictionary()
        self._dialling: dict[Call, trio.CancelScope] = {}
        self.stray_count = 0
        """Finals and early transcripts that came too late, twice, or for nobody."""

    # -- SttSession --

    @property
    def reconnect_count(self) -> int:
        """Return how often the line was lost and made anew."""
        return self.ledger.reconnect_count

    @property
    def is_connected(self) -> bool:
        """Tell whether the line is up now; for servers that are only called when somebody speaks: the last one was."""
        return self.ledger.is_up

    @property
    def can_peek(self) -> bool:
        """Tell whether ``peek`` is possible."""
        return self._protocol.can_peek

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound to the current utterance."""
        for packet in self._protocol.packets(sound):
            self._obey(self.ledger.feed(packet))

    def end(self, voiced_s: float = 0.0) -> PendingFinal:
        """End the utterance now; its hard limit runs from here."""
        rest = self._protocol.rest()
        if self.ledger.current is not None:
            for packet in rest:
                self._obey(self.ledger.feed(packet))
        owed, commands = self.ledger.end(trio.current_time(), voiced_s)
        if owed is None:
            return _NothingSaid()
        final = self._finals[owed.id] = _Final(self, owed)
        self._obey(commands)
        return final

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript. Raises: StageError."""
        return await self.end().wait()

    async def peek(self) -> Transcript:
        """Transcribe what was fed so far. Raises: StageError."""
        return await self._protocol.peek(self)

    def discard(self) -> None:
        """Forget the current utterance."""
        self._protocol.rest()
        if (owed := self.ledger.current) is not None:
            self.give_up(owed)

    # -- what finals and connections tell --

    def give_up(self, owed: Owed) -> None:
        """Drop an utterance."""
        self._finals.pop(owed.id, None)
        self._obey(self.ledger.drop(owed, trio.current_time()))

    def answered(self, owed: Owed, transcript: Transcript) -> None:
        """Pass a final on."""
        was_down = self.ledger.failure is not None
        is_awaited, commands = self.ledger.answered(owed)
        self._tell_of_return(was_down=was_down)
        self.stray_count += not is_awaited
        self._resolve(owed, transcript)
        self._obey(commands)

    def heard_so_far(self, owed: Owed | None, text: str) -> None:
        """Pass on a partial transcript, unless the utterance has ended: the final comes next."""
        if self.on_partial is not None and owed is not None and owed is self.ledger.current:
            self.on_partial(text)

    def why(self, owed: Owed) -> StageError:
        """Return the error for a final that did not come: the reason why there is no connection, if there is none."""
        failure = owed.failure
        if failure is not None and failure.kind is not FailureKind.LATE and isinstance(failure.error, StageError):
            return failure.error
        waited_s = min(self.limit_s, trio.current_time() - (owed.due - self.limit_s))
        return StageTimeout("stt", "total", waited_s, backend=self.backend)

    def note_change(self) -> None:
        """Wake up whoever waits for a change, and hold every call to what the ledger now thinks of it."""
        for call, scope in self._dialling.items():
            scope.deadline = self.ledger.deadline(call)
        self.changed.unpark_all()

    def _obey(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Settle(owed):
                    self._resolve(owed, self.why(owed))
                case HangUp(call):
                    if call in self._dialling:
                        self._dialling[call].cancel(reason="superseded")
        self.note_change()

    def _resolve(self, owed: Owed, outcome: Transcript | StageError) -> None:
        if (final := self._finals.pop(owed.id, None)) is not None:
            final.resolve(outcome)

    # -- the calls --

    async def run(self) -> None:
        """Make the ledger's calls, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                for call in self.ledger.new_calls():
                    nursery.start_soon(self._make, call)
                await self.changed.park()

    async def _make(self, call: Call) -> None:
        while True:
            now = trio.current_time()
            if commands := self.ledger.expire(now):  # else two calls at rest would wake each other up for ever
                self._obey(commands)
            match self.ledger.next_step(call, now):
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
        with trio.CancelScope(deadline=self.ledger.deadline(call)) as scope:
            self._dialling[call] = scope
            try:
                async with self._protocol.connect(self, call) as connection:
                    was_down = self.ledger.failure is not None
                    self.ledger.up(call, trio.current_time())
                    self._tell_of_return(was_down=was_down)
                    self.note_change()
                    await self._serve(connection)
            except StageError as caught:
                error = caught
            finally:
                del self._dialling[call]
        now = trio.current_time()
        self._obey(self.ledger.expire(now))
        if error is not None:
            if connection is not None:
                blamed = connection.blamed(error)
            else:
                blamed = call.owed if isinstance(error, StageProtocolError) else None
            self._note_failure(call, error, blamed, now)
        elif scope.cancelled_caught:
            self._obey(self.ledger.lost(call, Failure(FailureKind.LATE), now))

    def _note_failure(self, call: Call, error: StageError, blamed: Owed | None, now: float) -> None:
        was_down = self.ledger.failure is not None
        retry_after_s = error.retry_after_s if isinstance(error, StageUnavailable) else None
        self._obey(self.ledger.lost(call, Failure(_kind_of(error), error, retry_after_s), now, blamed=blamed))
        if not was_down and self.ledger.failure is not None:  # once per outage, not once per try
            self._log.warning("stt is not connected", error=type(error).__name__)

    def _tell_of_return(self, *, was_down: bool) -> None:
        if was_down and self.ledger.failure is None and self.ledger.reconnect_count:
            self._log.info("stt reconnected", reconnect_count=self.ledger.reconnect_count)

    async def _serve(self, connection: Connection) -> None:
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


@asynccontextmanager
async def open_line(line: SttLine) -> AsyncIterator[SttLine]:
    """Keep a line's calls going for as long as the body runs; entering does not wait for a connection."""
    raised: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.run)
        try:
            yield line
        except trio.Cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 -- raised again below, outside of the nursery's group
            raised = error
        nursery.cancel_scope.cancel(reason="left")
    if raised is not None:
        raise raised
