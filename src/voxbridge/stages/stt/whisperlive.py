"""Speech to text by WhisperLive: a WebSocket per utterance, which ends with silence and patience.

The server's own way to end, END_OF_AUDIO, loses the words since its last update, and it leaves a single sentence open
for ever. So nothing is said at the end: it gets silence up to the second that it needs at least, and its text is final
as soon as it says the same twice (the second of two messages is of a transcription that began after the first, so it
covers all that was sent). The server counts every connection against its four places and 600 s, so one is made only
when somebody speaks.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import ssl
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import attrs
import numpy as np
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import SttSettings, api_key, server_url
from voxbridge.core.wire import whisperlive
from voxbridge.errors import StageProtocolError, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.per_utterance import TakeStage
from voxbridge.stages.stt.settings import expected_words, first_part, hints, member_hints, model
from voxbridge.stages.stt.takes import OnPartial, json_object, must_answer
from voxbridge.stages.stt.ws_takes import WsConnector, WsTake
from voxbridge.stages.ws import WebSocket

_NAME = "whisperlive"
_MODEL = "small"  # the server's own client's choice; one that was started with a model of its own ignores it
_FULL_RETRY_S = 1.0  # its own guess is in minutes, and wrong as soon as somebody leaves
# Without words the server says nothing at all. After so much of the limit it is asked whether it is there, and its
# silence is then taken for the speaker's, unless it has left a sentence open, or somebody clearly spoke: a server that
# is cold, or busy with others, is silent as well.
_QUIET_SHARE = 0.8


@attrs.frozen(kw_only=True)
class WhisperLiveSettings(SttSettings):
    """The settings of this kind."""

    finds_language: ClassVar[bool] = True

    kind: str = own_kind("whisperlive")
    url: str = server_url("The server.", "ws", "wss", example="ws://localhost:9090")
    api_key: Secret = api_key(was="token")
    model: str = model()
    hints: tuple[str, ...] = hints()
    member_hints: bool = member_hints()


def whisperlive_stage(settings: WhisperLiveSettings, *, tls: ssl.SSLContext | None = None) -> TakeStage:
    """Make the stage. Raises: ConfigError."""
    return TakeStage(_NAME, WhisperLive(settings, tls=tls), limit_s=settings.limit_ms / 1000)


class WhisperLive(WsConnector):
    """A WhisperLive server; see ``Connector``."""

    backend = _NAME
    connects_ahead = False

    def __init__(self, settings: WhisperLiveSettings, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the settings. Raises: ConfigError."""
        super().__init__(settings, tls=tls)
        self._settings = settings

    @asynccontextmanager
    async def connect(self, speaker: Speaker, on_partial: OnPartial | None) -> AsyncIterator[WhisperLiveTake]:
        """Connect and wait until the server has a model for us. Raises: StageError."""
        async with self._dial(self._address.target) as ws:
            await self._until_ready(ws, speaker.language, expected_words(self._settings, speaker))
            yield WhisperLiveTake(ws, on_partial, limit_s=self._limit_s)

    async def _until_ready(self, ws: WebSocket, language: str, hints: Sequence[str]) -> None:
        hello = whisperlive.options(
            uid=uuid.uuid4().hex,
            language=first_part(language),
            model=self._settings.model or _MODEL,
            hints=hints,
        )
        with trio.move_on_after(self._connect_limit_s):
            await ws.send(hello)
            while not isinstance(_parse(await ws.receive()), whisperlive.Ready):
                pass
            return
        late = StageTimeout("stt", "connect", self._connect_limit_s, backend=_NAME)
        late.detail += ": the server took the connection and did not say that it is ready; does it load its model?"
        raise late

    async def probe(self) -> str:
        """Take a place for a moment. Raises: StageError."""
        async with self._dial(self._address.target) as ws:
            await self._until_ready(ws, self._settings.language, self._settings.hints)
        return f"a WhisperLive server answers at {self._address.host}:{self._address.port}"


def _parse(message: str | bytes) -> whisperlive.ServerMessage | None:
    """Read a message. Raises: StageError, if it says that nothing more will come."""
    match whisperlive.parse(json_object(message, _NAME)):
        case whisperlive.Full(wait_min):
            guess = "" if wait_min is None else f" (it expects one in {wait_min * 60:.0f} s)"
            detail = f"the server has no free place{guess}: raise its max_clients"
            raise StageUnavailable("stt", detail, backend=_NAME, retry_after_s=_FULL_RETRY_S)
        case whisperlive.Over():
            raise StageUnavailable("stt", "the server ended the connection after its longest time", backend=_NAME)
        case whisperlive.Failed():
            detail = "the server reports an error: does it have the model that stt.model names? Its own log says why"
            raise StageProtocolError("stt", detail, backend=_NAME)
        case whisperlive.Unreadable():
            detail = "the server sent segments that cannot be read: check stt.kind and stt.url"
            raise StageProtocolError("stt", detail, backend=_NAME)
        case parsed:
            return parsed


class WhisperLiveTake(WsTake):
    """One connection, for one utterance; see ``Take``."""

    backend = _NAME

    def __init__(self, ws: WebSocket, on_partial: OnPartial | None, *, limit_s: float) -> None:
        super().__init__(ws, on_partial, limit_s=limit_s)
        self._samples = 0
        self._text = whisperlive.Text()
        self._patience = trio.CancelScope()
        self._texts_since_end = 0
        self._is_voiced = False

    async def send(self, pcm: bytes) -> None:
        """Send a piece, as the 32-bit floats that every version understands."""
        self._samples += len(pcm) // 2
        await self._ws.send((np.frombuffer(pcm, dtype="<i2").astype("<f4") / 32_768).tobytes())

    async def end(self, *, is_voiced: bool = False) -> None:
        """Fill up the second that the server needs, and make sure that it has everything.

        The pong comes behind whatever the server said before it had the last sample: those texts may lack words.
        """
        self._is_voiced = is_voiced
        missing = whisperlive.SAMPLES_MIN - self._samples
        if missing > 0:
            await self._ws.send(bytes(4 * missing))
        self._patience.deadline = trio.current_time() + self._limit_s * _QUIET_SHARE
        await self._ws.ping()
        self.is_told_all = True

    async def listen(self) -> Transcript:
        """Read until the text is settled, or as settled as it will be."""
        with self._patience:
            return await self._until_said_twice()
        await must_answer(self._ws, _NAME, limit_s=self._limit_s)
        self.is_told_all = True
        # What it has said so far may be of the first second only, when it takes longer than that for a transcription
        # (0.10.0 on a busy machine: 5 s, seen). Half a sentence is worse than a backup.
        while self._is_half_said or (self._is_voiced and not self._text.whole):
            await self._next_text()
        return Transcript(self._text.whole)

    @property
    def _is_half_said(self) -> bool:
        return self._text.is_open and self._texts_since_end < 2

    async def _until_said_twice(self) -> Transcript:
        before: str | None = None
        while True:
            text = await self._next_text()
            if self.is_told_all:
                if text == before:
                    return Transcript(text)
                before = text
            elif self._on_partial is not None:
                self._on_partial(text)

    async def _next_text(self) -> str:
        while not isinstance(message := _parse(await self._ws.receive()), whisperlive.Segments):
            pass
        self._texts_since_end += self.is_told_all
        return self._text.add(message)


KIND = Kind(WhisperLiveSettings, whisperlive_stage)
