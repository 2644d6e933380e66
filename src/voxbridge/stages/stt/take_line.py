"""One speaker's line to a server that wants a connection per utterance.

    feed, end, discard (synchronous) --> utterances, in order, packets kept until the final is in
                                              | claimed by
                                         hands: each connects, waits for an utterance, serves it to its final
                                              writer: sound -> take.hear ... take.end
                                              reader: take.listen        keepalive: take.keep_alive

A hand that loses its connection connects again and starts the utterance over: the new connection has heard nothing.
While one utterance waits for its final, the next hand hears the next one. Giving an utterance up ends its hand, and
with it the connection; nothing of it can come late.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import attrs
import structlog
import trio

from voxbridge.core.sound.pcm import HEARING_RATE_HZ, HeardSound
from voxbridge.core.wire.whisperx_ledger import PACKETS_MAX
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import PendingFinal, Speaker, Transcript
from voxbridge.stages.stt.retrying import RETRY_PENDING_S, RETRY_REFUSED_S, reconnect_backoff, wanted_alone_until
from voxbridge.stages.stt.takes import Connector, OnPartial, Take

_log = structlog.get_logger(__name__)

# Packets per message: 60 ms when live, so that a message's own cost (60 us) is shared; 100 ms when there is a backlog.
_BATCH_MIN, _BATCH_MAX = 3, 5
_VERDICT_S = 0.05
# A server that fails with the whole utterance in hand, or answers nonsense, gets it so often in all: the third time
# would be no different from the fourth.
_TRIES_MAX = 3


@attrs.define(eq=False)
class _Utterance:
    """One utterance, and the promise of its transcript. ``due`` is Trio time, infinite until it has ended."""

    packets: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=PACKETS_MAX))
    fed_bytes: int = 0
    fed: int = 0
    """Packets fed in all; those before the last ``PACKETS_MAX`` are gone."""
    due: float = math.inf
    outcome: Transcript | StageError | None = None
    is_over: trio.Event = attrs.field(factory=trio.Event)
    """The outcome is in, or nobody wants it any more."""
    failure: StageError | None = None
    """Why there is no connection for it, if there is none."""
    failures: int = 0
    """Those that count: the server's own, not the network's."""
    serving: trio.CancelScope | None = None
    """Of the hand that serves it."""

    @property
    def has_ended(self) -> bool:
        """Tell whether its last packet is in."""
        return self.due < math.inf

    @property
    def first(self) -> int:
        """Return the number of the oldest packet kept."""
        return self.fed - len(self.packets)

    def resolve(self, outcome: Transcript | StageError | None) -> None:
        """Settle it: with None, nobody wants it any more."""
        if not self.is_over.is_set():
            self.outcome = outcome
            self.packets.clear()
            self.is_over.set()


class _Final:
    """The final transcript of one ended utterance."""

    def __init__(self, line: TakeLine, utterance: _Utterance) -> None:
        self._line, self._utterance = line, utterance

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError. A cancel gives the utterance up."""
        utterance = self._utterance
        with trio.move_on_at(utterance.due):
            try:
                await utterance.is_over.wait()
            finally:
                if not utterance.is_over.is_set():
                    self._line.give_up(utterance)
        if isinstance(utterance.outcome, Transcript):
            return utterance.outcome
        raise utterance.outcome or self._line.why_overdue(utterance)


