"""The kinds of speech-to-text servers side by side: a simulated one, a stage for it, and speech it can read back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import attrs
import trio

from voxbridge.audio.opus import Decoder
from voxbridge.config.kinds import settings_of
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import FRAME_S, HeardSound
from voxbridge.rehearsal.tones import packets_of
from voxbridge.stages.contracts import Speaker, SttSession
from voxbridge.stages.stt.deepgram import deepgram_stage
from voxbridge.stages.stt.line import SttLine
from voxbridge.stages.stt.openai import openai_stage
from voxbridge.stages.stt.per_utterance import TakeStage
from voxbridge.stages.stt.whisperlive import whisperlive_stage
from voxbridge.stages.stt.whisperlivekit import whisperlivekit_stage
from voxbridge.stages.stt.whisperx import WhisperXStage
from voxbridge.stages.stt.wyoming import wyoming_stage
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.deepgram import DeepgramServer
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.transcriptions import TranscriptionServer
from voxbridge.testing.servers.whisperlive import WhisperLiveServer
from voxbridge.testing.servers.whisperlivekit import WhisperLiveKitServer
from voxbridge.testing.servers.whisperx import WhisperXServer
from voxbridge.testing.servers.wyoming_stt import WyomingHearingServer

HOST, PORT = "127.0.0.1", 9090
LATENCY_S = 0.005

Server = TranscriptionServer | WhisperLiveServer | WyomingHearingServer | DeepgramServer | WhisperLiveKitServer
S = TypeVar("S", bound=Server | WhisperXServer)


@attrs.frozen
class Kind(Generic[S]):
    """How to make both ends of one kind."""

    name: str
    scheme: str
    make_server: Callable[[HearingScript], S]
    make_stage: Callable[[Any], TakeStage | WhisperXStage]
    is_websocket: bool = False
    final_s: float = 0.0
    """From the end of an utterance to its final with a model that takes no time: the server's own pace, at most."""

    def settings(self, port: int = PORT, host: str = HOST, **changes: Any) -> Any:
        """Return settings that lead to the simulated server."""
        return settings_of("stt", self.name, url=f"{self.scheme}://{host}:{port}", **changes)


WYOMING = Kind("wyoming", "tcp", WyomingHearingServer, wyoming_stage)
OPENAI = Kind("openai", "http", TranscriptionServer, openai_stage)
WHISPERLIVE = Kind("whisperlive", "ws", WhisperLiveServer, whisperlive_stage, is_websocket=True, final_s=3.0)
DEEPGRAM = Kind("deepgram", "ws", DeepgramServer, deepgram_stage, is_websocket=True)
WHISPERLIVEKIT = Kind("whisperlivekit", "ws", WhisperLiveKitServer, whisperlivekit_stage, is_websocket=True)
_ALL: tuple[Kind[Any], ...] = (WYOMING, OPENAI, WHISPERLIVE, DEEPGRAM, WHISPERLIVEKIT)
KINDS = {kind.name: kind for kind in _ALL}


def speaker(user_id: int = 42, language: str = "en") -> Speaker:
    return Speaker(UserId(user_id), "Ada", GuildId(1), ChannelId(2), language)


def said(numbers: Sequence[int]) -> str:
    """Return what a server hears of these words."""
    return " ".join(f"w{number}" for number in numbers)


_DECODER = Decoder()


def heard(opus: bytes) -> HeardSound:
    """Return a packet as the ear hands it on."""
    return _DECODER.hear(opus)


def feed(line: SttSession, numbers: Sequence[int]) -> None:
    """Feed words at once."""
    for opus in packets_of(*numbers):
        line.feed(heard(opus))


async def speak(line: SttSession, numbers: Sequence[int]) -> None:
    """Feed words, a packet every 20 ms, as a microphone does."""
    for opus in packets_of(*numbers):
        line.feed(heard(opus))
        await trio.sleep(FRAME_S)


async def until(condition: Callable[[], bool], within_s: float = 30, *, every_s: float = 0.001) -> None:
    with trio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 -- the line has no event for it, and needs none
            await trio.sleep(every_s)


@asynccontextmanager
async def connected(
    kind: Kind[S],
    script: HearingScript | None = None,
    *,
    on_partial: Callable[[str], None] | None = None,
    latency_s: float = LATENCY_S,
    chunk_bytes: int | None = 61,
    **changes: Any,
) -> AsyncIterator[tuple[S, SttLine, MemNet]]:
    """Yield a server, a line and the network, all in memory; at the end nothing may be left open."""
    net = MemNet(latency_s=latency_s, chunk_bytes=chunk_bytes).install()
    stage = kind.make_stage(kind.settings(**changes))
    stage.rng = lambda: 1.0
    server = kind.make_server(script or HearingScript())
    async with server.running(HOST, PORT):
        async with stage:
            async with stage.open(speaker(), on_partial) as line:
                await until(lambda: line.is_connected)
                yield server, line, net
            await trio.sleep(1)  # virtual: what was under way when the line was left has arrived
            assert server.open_connections <= _kept(server), "the line is closed, and something of it is not"
        await until(lambda: server.open_connections == 0, 1)
        net.assert_all_closed()


def _kept(server: Server | WhisperXServer) -> int:
    """Return how many connections a client may keep for its next request."""
    return 2 if isinstance(server, TranscriptionServer) else 0
