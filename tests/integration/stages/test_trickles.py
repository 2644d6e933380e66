"""Servers that send a byte a second, or close their half of a connection: in virtual time, so the figures are exact."""

from __future__ import annotations

import urllib.parse
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
import trio

from tests.support.stt_kinds import HOST, KINDS, PORT, heard, speaker
from tests.support.trickle import Manner, Trickle, trickling
from voxbridge.config.kinds import settings_of
from voxbridge.config.secrets import Secret
from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import StageError, StageTimeout
from voxbridge.rehearsal.tones import packets_of
from voxbridge.stages.contracts import AgentEvent, AgentRequest, TextDelta, TtsRequest
from voxbridge.stages.registry import make_agent, make_stt, make_tts
from voxbridge.stages.sinks import AnswerInto, SoundInto, no_mark
from voxbridge.testing.conformance.cases import SPEAKER
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.dify import DifyServer
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.ollama import OllamaServer
from voxbridge.testing.servers.openai_chat import OpenAiServer
from voxbridge.testing.servers.openai_speech import OpenAiSpeechServer
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer
from voxbridge.testing.servers.wyoming_speech import WyomingSpeechServer

pytestmark = pytest.mark.integration

Call = Callable[[], Awaitable[bool]]
"""Asks a stage once; tells whether anything came of it."""

AGENTS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "n8n": (N8nServer, {}),
    "openai": (OpenAiServer, {"model": "test-model"}),
    "ollama": (OllamaServer, {"model": "test-model"}),
    "dify": (lambda: DifyServer(key="app-1"), {"api_key": Secret("app-1")}),
}
VOICES: dict[str, Callable[[], Any]] = {
    "chatterbox": lambda: ChatterboxServer(PROMPT),
    "openai": OpenAiSpeechServer,
    "wyoming": WyomingSpeechServer,
}
EARS: dict[str, Callable[[], Any]] = {
    "whisperx": lambda: WhisperXServer(WhisperXScript(text="hello")),
    **{name: partial(kind.make_server, HearingScript(final_delay_s=0.1)) for name, kind in KINDS.items()},
}
NAMES = [*(f"agent {kind}" for kind in AGENTS), *(f"tts {kind}" for kind in VOICES), *(f"stt {kind}" for kind in EARS)]
HEADLESS = {"tts wyoming", "stt wyoming"}
LIMITS_S = {
    **{name: {"agent": 15.0, "tts": 6.0, "stt": 5.0}[name.partition(" ")[0]] for name in NAMES},
    "tts chatterbox": 3.0,  # it says when it begins
}
_CONNECTIONS_MAX = 20
_PAUSE_S = 60.0
_ORDINARY_S = 3.0  # WhisperLive's pace


async def opened(name: str, stack: AsyncExitStack) -> tuple[Trickle, Call]:
    """Open a server, the way to it, and a stage."""
    stage, _, kind = name.partition(" ")
    if stage == "stt":
        return await _ear(kind, stack)
    server = await stack.enter_async_context((AGENTS[kind][0] if stage == "agent" else VOICES[kind])().running())
    whole = urllib.parse.urlsplit(getattr(server, "webhook_url", "") or getattr(server, "base_url", "") or server.url)
    assert whole.port is not None
    way = await stack.enter_async_context(trickling(whole.port))
    url = whole._replace(netloc=f"{HOST}:{way.port}").geturl()
    if stage == "agent":
        return way, await _agent(kind, url, stack)
    return way, await _voice(kind, url, stack)


async def _agent(kind: str, url: str, stack: AsyncExitStack) -> Call:
    settings = settings_of("agent", kind, url=Secret(url), retries=0, **AGENTS[kind][1])
    stage = await stack.enter_async_context(make_agent(settings, ""))

    async def ask() -> bool:
        send, receive = trio.open_memory_channel[AgentEvent](1 << 20)  # nobody reads meanwhile
        await stage.answer(AgentRequest("turn-1", "Is anybody there?", SPEAKER), AnswerInto(send, no_mark))
        send.close()
        return any([isinstance(event, TextDelta) async for event in receive])

    return ask


