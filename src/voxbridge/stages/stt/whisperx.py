"""Speech to text over the ``whisperx`` WebSocket protocol: one warm connection per speaker.

What is to be sent is decided by the dialogue (``core.wire.whisperx_dialogue``) at the moment of sending, from what the
line's ledger says is owed.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Self

import attrs
import structlog
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import option, own_kind
from voxbridge.config.stages import SttSettings, server_url
from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.stt.owed import Call, Manners, Owed
from voxbridge.core.wire import whisperx
from voxbridge.core.wire.whisperx_dialogue import (
    Dialogue,
    DialogueEvent,
    FinalHeard,
    Garbled,
    PartialHeard,
    PeekHeard,
    PeekLost,
    ServerFailed,
    Stray,
)
from voxbridge.errors import StageError, StageProtocolError, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.line import SttLine, open_line
from voxbridge.stages.stt.opus_packets import OpusPackets
from voxbridge.stages.stt.takes import json_object, ping_regularly
from voxbridge.stages.ws import WebSocket, WsAddress, open_websocket

_log = structlog.get_logger(__name__)

_GOODBYE_S = 0.25
# A failed ``finalize``, or nonsense in place of its final, is replayed once. A loss without an error is not the
# server's own failing: it may be a restart.
_MANNERS = Manners(is_lasting=True, connects_ahead=True, tries_max=2)


@attrs.define(eq=False)
class _Peek:
    """An early transcript that is on its way."""

    arrived: trio.Event = attrs.field(factory=trio.Event)
    outcome: Transcript | StageError | None = None

    def resolve(self, outcome: Transcript | StageError) -> None:
        """Settle it."""
        self.outcome = outcome
        self.arrived.set()


class _Connection:
    """One connection; see ``Connection``."""

    def __init__(self, stage: WhisperXStage, line: SttLine, call: Call, ws: WebSocket, dialogue: Dialogue) -> None:
        self._stage, self._line, self._call, self._ws, self.dialogue = stage, line, call, ws, dialogue
        self.peeks: dict[int, _Peek] = {}
        self._errors = 0

    async def write(self) -> None:
        """Send what is due."""
        while True:
            now = trio.current_time()
            messages = self.dialogue.take(self._line.ledger.owed, now)
            self._arm()
            if messages:
                await self._ws.send(*messages)
            else:
                await self._line.calls.changed.park()

    async def read(self) -> None:
        """Take in what comes, for ever. Raises: StageError."""
        while True:
            event = self.dialogue.receive(await self._ws.receive())
            if event is not None:
                self._tell(event)
            self._arm()

    def _arm(self) -> None:
        """Let the connection end when a final is overdue, also one that nobody waits for any more."""
        if self._call.answer_due != self.dialogue.answer_due:
            self._call.answer_due = self.dialogue.answer_due
            self._line.calls.look_again()  # a final lets the next finalize go

    async def keep_alive(self) -> None:
        """Ping."""
        await ping_regularly(self._ws, self._stage.name, limit_s=self._stage.limit_s)

    def blamed(self, error: StageError) -> Owed | None:
        """See ``Connection``. A loss by itself is nobody's fault; nonsense in place of a final is the server's."""
        return self.dialogue.failed or (self.dialogue.due if isinstance(error, StageProtocolError) else None)

    def _tell(self, event: DialogueEvent) -> None:
        match event:
            case PartialHeard(owed, text):
                self._line.heard_so_far(owed, text)
            case FinalHeard(owed, final):
                transcript = Transcript(
                    final.text,
                    confidence=final.confidence,
                    duration_s=final.duration_s,
                    no_speech=final.no_speech,
                )
                self._line.answered(owed, transcript)
            case PeekHeard(peek):
                transcript = Transcript(peek.text, is_final=False, confidence=peek.confidence, no_speech=peek.no_speech)
                self._resolve(peek.id, transcript)
            case PeekLost(peek_id):
                self._resolve(peek_id, self._stage.unavailable("the early transcript was lost"))
            case Stray():
                self._line.stray_count += 1
            case Garbled(message):
                json_object(message, self._stage.name)
                raise StageProtocolError("stt", "the server sent a final without a text", backend=self._stage.name)
            case ServerFailed():
                self._errors += 1
                if self._errors == 1:  # the server repeats it for each further packet
                    _log.warning("stt server reports an error", user_id=str(self._line.speaker.user_id))

    def _resolve(self, peek_id: int, outcome: Transcript | StageError) -> None:
        if (peek := self.peeks.get(peek_id)) is not None:
            peek.resolve(outcome)

    def lose_peeks(self) -> None:
        """Tell those who wait for an early transcript that it will not come."""
        for peek_id in self.peeks:
            self._resolve(peek_id, self._stage.unavailable("the early transcript was lost"))


class _Lasting:
    """A lasting connection; see ``LineProtocol``."""

    manners = _MANNERS

    def __init__(self, stage: WhisperXStage) -> None:
        self._stage = stage
        self._connection: _Connection | None = None
        self._packets = OpusPackets()

    def packets(self, sound: HeardSound) -> list[bytes]:
        """Return a piece of sound as Opus packets."""
        return self._packets.of(sound)

    def rest(self) -> list[bytes]:
        """Return what does not fill a packet yet."""
        return self._packets.rest()

    @property
    def can_peek(self) -> bool:
        """Tell whether the server is there and knows the extension."""
        return self._connection is not None and self._connection.dialogue.has_extension

    @asynccontextmanager
    async def connect(self, line: SttLine, call: Call) -> AsyncIterator[_Connection]:
        """Connect, and say goodbye at the end. Entering raises: StageError."""
        stage, speaker = self._stage, line.speaker
        hello = whisperx.start(
            speaker.user_id,
            speaker.language,
            extension=stage.wants_extension,
            partials=line.on_partial is not None,
        )
        async with stage.connect() as ws:
            dialogue = Dialogue(start=hello, limit_s=stage.limit_s)
            self._connection = connection = _Connection(stage, line, call, ws, dialogue)
            try:
                yield connection
            except StageError as error:
                raise _told(error, dialogue.failed, stage.name) from error
            finally:
                self._connection = None
                connection.lose_peeks()
                with trio.move_on_after(_GOODBYE_S, shield=True), suppress(StageError):
                    await ws.send(whisperx.CLOSE)

    async def peek(self, line: SttLine) -> Transcript:
        """Ask for an early transcript. Raises: StageError."""
        connection, owed = self._connection, line.ledger.current
        if connection is None or not self.can_peek:
            detail = "no early transcripts: the line is not connected, or the server does not have the extension"
            raise self._stage.unavailable(detail)
        if owed is None:
            await trio.lowlevel.checkpoint()
            return Transcript("", is_final=False)
        peek_id, peek = connection.dialogue.peek(owed), _Peek()
        connection.peeks[peek_id] = peek
        line.calls.look_again()
        try:
            with trio.move_on_after(self._stage.limit_s):
                await peek.arrived.wait()
        finally:
            del connection.peeks[peek_id]
            connection.dialogue.forget_peek(peek_id)
        if isinstance(peek.outcome, Transcript):
            return peek.outcome
        raise peek.outcome or StageTimeout("stt", "total", self._stage.limit_s, backend=self._stage.name)


def _told(error: StageError, failed: Owed | None, backend: str) -> StageError:
    """Return why a connection ended: if the server has said before that it failed, that is why."""
    if failed is None or failed.is_over:
        return error
    times = "twice" if failed.failures else "once"
    detail = f"the server failed {times} to transcribe the utterance; its own log says why"
    return StageProtocolError("stt", detail, backend=backend)


@attrs.frozen(kw_only=True)
class WhisperXSettings(SttSettings):
    """The settings of this kind."""

    kind: str = own_kind("whisperx")
    url: str = server_url("The server.", "ws", "wss", example="ws://localhost:4901")
    extension: bool = option(
        False, "Ask the server for early transcripts (voxbridge/1): for `voxbridge engines` on another host."
    )


class WhisperXStage:
    """Speech to text by a WhisperX server, or by the embedded engines at the unix socket ``uds``.

    The engines are asked for the extension ``voxbridge/1``; another server only if the settings say so.
    """

    name = "whisperx"

    def __init__(
        self,
        settings: WhisperXSettings,
        *,
        uds: str = "",
        rng: Callable[[], float] = random.random,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the settings; nothing is opened yet. ``rng`` draws the jitter. Raises: ConfigError."""
        self.name = "embedded" if uds else "whisperx"
        self.limit_s = settings.limit_ms / 1000
        self.wants_extension = bool(uds) or settings.extension
        self.rng = rng
        self._connect_limit_s = settings.connect_limit_ms / 1000
        self._address = WsAddress.parse("stt", settings.url, uds=uds)
        self._tls = tls
        self._is_down = self._is_mute = False

    def note_outage(self, *, is_known: bool) -> None:
        """See ``OutageAware``."""
        self._is_down = is_known

    def note_muteness(self, *, is_known: bool) -> None:
        """See ``MutenessAware``."""
        self._is_mute = is_known

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave nothing: every line closes its own connection."""

    def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AbstractAsyncContextManager[SttLine]:
        """Open a line for one speaker; entering does not wait for the connection."""
        line = SttLine(
            _Lasting(self),
            speaker,
            on_partial,
            backend=self.name,
            limit_s=self.limit_s,
            rng=self.rng,
            is_down=lambda: self._is_down,
            is_mute=lambda: self._is_mute,
        )
        return open_line(line)

    def connect(self) -> AbstractAsyncContextManager[WebSocket]:
        """Open one WebSocket to the server. Raises: StageError."""
        return open_websocket(
            self._address, stage="stt", backend=self.name, limit_s=self._connect_limit_s, tls=self._tls
        )

    def unavailable(self, detail: str) -> StageUnavailable:
        """Return an error of this backend."""
        return StageUnavailable("stt", detail, backend=self.name)

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
                    detail = f"{where} accepts WebSockets but is not a VoxBridge engine: set stt.extension = false"
                    raise StageProtocolError("stt", detail, backend=self.name)
            await ws.send(whisperx.CLOSE)
        extension = f", with {whisperx.EXTENSION}" if self.wants_extension else ""
        return f"a WhisperX server answers at {where}{extension}"


KIND = Kind(WhisperXSettings, WhisperXStage)
