"""Speech to text over Deepgram's streaming protocol: Deepgram itself, or a server that speaks a part of it.

A connection per utterance, ended with CloseStream: the server then gives what it still has and closes with 1000.
Finalize, which would keep the connection, is refused with 4400 by WhisperLiveKit's subset, and says nothing about the
end of its flush. The next connection is made ahead of time and kept with KeepAlive, as Deepgram wants it (it closes
after 10 s without sound).
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar, NoReturn

import attrs
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import AUTO, SttSettings, api_key, server_url
from voxbridge.core.wire import deepgram
from voxbridge.errors import StageProtocolError, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.per_utterance import TakeStage
from voxbridge.stages.stt.settings import expected_words, hints, member_hints, model
from voxbridge.stages.stt.takes import OnPartial, json_object, says_nothing, why_closed
from voxbridge.stages.stt.ws_takes import WsConnector, WsTake
from voxbridge.stages.ws import WebSocket

_NAME = "deepgram"
_NOT_DEEPGRAM = "the server takes the connection, and says nothing that Deepgram would: is stt.kind right?"
_KEEP_ALIVE_S = 4.0  # Deepgram's documentation: every 3 to 5 s
_NORMAL = 1000
_MULTI = "multi"  # of its streaming models: nova-2 and nova-3 (documented)


@attrs.frozen(kw_only=True)
class DeepgramSettings(SttSettings):
    """The settings of this kind."""

    finds_language: ClassVar[bool] = True

    kind: str = own_kind("deepgram")
    url: str = server_url("The server.", "ws", "wss", example="wss://api.deepgram.com")
    api_key: Secret = api_key(was="token")
    model: str = model()
    hints: tuple[str, ...] = hints()
    member_hints: bool = member_hints()


def deepgram_stage(settings: DeepgramSettings, *, tls: ssl.SSLContext | None = None) -> TakeStage:
    """Make the stage. Raises: ConfigError."""
    return TakeStage(_NAME, Deepgram(settings, tls=tls), limit_s=settings.limit_ms / 1000)


class Deepgram(WsConnector):
    """A Deepgram server; see ``Connector``."""

    backend = _NAME
    connects_ahead = True

    def __init__(self, settings: DeepgramSettings, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the settings. Raises: ConfigError."""
        super().__init__(settings, tls=tls)
        self._settings = settings

    @asynccontextmanager
    async def connect(self, speaker: Speaker, on_partial: OnPartial | None) -> AsyncIterator[DeepgramTake]:
        """Connect. Raises: StageError."""
        hints = expected_words(self._settings, speaker)
        async with self._open(speaker.language, hints, interim=on_partial is not None) as ws:
            yield DeepgramTake(ws, on_partial, limit_s=self._limit_s)

    def _open(self, language: str, hints: Sequence[str], *, interim: bool) -> AbstractAsyncContextManager[WebSocket]:
        settings = self._settings
        target = deepgram.target(
            self._address.target,
            language=_MULTI if language == AUTO else language,
            model=settings.model,
            hints=hints,
            interim=interim,
        )
        return self._dial(target)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {token.reveal()}"} if (token := self._settings.api_key) else {}

    async def probe(self) -> str:
        """Open a stream without sound and close it, which costs nothing. Raises: StageError."""
        async with self._open(self._settings.language, self._settings.hints, interim=False) as ws:
            take = DeepgramTake(ws, None, limit_s=self._limit_s)
            with trio.move_on_after(self._connect_limit_s) as waiting:
                await take.end()
                await take.listen()
            if waiting.cancelled_caught:
                raise StageTimeout("stt", "connect", self._connect_limit_s, backend=_NAME)
            if not take.is_of_deepgram:
                raise StageProtocolError("stt", _NOT_DEEPGRAM, backend=_NAME)
        return f"a Deepgram server answers at {self._address.host}:{self._address.port}"


class DeepgramTake(WsTake):
    """One connection, for one utterance; see ``Take``."""

    backend = _NAME

    def __init__(self, ws: WebSocket, on_partial: OnPartial | None, *, limit_s: float) -> None:
        super().__init__(ws, on_partial, limit_s=limit_s)
        self._text = deepgram.Text()
        self._has_begun = trio.Event()
        self._has_result = self._is_voiced = False
        self.is_of_deepgram = False  # a message has come that only this protocol has

    async def send(self, pcm: bytes) -> None:
        """Send a piece."""
        self._has_begun.set()
        await self._send(pcm)

    async def end(self, *, is_voiced: bool = False) -> None:
        """Ask for the rest."""
        self._is_voiced = is_voiced
        self._has_begun.set()
        await self._send(deepgram.CLOSE_STREAM)
        self.is_told_all = True

    async def _send(self, message: str | bytes) -> None:
        try:
            await self._ws.send(message)
        except StageUnavailable as error:  # the close code says why, also when it came before our message went
            raise why_closed(self._ws, error, backend=_NAME) from error

    async def listen(self) -> Transcript:
        """Add results up until the server closes."""
        while True:
            try:
                message = await self._ws.receive()
            except StageUnavailable as error:
                if self.is_told_all and self._ws.close_code == _NORMAL:
                    if self._is_voiced and not self._has_result:
                        raise says_nothing(_NAME) from error
                    return Transcript(self._text.final, confidence=self._text.confidence)
                raise why_closed(self._ws, error, backend=_NAME) from error
            parsed = json_object(message, _NAME)
            self.is_of_deepgram |= deepgram.is_ours(parsed)
            match deepgram.parse(parsed):
                case deepgram.Result() as result:
                    self._has_result = True
                    text = self._text.add(result)
                    if self._on_partial is not None and text:
                        self._on_partial(text)
                case deepgram.Failed():
                    await self._until_closed()
                case None:
                    pass

    async def _until_closed(self) -> NoReturn:
        """Read on after an error: the close code says of which kind it is. Raises: StageError."""
        detail = "the server reports an error: check stt.model, stt.language and stt.url"
        try:
            with trio.move_on_after(1):
                while True:
                    await self._ws.receive()
        except StageUnavailable as error:
            closed = why_closed(self._ws, error, backend=_NAME)
            if closed is not error:
                raise closed from error
        raise StageProtocolError("stt", detail, backend=_NAME)

    async def keep_alive(self) -> NoReturn:
        """Say that we are there until sound says so; then ping."""
        while not self._has_begun.is_set():
            with trio.move_on_after(_KEEP_ALIVE_S):
                await self._has_begun.wait()
                break
            await self._ws.send(deepgram.KEEP_ALIVE)
        await super().keep_alive()


KIND = Kind(DeepgramSettings, deepgram_stage)
