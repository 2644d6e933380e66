"""One speaker's line to a WhisperX server, for scripts: connect, send packets, get the words."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import trio

from voxbridge.audio.opus import Decoder
from voxbridge.config.stages import SttSettings, carried
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import StageError, StageUnavailable
from voxbridge.scripting.background import Background, Started
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.stt.line import SttLine
from voxbridge.stages.stt.whisperx import WhisperXSettings, WhisperXStage
from voxbridge.stages.ws import WebSocket

NO_GUILD, NO_CHANNEL = GuildId(0), ChannelId(0)
_DEFAULTS = SttSettings()


def speaker_of(user_id: str | int, guild_id: GuildId = NO_GUILD, channel_id: ChannelId = NO_CHANNEL) -> Speaker:
    """Return a speaker for whatever a script calls its user: a Discord id, or a name such as ``user_123``."""
    name = str(user_id)
    number = int(name) if name.isdecimal() else zlib.crc32(name.encode())
    return Speaker(UserId(number), name, guild_id, channel_id)


class WhisperSocket:
    """The WebSocket under a ``WhisperClient`` as scripts see it: something that can be closed."""

    def __init__(self, client: WhisperClient) -> None:
        self._client = client

    async def close(self) -> None:
        """Close the connection as if it were lost; the client makes a new one by itself."""
        await self._client.lose_connection()


class _WatchedStage(WhisperXStage):
    """The stage, and which of its WebSockets is open."""

    def __init__(self, settings: WhisperXSettings, background: Background) -> None:
        super().__init__(settings)
        self._background = background
        self.socket: WebSocket | None = None
        self.failure: StageError | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[WebSocket]:
        try:
            async with super().connect() as socket:
                self.socket, self.failure = socket, None
                self._background.touch()
                yield socket
        except StageError as error:
            self.failure = error
            raise
        finally:
            self.socket = None
            self._background.touch()


class WhisperClient:
    """A line to a WhisperX server. Made without arguments; ``connect`` says where and for whom.

    A lost connection is made again, and what was sent of the utterance is sent again.
    """

    def __init__(self, settings: SttSettings = _DEFAULTS) -> None:
        self._settings = settings
        self._background = Background()
        self._stage: _WatchedStage | None = None
        self._line: SttLine | None = None
        self._speaker = speaker_of(0)
        self._decoder = Decoder()
        self.last_partial = ""
        """The words that the server has sent last of an utterance in progress: of its last 2 s only."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    @property
    def line(self) -> SttLine:
        """Return the line itself. Raises: StageUnavailable before ``connect``."""
        if self._line is None:
            raise StageUnavailable("stt", "not connected: call connect(server_url, user_id) first")
        return self._line

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection is up now."""
        return self._line is not None and self._line.is_connected

    @property
    def reconnect_count(self) -> int:
        """Return how often a lost connection was made again."""
        return 0 if self._line is None else self._line.reconnect_count

    @property
    def ws(self) -> WhisperSocket:
        """Return the WebSocket, to be closed by a test."""
        return WhisperSocket(self)

    async def connect(self, server_url: str, user_id: str | int) -> None:
        """Connect for one user. Raises: StageError, ConfigError (of the URL)."""
        await self.aclose()
        self._speaker = speaker_of(user_id)
        settings = carried(WhisperXSettings, self._settings, url=server_url)
        self._stage = stage = _WatchedStage(settings, self._background)

        async def live(status: Started[SttLine]) -> None:
            async with stage, stage.open(self._speaker, self._on_partial) as line:
                status.started(line)
                await trio.sleep_forever()

        self._line = await self._background.start(live)
        await self._background.until(lambda: self.is_connected or stage.failure is not None)
        if not self.is_connected:
            assert stage.failure is not None
            failure = stage.failure
            await self.aclose()
            raise failure

    def _on_partial(self, text: str) -> None:
        self.last_partial = text

    async def send_audio(self, opus: bytes) -> None:
        """Send one 20 ms Opus packet; does not wait for words.

        On a lost connection it returns when there is a new one. Raises: StageError when there is none within the
        connect limit; the packet is kept for the one that comes later.
        """
        line, limit_s = self.line, self._settings.connect_limit_ms / 1000
        line.feed(self._decoder.hear(opus))
        with trio.move_on_after(limit_s):
            await self._background.until(lambda: self.is_connected)
        if not self.is_connected:
            raise self._why_not()

    def _why_not(self) -> StageError:
        failure = None if self._stage is None else self._stage.failure
        return failure or StageUnavailable("stt", "the connection was lost and could not be made again")

    async def finalize(self) -> str:
        """End the utterance and return its words; "" if nothing was said. Raises: StageError."""
        return (await self.line.finish()).text

    async def lose_connection(self) -> None:
        """Close the WebSocket and return when its loss was noticed."""
        stage = self._stage
        if stage is None or (lost := stage.socket) is None:
            await trio.lowlevel.checkpoint()
            return
        await lost.aclose()
        await self._background.until(lambda: stage.socket is not lost)

    async def aclose(self) -> None:
        """Close for good. May be called again; a script that does not call it is cleaned up at the end of its run."""
        await self._background.stop()
        self._line = self._stage = None
