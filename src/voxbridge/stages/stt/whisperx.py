"""Speech to text over the ``whisperx`` WebSocket protocol: one warm connection per speaker.

    feed, end, discard (synchronous) --> ledger <-- take -- writer --> server
                                           ^-- receive ---- reader <--

Writer, reader and keepalive live in the connection's scope, never in a turn's. What is to be sent is decided by the
ledger (``core.utterances``) at the moment of sending, so a turn that is given up leaves nothing behind.
"""

from __future__ import annotations

import math
import random
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

import attrs
import structlog
import trio

from voxbridge.config.settings import SttSettings
from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.wire import whisperx
from voxbridge.core.wire.whisperx_ledger import (
    FinalHeard,
    LedgerEvent,
    PartialHeard,
    PeekHeard,
    PeekLost,
    ServerFailed,
    Stray,
    Utterance,
    UtteranceFailed,
    UtteranceLedger,
)
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import PendingFinal, Speaker, Transcript
from voxbridge.stages.stt.opus_packets import OpusPackets
from voxbridge.stages.stt.retrying import RETRY_PENDING_S, RETRY_REFUSED_S, reconnect_backoff, wanted_alone_until
from voxbridge.stages.ws import WebSocket, WsAddress, open_websocket

_log = structlog.get_logger(__name__)

_KEEPALIVE_S = 20.0
# A pong may be late by a whole transcription, since servers run the model on their event loop.
_PONG_GRACE_S = 5.0
_GOODBYE_S = 0.25
_VERDICT_S = 0.05


@attrs.define(eq=False)
class _Answer:
    """What the server owes us: a transcript or an error, that comes once."""

    arrived: trio.Event = attrs.field(factory=trio.Event)
    outcome: Transcript | StageError | None = None

    def resolve(self, outcome: Transcript | StageError) -> None:
        self.outcome = outcome
        self.arrived.set()