async def _voice(kind: str, url: str, stack: AsyncExitStack) -> Call:
    stage = await stack.enter_async_context(make_tts(settings_of("tts", kind, url=url), ""))

    async def speak() -> bool:
        came: list[Pcm] = []
        await stage.speak(TtsRequest("Is anybody there?", "turn-1", 0), SoundInto(came.append))
        return bool(came)

    return speak


async def _ear(kind: str, stack: AsyncExitStack) -> tuple[Trickle, Call]:
    await stack.enter_async_context(EARS[kind]().running(HOST, PORT))
    way = await stack.enter_async_context(trickling(PORT))
    scheme = KINDS[kind].scheme if kind in KINDS else "ws"
    settings = settings_of("stt", kind, url=f"{scheme}://{HOST}:{way.port}")
    stage = await stack.enter_async_context(make_stt(settings, ""))
    line = await stack.enter_async_context(stage.open(speaker()))

    async def listen() -> bool:
        for opus in packets_of(1, 2, 3):
            line.feed(heard(opus))
        return bool((await line.end(1.0).wait()).text)

    return way, listen


async def failed(ask: Call) -> tuple[StageError, float]:
    """Ask in vain; return why there was no answer, and after how many seconds that was known."""
    began = trio.current_time()
    with pytest.raises(StageError) as caught:
        await ask()
    assert caught.value.detail
    return caught.value, trio.current_time() - began


async def check_well(way: Trickle, ask: Call) -> None:
    """Check that the next turn is an ordinary one, and that nobody was called again and again meanwhile."""
    assert way.connections <= _CONNECTIONS_MAX, f"{way.connections} connections were made"
    way.manner, way.quick_bytes = "as it is", 0
    await trio.sleep(_PAUSE_S)
    began = trio.current_time()
    assert await ask()
    assert trio.current_time() - began < _ORDINARY_S


@pytest.mark.parametrize(
    ("name", "manner"),
    [*((name, "slow") for name in NAMES), *((name, "slow body") for name in NAMES if name not in HEADLESS)],
)
async def test_a_byte_a_second_is_no_answer(autojump_clock: trio.testing.MockClock, name: str, manner: Manner) -> None:
    """Heads, bodies, chunks, frames and Wyoming's lines that trickle end with the stage's own limit, to the instant."""
    MemNet().install()
    async with AsyncExitStack() as stack:
        way, ask = await opened(name, stack)
        way.manner = manner
        error, took_s = await failed(ask)
        assert isinstance(error, StageTimeout)
        assert took_s == pytest.approx(LIMITS_S[name], abs=1e-6)
        await check_well(way, ask)


@pytest.mark.parametrize("manner", ["half-closed", "half-closed body"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in HEADLESS])
async def test_half_a_connection_is_no_connection(
    autojump_clock: trio.testing.MockClock, name: str, manner: Manner
) -> None:
    """A server that listens on and says no more has failed at once, or is called again with pauses until the limit."""
    MemNet().install()
    async with AsyncExitStack() as stack:
        way, ask = await opened(name, stack)
        way.manner = manner
        _, took_s = await failed(ask)
        assert took_s <= (LIMITS_S[name] if name.startswith("stt") else 1.0)
        await check_well(way, ask)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("tts")])
async def test_a_voice_that_trickles_is_given_up(autojump_clock: trio.testing.MockClock, name: str) -> None:
    """Sound that began well and goes on at a byte a second has the sentence's limit: 5 s and three times its sound."""
    MemNet().install()
    async with AsyncExitStack() as stack:
        way, ask = await opened(name, stack)
        way.manner, way.quick_bytes = "slow", 3000
        error, took_s = await failed(ask)
        assert isinstance(error, StageTimeout)
        assert took_s == pytest.approx(6.0, abs=1e-6)  # the limit of the first sound, which is the longer one here
        await check_well(way, ask)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("agent")])
async def test_an_answer_that_trickles_has_the_limit_of_all(autojump_clock: trio.testing.MockClock, name: str) -> None:
    """An agent that always says another letter is cut after 90 s, and what its text takes to say."""
    MemNet().install()
    async with AsyncExitStack() as stack:
        way, ask = await opened(name, stack)
        way.manner, way.quick_bytes = "slow", 600
        error, took_s = await failed(ask)
        assert isinstance(error, StageTimeout)
        assert 90.0 <= took_s <= 100.0
        await check_well(way, ask)
