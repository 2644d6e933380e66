"""Voices that do not stop, and bodies that are not one plain file: what is heard of them, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from tests.integration.stages.tts.tts_bench import SENTENCE, SENTENCE_S, hummed, listen
from tests.support.stages import ScriptedTts
from voxbridge.config.kinds import find_kind, settings_of
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.text.pace import longest_sound_s
from voxbridge.core.wire.wav import encode_wav, streaming_header
from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent
from voxbridge.stages.contracts import TtsStage
from voxbridge.stages.tts.bound import BoundedVoice
from voxbridge.stages.tts.chatterbox import SPEECH_PATH
from voxbridge.stages.tts.wyoming import WyomingSpeechStage, WyomingTtsSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.openai_speech import SPEECH_ROUTE
from voxbridge.testing.servers.wyoming import Peer
from voxbridge.testing.servers.wyoming_speech import WyomingSpeechServer

pytestmark = pytest.mark.integration

SECOND = b"\x11\x01" * SPEECH_RATE_HZ
Deed = Callable[[Reply], Awaitable[None]]


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    net = MemNet().install()
    yield net
    net.assert_all_closed(listeners=True)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


@asynccontextmanager
async def over_http(kind: str, deed: Deed) -> AsyncIterator[tuple[TtsStage, HttpServer]]:
    """Open a stage on a server that answers every request with ``deed``."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.head(200, [("content-type", "audio/wav")])
        await deed(reply)

    server = HttpServer()
    server.route("POST", SPEECH_PATH if kind == "chatterbox" else SPEECH_ROUTE, script)
    async with server.running():
        stage = find_kind("tts", kind).make(settings_of("tts", kind, url=server.url))
        async with stage:
            yield stage, server
            assert stage.free_slots == 1, "a slot was not given back"


@pytest.mark.parametrize("seconds_at_once", [0.02, 3600.0])
@pytest.mark.parametrize("kind", ["chatterbox", "openai"])
async def test_an_endless_wav_is_left(
    autojump_clock: MockClock, net: MemNet, kind: str, seconds_at_once: float
) -> None:
    """Sound without end, by the frame or by the hour: what the text can take is heard, and the rest is not read."""
    sent = 0

    async def endless(reply: Reply) -> None:
        nonlocal sent
        await reply.chunk(streaming_header())
        while True:
            await reply.chunk(SECOND[: int(min(1.0, seconds_at_once) * 48_000)])
            sent += 1
            await trio.sleep(min(seconds_at_once, 1.0) if seconds_at_once < 1 else 0)

    limit_s = longest_sound_s("Yes.")
    async with over_http(kind, endless) as (stage, server):
        with structlog.testing.capture_logs() as logs:
            heard = await listen(stage, "Yes.")
        assert heard.error is None
        assert heard.samples == round(limit_s * SPEECH_RATE_HZ)
        assert [entry["event"] for entry in logs] == ["the voice goes on after its text: the rest is dropped"]
        if seconds_at_once < 1:
            assert heard.ended == pytest.approx(limit_s, abs=0.041)
        else:
            assert sent < 60, f"{sent} s of sound were read"
        assert (await listen(stage, "Yes.")).error is None
        assert len(server.requests) == 2


async def test_an_endless_wyoming_voice_is_left(autojump_clock: MockClock, net: MemNet) -> None:
    """The same over another protocol; the connection is closed and the next sentence has a new one."""
    form = AudioFormat(24_000, 2, 1).data

    async def endless(_event: WyomingEvent, peer: Peer) -> bool:
        await peer.send("audio-start", form)
        while True:
            await peer.send("audio-chunk", form, SECOND)

    server = WyomingSpeechServer()
    server.spoilers.append(endless)
    async with server.running(), WyomingSpeechStage(WyomingTtsSettings(url=server.url)) as stage:
        heard = await listen(stage, "Yes.")
        assert (heard.error, heard.samples) == (None, round(longest_sound_s("Yes.") * SPEECH_RATE_HZ))
        assert (await listen(stage)).error is None


async def test_a_plug_ins_endless_voice_is_left(autojump_clock: MockClock) -> None:
    """A backend that another package brings is bounded from outside."""
    scripted = ScriptedTts(sound_s=39.0)
    heard = await listen(BoundedVoice(scripted), "Yes.")
    assert heard.samples == round(longest_sound_s("Yes.") * SPEECH_RATE_HZ)


@pytest.mark.parametrize("gap_s", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["chatterbox", "openai"])
async def test_a_file_for_each_piece_of_a_sentence(
    autojump_clock: MockClock, net: MemNet, kind: str, gap_s: float
) -> None:
    """Three whole files in one body, half a second apart: all is heard, and no head as a click."""
    sound = hummed()
    third = len(sound) // 6 * 2

    async def files(reply: Reply) -> None:
        for at in (0, third, 2 * third):
            await reply.chunk(encode_wav(Pcm(sound[at : at + third], SPEECH_RATE_HZ)))
            await trio.sleep(gap_s)
        await reply.end()

    async with over_http(kind, files) as (stage, _):
        for _ in range(2):
            heard = await listen(stage)
            assert (heard.error, heard.data) == (None, sound[: 3 * third])
            assert sorted({at for at, _ in heard.pieces}) == [exactly(n * gap_s) for n in range(3 if gap_s else 1)]
            assert heard.ended == exactly(3 * gap_s)


async def test_a_server_known_to_send_files_is_waited_for_when_it_is_slow(
    autojump_clock: MockClock, net: MemNet
) -> None:
    """The second sentence's files are further apart than their sound is long: nothing is lost all the same."""
    sound, gap_s = hummed(), 0.1
    half = len(sound) // 4 * 2

    async def files(reply: Reply) -> None:
        for at in (0, half):
            await reply.chunk(encode_wav(Pcm(sound[at : at + half], SPEECH_RATE_HZ)))
            await trio.sleep(gap_s)
        await reply.end()

    async with over_http("openai", files) as (stage, _):
        await listen(stage)
        gap_s = SENTENCE_S / 2 + 0.5
        heard = await listen(stage)
        assert (heard.error, heard.data) == (None, sound[: 2 * half])


async def test_a_file_without_an_end_is_over_before_its_sound_is(autojump_clock: MockClock, net: MemNet) -> None:
    """The body hangs behind a file of known length: the caller knows in time that this was all."""

    async def file(reply: Reply) -> None:
        await reply.chunk(encode_wav(Pcm(hummed(), SPEECH_RATE_HZ)))
        await reply.hang()

    async with over_http("openai", file) as (stage, _):
        heard = await listen(stage)
        assert (heard.error, heard.data) == (None, hummed())
        assert heard.ended is not None
        assert heard.ended == exactly(SENTENCE_S - 0.1)


@pytest.mark.parametrize("delay_s", [0.0, 1.0])
async def test_a_size_of_zero_before_the_sound(autojump_clock: MockClock, net: MemNet, delay_s: float) -> None:
    """Python's ``wave`` in front of a pipe: the head says that there is no sound, which comes a second later."""
    sound = hummed()

    async def file(reply: Reply) -> None:
        await reply.chunk(encode_wav(Pcm(b"", SPEECH_RATE_HZ)))
        await trio.sleep(delay_s)
        await reply.chunk(sound)
        await reply.end()

    async with over_http("chatterbox", file) as (stage, _):
        heard = await listen(stage, SENTENCE)
        assert (heard.error, heard.data) == (None, sound)
