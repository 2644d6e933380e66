"""Speech to text by WhisperLiveKit's own protocol (``/asr``): a WebSocket per utterance.

An empty message ends the sound, ``ready_to_stop`` says that all of it is transcribed; the connection then stays open
and is of no more use. The server must run with --pcm-input (it says so in its first message). It sends some fifteen
states a second to whoever is connected, so a connection is made only when somebody speaks.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import attrs
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import AUTO, SttSettings, api_key, server_url
from voxbridge.core.wire import whisperlivekit
from voxbridge.errors import StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.per_utterance import TakeStage
from voxbridge.stages.stt.settings import first_part
from voxbridge.stages.stt.takes import OnPartial, json_object, says_nothing, why_closed
from voxbridge.stages.stt.ws_takes import WsConnector, WsTake
from voxbridge.stages.ws import WebSocket

_NAME = "whisperlivekit"


@attrs.frozen(kw_only=True)
class WhisperLiveKitSettings(SttSettings):
    """The settings of this kind."""

    finds_language: ClassVar[bool] = True

    kind: str = own_kind("whisperlivekit")
    url: str = server_url("The server.", "ws", "wss", example="ws://localhost:8000")
    api_key: Secret = api_key(was="token")


def whisperlivekit_stage(settings: WhisperLiveKitSettings, *, tls: ssl.SSLContext | None = None) -> TakeStage:
    """Make the stage. Raises: ConfigError."""
    return TakeStage(_NAME, WhisperLiveKit(settings, tls=tls), limit_s=settings.limit_ms / 1000)


class WhisperLiveKit(WsConnector):
    """A WhisperLiveKit server; see ``Connector``."""

    backend = _NAME
    connects_ahead = False

    def __init__(self, settings: WhisperLiveKitSettings, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the settings. Raises: ConfigError."""
        super().__init__(settings, tls=tls)
        self._settings = settings

    @asynccontextmanager
    async def connect(self, speaker: Speaker, on_partial: OnPartial | None) -> AsyncIterator[WhisperLiveKitTake]:
        """Connect and wait for the server's first message. Raises: StageError."""
        async with self._open(speaker.language) as ws:
            await self._until_ready(ws)
            yield WhisperLiveKitTake(ws, on_partial, limit_s=self._limit_s)

    def _open(self, language: str) -> AbstractAsyncContextManager[WebSocket]:
        target = whisperlivekit.target(self._address.target, language=first_part(language) or AUTO)
        return self._dial(target)

    async def _until_ready(self, ws: WebSocket) -> None:
        with trio.move_on_after(self._connect_limit_s):
            while not isinstance(config := await _receive(ws), whisperlivekit.Config):
                pass
            if not config.takes_pcm:
                detail = "the server wants WebM: start it with --pcm-input"
                raise StageRefused("stt", 0, detail, backend=_NAME)
            return
        late = StageTimeout("stt", "connect", self._connect_limit_s, backend=_NAME)
        late.detail += ": the server took the connection and did not say what it wants; is it WhisperLiveKit?"
        raise late

    async def probe(self) -> str:
        """Connect and read the server's first message. Raises: StageError."""
        async with self._open(self._settings.language) as ws:
            await self._until_ready(ws)
        return f"a WhisperLiveKit server answers at {self._address.host}:{self._address.port}"


async def _receive(
    ws: WebSocket,
) -> whisperlivekit.Config | whisperlivekit.State | whisperlivekit.Done | None:
    """Return the next message. Raises: StageError, also when the server reports an error."""
    is_failed = False
    while True:
        try:
            message = await ws.receive()
        except StageUnavailable as error:
            closed = why_closed(ws, error, backend=_NAME)
            if is_failed and closed is error:
                detail = "the server reports an error; its own log says why"
                raise StageProtocolError("stt", detail, backend=_NAME) from error
            raise closed from error
        match whisperlivekit.parse(json_object(message, _NAME)):
            case whisperlivekit.Failed():
                is_failed = True  # the close code that comes next says of which kind it is
            case parsed:
                return parsed


class WhisperLiveKitTake(WsTake):
    """One connection, for one utterance; see ``Take``."""

    backend = _NAME
    _is_voiced = False

    async def send(self, pcm: bytes) -> None:
        """Send a piece."""
        await self._ws.send(pcm)

    async def end(self, *, is_voiced: bool = False) -> None:
        """Send the empty message."""
        self._is_voiced = is_voiced
        await self._ws.send(whisperlivekit.END)
        self.is_told_all = True

    async def listen(self) -> Transcript:
        """Read states; the last one before ``ready_to_stop`` is the transcript."""
        latest: str | None = None
        while True:
            match await _receive(self._ws):
                case whisperlivekit.State() as state:
                    if state.whole != latest and self._on_partial is not None:
                        self._on_partial(state.whole)
                    latest = state.whole
                case whisperlivekit.Done():
                    if latest is None and self._is_voiced:
                        raise says_nothing(_NAME)
                    return Transcript(latest or "")
                case whisperlivekit.Config() | None:
                    pass


KIND = Kind(WhisperLiveKitSettings, whisperlivekit_stage)