class _Final:
    """The final transcript of one ended utterance; ``due`` is the Trio time of its hard limit."""

    def __init__(self, line: WhisperXLine, utterance: Utterance, due: float) -> None:
        self._line, self._utterance, self._due = line, utterance, due
        self.answer = _Answer()

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError. A cancel gives the utterance up."""
        with trio.move_on_at(self._due):
            try:
                await self.answer.arrived.wait()
            finally:
                if self.answer.outcome is None:
                    self._line.give_up(self._utterance, is_overdue=trio.current_time() >= self._due)
        if isinstance(self.answer.outcome, Transcript):
            return self.answer.outcome
        raise self.answer.outcome or self._line.why_overdue()


class _NothingSaid:
    """The final transcript of an utterance without a packet."""

    async def wait(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return Transcript("")


class WhisperXLine:
    """One speaker's line; see ``SttSession``. Made by ``WhisperXStage.open``."""

    def __init__(
        self,
        stage: WhisperXStage,
        speaker: Speaker,
        on_partial: Callable[[str], None] | None,
        rng: Callable[[], float],
    ) -> None:
        self._stage, self._on_partial, self._rng = stage, on_partial, rng
        hello = whisperx.start(
            speaker.user_id,
            speaker.language,
            extension=stage.wants_extension,
            partials=on_partial is not None,
        )
        self._packets = OpusPackets()
        self._ledger = UtteranceLedger(start=hello, limit_s=stage.limit_s)
        self._log = _log.bind(user_id=str(speaker.user_id))
        # Weak: a final that nobody holds any more is not waited for, and leaves nothing behind here.
        self._finals: MutableMapping[int, _Answer] = weakref.WeakValueDictionary()
        self._peeks: dict[int, _Answer] = {}
        self._changed = trio.lowlevel.ParkingLot()
        self._ws: WebSocket | None = None
        self._connection = trio.CancelScope()
        self._is_leaving = False
        self._left = trio.Event()
        self._last_failure: StageError | None = None
        self._refused: tuple[Utterance, ...] = ()
        """Those that the last refusal was for."""
        self._retry_at = -math.inf
        """Trio time before which the server wants no further try."""
        self._is_first = True
        self._partials_failed = False
        self.reconnect_count = 0
        self.stray_count = 0
        """Finals that came too late, twice, or for nobody."""

    # -- SttSession --

    @property
    def is_connected(self) -> bool:
        """Tell whether the line is up now."""
        return self._ws is not None

    @property
    def can_peek(self) -> bool:
        """Tell whether the server is there and knows the extension."""
        return self._ws is not None and self._ledger.has_extension

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound to the current utterance."""
        for packet in self._packets.of(sound):
            self._ledger.feed(packet)
        self._changed.unpark_all()

    def end(self) -> PendingFinal:
        """End the utterance now; its hard limit runs from here."""
        now = trio.current_time()
        if self._ledger.current is not None:
            for packet in self._packets.rest():
                self._ledger.feed(packet)
        utterance = self._ledger.end(now)
        if utterance is None:
            return _NothingSaid()
        final = _Final(self, utterance, now + self._stage.limit_s)
        self._finals[utterance.id] = final.answer
        self._fail_hopeless()
        self._changed.unpark_all()
        return final

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript. Raises: StageError."""
        return await self.end().wait()

    async def peek(self) -> Transcript:
        """Transcribe what was fed so far. Raises: StageError."""
        if not self.can_peek:
            raise self._unavailable("there are no early transcripts: not connected, or a server without the extension")
        peek_id = self._ledger.peek()
        if peek_id is None:
            await trio.lowlevel.checkpoint()
            return Transcript("", is_final=False)
        answer = self._peeks[peek_id] = _Answer()
        self._changed.unpark_all()
        try:
            with trio.move_on_after(self._stage.limit_s):
                await answer.arrived.wait()
        finally:
            self._peeks.pop(peek_id, None)
            self._ledger.forget_peek(peek_id)
        if isinstance(answer.outcome, Transcript):
            return answer.outcome
        raise answer.outcome or self._too_late()

    def discard(self) -> None:
        """Forget the current utterance."""
        self._packets.clear()
        utterance = self._ledger.current
        if utterance is not None:
            self._ledger.abandon(utterance)
            self._changed.unpark_all()

    # -- what _Final asks --

    def give_up(self, utterance: Utterance, *, is_overdue: bool) -> None:
        """Drop an utterance. A server that is overdue gets a new connection: its old answers die with the old one."""
        self._finals.pop(utterance.id, None)
        self._ledger.abandon(utterance)
        if is_overdue and utterance.finalized_at is not None:
            self._connection.cancel(reason="deadline:stt")
        self._changed.unpark_all()

    def why_overdue(self) -> StageError:
        """Return the error for a final that did not come: the reason why there is no connection, if there is none."""
        if self._ws is None and self._last_failure is not None and not isinstance(self._last_failure, StageTimeout):
            return self._last_failure
        return self._too_late()

    def _too_late(self) -> StageTimeout:
        return StageTimeout("stt", "total", self._stage.limit_s, backend=self._stage.name)

    def _unavailable(self, detail: str) -> StageUnavailable:
        return StageUnavailable("stt", detail, backend=self._stage.name)

    # -- the connection --

    async def run(self) -> None:
        """Keep the connection up until ``leave``; run by the stage in the line's own nursery."""
        backoff = reconnect_backoff(self._rng)
        try:
            while not self._is_leaving:
                ran_for_s = await self._one_connection()
                for event in self._ledger.lost():
                    self._tell(event)
                if not self._is_leaving:
                    wait_s = backoff.failed(trio.current_time(), ran_for_s)
                    assert wait_s is not None, "without a circuit there is always another try"
                    await self._pause(wait_s)
        finally:
            self._left.set()

    async def leave(self) -> None:
        """Close the connection in good order."""
        self._is_leaving = True
        self._changed.unpark_all()
        await self._left.wait()

    async def _one_connection(self) -> float:
        """Connect and serve until the connection is lost; return for how many seconds it was up."""
        connected_at = math.inf
        try:
            async with self._stage.connect() as ws:
                connected_at = trio.current_time()
                self._note_connected(ws)
                await self._serve(ws)
        except StageError as error:
            if self._last_failure is None and not self._is_leaving:  # once per outage, not once per try
                self._log.warning("stt is not connected", error=type(error).__name__)
            self._note_failure(error)
        finally:
            self._ws = None
        return max(0.0, trio.current_time() - connected_at)

    def _note_failure(self, error: StageError) -> None:
        self._last_failure = error
        self._refused = ()
        if isinstance(error, StageRefused):
            current = self._ledger.current
            self._refused = (*self._ledger.awaited, *(() if current is None else (current,)))
        elif (until := wanted_alone_until(error)) is not None:
            self._retry_at = until
        self._fail_hopeless()

    def _fail_hopeless(self) -> None:
        """Fail those ended utterances at once for which no further try is made, or none in time."""
        for utterance in self._ledger.awaited:
            assert utterance.ended_at is not None, "who is awaited has ended"
            due = utterance.ended_at + self._stage.limit_s
            if self._last_failure is not None and (utterance in self._refused or due <= self._retry_at):
                self._ledger.abandon(utterance)
                self._resolve(self._finals, utterance.id, self._last_failure)

    def _note_connected(self, ws: WebSocket) -> None:
        self._ws, self._last_failure, self._refused = ws, None, ()
        if not self._is_first:
            self.reconnect_count += 1
            self._log.info("stt reconnected", reconnect_count=self.reconnect_count)
        self._is_first = False

    async def _serve(self, ws: WebSocket) -> None:
        """Run the connection's tasks until one ends. Raises: StageError, why it ended (unless we left)."""
        failure: StageError | None = None
        is_read = trio.Event()

        async def until_lost(work: Callable[[WebSocket], Awaitable[None]]) -> None:
            nonlocal failure
            try:
                await work(ws)
            except StageError as error:
                failure = failure or error
            with trio.move_on_after(_VERDICT_S):
                await is_read.wait()
            nursery.cancel_scope.cancel(reason="connection lost")

        async def read() -> None:
            nonlocal failure
            try:
                await self._read(ws)
            except StageError as error:
                failure = error  # why the connection is gone, the reader knows better than who sends
            is_read.set()
            nursery.cancel_scope.cancel(reason="connection lost")

        async with trio.open_nursery() as nursery:
            self._connection = nursery.cancel_scope
            nursery.start_soon(read)
            for work in (self._write, self._keep_alive):
                nursery.start_soon(until_lost, work)
        if failure is None and not self._is_leaving:
            failure = self._too_late()
        if failure is not None:
            raise failure

    async def _write(self, ws: WebSocket) -> None:
        while True:
            messages = self._ledger.take(trio.current_time())
            self._arm()
            if messages:
                await ws.send(*messages)
            elif self._is_leaving:
                await ws.send(whisperx.CLOSE)
                return
            else:
                await self._changed.park()

    async def _read(self, ws: WebSocket) -> None:
        while True:
            event = self._ledger.receive(await ws.receive())
            if event is not None:
                self._tell(event)
            self._arm()
            self._changed.unpark_all()  # a final lets the next finalize go

    async def _keep_alive(self, ws: WebSocket) -> None:
        while True:
            await trio.sleep(_KEEPALIVE_S)
            with trio.move_on_after(self._stage.limit_s + _PONG_GRACE_S) as waiting:
                await ws.ping()
            if waiting.cancelled_caught:
                raise self._unavailable("the server has stopped answering: it hangs, or the network is cut")

    def _arm(self) -> None:
        """Let the connection end when a final is overdue, also one that nobody waits for any more."""
        due = self._ledger.final_due()
        self._connection.deadline = math.inf if due is None else due

    async def _pause(self, wait_s: float) -> None:
        """Wait before the next try: shorter as soon as somebody speaks or waits whom it can help."""
        began = trio.current_time()
        while not self._is_leaving:
            until = self._next_try(began, wait_s)
            if trio.current_time() >= until:
                return
            with trio.move_on_at(until):
                await self._changed.park()

    def _next_try(self, began: float, wait_s: float) -> float:
        """Return the Trio time of the next try, as things are now; the last one failed at ``began``."""
        current = self._ledger.current
        if isinstance(self._last_failure, StageRefused):
            is_new = bool(self._ledger.awaited) or (current is not None and current not in self._refused)
            return began if is_new else began + max(wait_s, RETRY_REFUSED_S)
        patience_s = min(wait_s, RETRY_PENDING_S) if self._ledger.is_pending else wait_s
        return max(began + patience_s, self._retry_at)

    def _tell(self, event: LedgerEvent) -> None:
        match event:
            case PartialHeard(text):
                if self._on_partial is not None:
                    self._on_partial(text)
            case FinalHeard(utterance, final):
                transcript = Transcript(final.text, confidence=final.confidence, duration_s=final.duration_s)
                self._resolve(self._finals, utterance.id, transcript)
            case UtteranceFailed(utterance):
                detail = "the server failed twice to transcribe the utterance; its own log says why"
                error = StageProtocolError("stt", detail, backend=self._stage.name)
                self._resolve(self._finals, utterance.id, error)
            case PeekHeard(peek):
                early = Transcript(peek.text, is_final=False, confidence=peek.confidence)
                self._resolve(self._peeks, peek.id, early)
            case PeekLost(peek_id):
                self._resolve(self._peeks, peek_id, self._unavailable("the early transcript was lost"))
            case Stray():
                self.stray_count += 1
            case ServerFailed():
                if not self._partials_failed:
                    self._partials_failed = True  # the server repeats it for each further packet
                    self._log.warning("stt server reports an error")

    def _resolve(self, waiting: MutableMapping[int, _Answer], key: int, outcome: Transcript | StageError) -> None:
        answer = waiting.pop(key, None)
        if answer is not None:
            answer.resolve(outcome)