class _NothingSaid:
    """The final transcript of an utterance without a packet."""

    async def wait(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return Transcript("")


class TakeLine:
    """One speaker's line; see ``SttSession``. Made by ``TakeStage.open``."""

    def __init__(
        self,
        connector: Connector,
        speaker: Speaker,
        on_partial: OnPartial | None,
        *,
        backend: str,
        limit_s: float,
        rng: Callable[[], float],
    ) -> None:
        self._connector, self._speaker, self._on_partial = connector, speaker, on_partial
        self.backend, self.limit_s, self.rng = backend, limit_s, rng
        self._log = _log.bind(user_id=str(speaker.user_id), backend=backend)
        self._current: _Utterance | None = None
        self._unclaimed: deque[_Utterance] = deque()
        self._spare: _Hand | None = None
        self._retry_at = -math.inf
        self._refusal: StageError | None = None
        self._ahead_at = -math.inf
        self.changed = trio.lowlevel.ParkingLot()
        self._connected = 0
        self._is_failing = False
        self._was_up = False
        self._is_overdue = False
        """The last utterance that was waited for had no answer in time."""
        self.reconnect_count = 0

    # -- SttSession --

    @property
    def is_connected(self) -> bool:
        """Tell whether a connection is up; for servers that are only called when somebody speaks: the last one was."""
        is_open = self._connected > 0 and self._connector.has_connection
        return is_open or not (self._connector.connects_ahead or self._is_failing)

    @property
    def can_peek(self) -> bool:
        """Tell that there are no early transcripts: what these servers give before the end lags behind."""
        return False

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound to the current utterance."""
        if self._current is None:
            self._current = _Utterance()
            self._unclaimed.append(self._current)
            if self._is_overdue and self._spare is not None:
                self._spare.renew()  # it was made while the server hung, which may never look at it
        if not self._current.is_over.is_set():  # else it has failed for good
            self._current.packets.append(sound.pcm)
            self._current.fed += 1
            self._current.fed_bytes += len(sound.pcm)
        self.changed.unpark_all()

    async def peek(self) -> Transcript:
        """Raise StageUnavailable: see ``can_peek``."""
        await trio.lowlevel.checkpoint()
        raise StageUnavailable("stt", "this server has no early transcripts", backend=self.backend)

    def end(self) -> PendingFinal:
        """End the utterance now; its hard limit runs from here."""
        utterance, self._current = self._current, None
        if utterance is None:
            return _NothingSaid()
        utterance.due = trio.current_time() + self.limit_s
        if utterance.serving is not None:
            utterance.serving.deadline = utterance.due  # also if nobody waits for the final
        self.changed.unpark_all()
        return _Final(self, utterance)

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript. Raises: StageError."""
        return await self.end().wait()

    def discard(self) -> None:
        """Forget the current utterance."""
        utterance, self._current = self._current, None
        if utterance is not None:
            self.give_up(utterance)

    # -- what _Final and the hands ask --

    def give_up(self, utterance: _Utterance) -> None:
        """Drop an utterance: its hand lets go."""
        utterance.resolve(None)
        if utterance in self._unclaimed:
            self._unclaimed.remove(utterance)
        if utterance.serving is not None:
            utterance.serving.cancel(reason="superseded")
        if trio.current_time() >= utterance.due:
            self._is_overdue = True
            if self._spare is not None:
                self._spare.renew()  # a server that is overdue may have forgotten that connection as well

    def why_overdue(self, utterance: _Utterance) -> StageError:
        """Return the error for a final that did not come: the reason why there is no connection, if there is none."""
        if utterance.failure is not None and not isinstance(utterance.failure, StageTimeout):
            return utterance.failure
        return StageTimeout("stt", "total", self.limit_s, backend=self.backend)

    def claim(self) -> _Utterance | None:
        """Hand out the oldest utterance that nobody serves."""
        return self._unclaimed.popleft() if self._unclaimed else None

    @property
    def has_unclaimed(self) -> bool:
        """Tell whether an utterance waits for a hand."""
        return bool(self._unclaimed)

    def connect(self, hand: _Hand) -> AbstractAsyncContextManager[Take]:
        """Open a connection for a hand. Entering raises: StageError."""
        return self._connector.connect(self._speaker, None if self._on_partial is None else hand.tell_partial)

    @property
    def has_connection(self) -> bool:
        """Tell whether an open take means that the server is there."""
        return self._connector.has_connection

    def tell_partial(self, utterance: _Utterance | None, text: str) -> None:
        """Pass on what was heard so far, unless the utterance has ended: the final comes next."""
        if self._on_partial is not None and utterance is not None and utterance is self._current:
            self._on_partial(text)

    def note_up(self) -> None:
        """Note that the server is there; after an outage that counts as one reconnect, whoever connects first."""
        if self._is_failing and self._was_up:
            self.reconnect_count += 1
            self._log.info("stt reconnected", reconnect_count=self.reconnect_count)
        self._is_failing, self._was_up, self._ahead_at = False, True, -math.inf

    def note_served(self) -> None:
        """Note that an utterance had its final."""
        self._is_overdue = False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a connection while it is up."""
        self._connected += 1
        try:
            yield
        finally:
            self._connected -= 1

    @property
    def is_told_to_wait(self) -> bool:
        """Tell whether the server wants to be left alone for now."""
        return trio.current_time() < self._retry_at

    async def wait_for_leave(self, claim: Callable[[], _Utterance | None]) -> None:
        """Wait as long as the server asked for (Retry-After). An utterance that cannot wait so long fails at once."""
        while self.is_told_to_wait:
            utterance = claim()
            if utterance is not None and utterance.due <= self._retry_at:
                utterance.resolve(self._refusal)
                return
            with trio.move_on_at(self._retry_at):
                await self.changed.park()

    async def wait_for_use(self, claim: Callable[[], _Utterance | None]) -> None:
        """Wait for an utterance, or until it makes sense to connect ahead again."""
        while trio.current_time() < self._ahead_at and claim() is None:
            with trio.move_on_at(self._ahead_at):
                await self.changed.park()

    def note_failure(self, error: StageError) -> None:
        """Log a failure, once per outage, and keep what the server asked for."""
        if isinstance(error, StageRefused):
            self._ahead_at = trio.current_time() + RETRY_REFUSED_S
        if (until := wanted_alone_until(error)) is not None:
            self._retry_at, self._refusal = until, error
        if not self._is_failing:
            self._is_failing = True
            self._log.warning("stt is not connected", error=type(error).__name__)

    async def run(self) -> None:
        """Keep a hand ready for the next utterance, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                while not (self._connector.connects_ahead or self._unclaimed):
                    await self.changed.park()
                self._spare = hand = _Hand(self)
                nursery.start_soon(hand.run)
                await hand.is_taken.wait()


class _Hand:
    """Serves one utterance, through as many connections as it takes."""

    def __init__(self, line: TakeLine) -> None:
        self._line = line
        self._utterance: _Utterance | None = None
        self._scope = trio.CancelScope()
        self._connection = trio.CancelScope()
        self.is_taken = trio.Event()
        """It has an utterance, so the next one wants another hand."""

    def tell_partial(self, text: str) -> None:
        """Pass on the words so far."""
        self._line.tell_partial(self._utterance, text)

    def renew(self) -> None:
        """Connect anew, unless somebody is being served."""
        if self._utterance is None:
            self._connection.cancel(reason="superseded")

    async def run(self) -> None:
        """Connect, wait for an utterance, serve it; until that is over."""
        backoff = reconnect_backoff(self._line.rng)
        try:
            with self._scope:
                while not self._is_done():
                    await self._line.wait_for_leave(self._claim)
                    await self._line.wait_for_use(self._claim)
                    if self._is_done():
                        break
                    ran_for_s = await self._one_connection()
                    if not (self._is_done() or self._line.is_told_to_wait):
                        wait_s = backoff.failed(trio.current_time(), ran_for_s)
                        assert wait_s is not None, "without a circuit there is always another try"
                        await self._pause(wait_s)
        finally:
            self.is_taken.set()

    def _is_done(self) -> bool:
        self._claim()
        return self._utterance is not None and self._utterance.is_over.is_set()

    def _claim(self) -> _Utterance | None:
        """Take an utterance on, unless there is one already."""
        if self._utterance is None:
            self._utterance = utterance = self._line.claim()
            if utterance is not None:
                utterance.serving = self._scope
                self._scope.deadline = utterance.due
                self.is_taken.set()
        return self._utterance

    async def _one_connection(self) -> float:
        """Connect and serve until the final is in or the connection is lost; return for how many seconds it was up."""
        connected_at = math.inf
        take: Take | None = None
        try:
            async with self._line.connect(self) as take:
                connected_at = trio.current_time()
                if self._line.has_connection:
                    self._line.note_up()
                with self._line.counted():
                    transcript = await self._use(take)
            if not self._line.has_connection:
                self._line.note_up()
            assert self._utterance is not None, "a transcript is of an utterance"
            self._utterance.resolve(transcript)
            self._line.note_served()
        except StageError as error:
            self._line.note_failure(error)
            self._note_failure(error, is_own=take is not None and take.is_told_all)
        return max(0.0, trio.current_time() - connected_at)

    def _note_failure(self, error: StageError, *, is_own: bool) -> None:
        utterance = self._claim()
        if utterance is None:
            return
        utterance.failure = error
        utterance.failures += is_own or isinstance(error, StageProtocolError)
        if isinstance(error, StageRefused) or utterance.failures >= _TRIES_MAX:
            utterance.resolve(error)

    async def _pause(self, wait_s: float) -> None:
        """Wait before the next try: shorter as soon as somebody speaks or waits."""
        began = trio.current_time()
        while True:
            is_pending = self._utterance is not None or self._line.has_unclaimed
            until = began + (min(wait_s, RETRY_PENDING_S) if is_pending else wait_s)
            if trio.current_time() >= until:
                return
            with trio.move_on_at(until):
                await self._line.changed.park()

    async def _use(self, take: Take) -> Transcript:
        """Run the connection's tasks until the final is in. Raises: StageError, why it will not come."""
        failure: StageError | None = None
        transcript: Transcript | None = None

        async def read() -> None:
            nonlocal failure, transcript
            try:
                transcript = await self._read(take)
            except StageError as error:
                failure = error
            nursery.cancel_scope.cancel(reason="answered" if transcript else "connection lost")

        async def until_lost(work: Callable[[Take], Awaitable[None]]) -> None:
            nonlocal failure
            try:
                await work(take)
            except StageError as error:
                # Why the connection is gone, the reader knows better (a close code); if not, this is all there is.
                failure = failure or error
                nursery.cancel_scope.deadline = trio.current_time() + _VERDICT_S

        async with trio.open_nursery() as nursery:
            self._connection = nursery.cancel_scope
            nursery.start_soon(read)
            for work in (self._write, self._keep_alive):
                nursery.start_soon(until_lost, work)
        if transcript is not None:
            return transcript
        raise failure or StageUnavailable("stt", "the connection is not trusted any more", backend=self._line.backend)

    async def _read(self, take: Take) -> Transcript:
        transcript = await take.listen()
        if self._utterance is None or not take.is_told_all:
            detail = "the server gave its final transcript before the utterance was over"
            raise StageProtocolError("stt", detail, backend=self._line.backend)
        if transcript.duration_s is None:
            transcript = attrs.evolve(transcript, duration_s=self._utterance.fed_bytes / (2 * HEARING_RATE_HZ))
        return transcript

    async def _keep_alive(self, take: Take) -> None:
        await take.keep_alive()

    async def _write(self, take: Take) -> None:
        while (utterance := self._claim()) is None:
            await self._line.changed.park()
        utterance.failure = None
        sent = 0
        while True:
            sent = max(sent, utterance.first)
            waiting = utterance.fed - sent
            if waiting >= _BATCH_MIN or (waiting and utterance.has_ended):
                batch = [utterance.packets[sent - utterance.first + n] for n in range(min(waiting, _BATCH_MAX))]
                sent += len(batch)
                await take.hear(b"".join(batch))
            elif utterance.has_ended:
                await take.end()
                return
            else:
                await self._line.changed.park()