class WhisperXStage:
    """Speech to text by a WhisperX server, or by the embedded engines at the unix socket ``uds``.

    The engines are asked for the extension ``voxbridge/1``; another server only if the settings say so.
    """

    name = "whisperx"

    def __init__(
        self,
        settings: SttSettings,
        *,
        uds: str = "",
        rng: Callable[[], float] = random.random,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the settings; nothing is opened yet. ``rng`` draws the jitter. Raises: ConfigError."""
        self.name = "embedded" if uds else "whisperx"
        self.limit_s = settings.limit_ms / 1000
        self.wants_extension = bool(uds) or settings.extension
        self._connect_limit_s = settings.connect_limit_ms / 1000
        self._address = WsAddress.parse("stt", settings.url, uds=uds)
        self._rng, self._tls = rng, tls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave nothing: every line closes its own connection."""

    @asynccontextmanager
    async def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[WhisperXLine]:
        """Open a line for one speaker; entering does not wait for the connection."""
        line = WhisperXLine(self, speaker, on_partial, self._rng)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.run)
            try:
                yield line
            finally:
                with trio.move_on_after(_GOODBYE_S, shield=True):
                    await line.leave()
                nursery.cancel_scope.cancel(reason="left")

    def connect(self) -> AbstractAsyncContextManager[WebSocket]:
        """Open one WebSocket to the server. Raises: StageError."""
        return open_websocket(
            self._address, stage="stt", backend=self.name, limit_s=self._connect_limit_s, tls=self._tls
        )

    async def probe(self) -> str:
        """Check that a WebSocket server answers, and that it knows the extension if we want it. Raises: StageError."""
        where = self._address.uds or f"{self._address.host}:{self._address.port}"
        async with self.connect() as ws:
            await ws.send(whisperx.start(0, "en", extension=self.wants_extension, partials=False))
            if self.wants_extension:
                with trio.move_on_after(self._connect_limit_s) as waiting:
                    while not isinstance(whisperx.parse(await ws.receive()), whisperx.Ready):
                        pass
                if waiting.cancelled_caught:
                    detail = f"{where} accepts WebSockets but is no VoxBridge engine; set stt.extension = false"
                    raise StageProtocolError("stt", detail, backend=self.name)
            await ws.send(whisperx.CLOSE)
        extension = f", with {whisperx.EXTENSION}" if self.wants_extension else ""
        return f"a WhisperX server answers at {where}{extension}"
