"""The OpenAI speech stage against simulated servers, in virtual time on the in-memory network."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import numpy as np
import pytest
import structlog
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.integration.stages.tts.tts_bench import SENTENCE, SENTENCE_S, hummed, listen
from voxbridge.config.secrets import Secret
from voxbridge.core.agents.tts_options import TtsOptions
from voxbridge.errors import ConfigError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import TtsRequest, warm_up
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.tts.openai import OpenAiSpeechStage, OpenAiTtsSettings, base_url
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, text_chunks
from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.openai_speech import MODEL_ROUTE, OpenAiSpeechServer

pytestmark = pytest.mark.integration

TIMING = attrs.evolve(PROMPT, head_s=0.040, synthesis_s=0.100)
LONG = "It is a truth universally acknowledged that a man in want. " * 5  # 5 sentences, 2 to a text chunk


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    net = MemNet().install()
    yield net
    net.assert_all_closed(listeners=True)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


@asynccontextmanager
async def talking(server: HttpServer | None = None, **changes: Any) -> AsyncIterator[tuple[Any, OpenAiSpeechStage]]:
    server = server or OpenAiSpeechServer(timing=TIMING)
    async with server.running():
        settings = OpenAiTtsSettings(url=server.url, **changes)
        async with OpenAiSpeechStage(settings, rng=lambda: 1.0) as stage:
            yield server, stage
            assert stage.free_slots == settings.concurrency, "a slot was not given back"


async def idle_connections_are_closed(server: HttpServer) -> None:
    """Let a minute pass, and the server close what was idle (httpx's pool goes by the kernel's clock, not by ours)."""
    await wait_all_tasks_blocked()
    server.close_idle()
    await trio.sleep(60)


def pitch_hz(data: bytes, rate_hz: int = 24_000) -> float:
    samples = np.frombuffer(data, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate_hz / len(samples))


@pytest.mark.parametrize("response_format", ["wav", "pcm"])
async def test_sound_is_passed_on_as_it_comes(autojump_clock: MockClock, net: MemNet, response_format: str) -> None:
    """A server that streams is heard chunk by chunk, sample by sample what it made."""
    async with talking(response_format=response_format) as (_, stage):
        heard = await listen(stage, LONG)
    assert (heard.error, heard.rates_hz) == (None, {24_000})
    assert heard.data == hummed(LONG)
    assert sorted({round(at, 9) for at, _ in heard.pieces}) == [exactly(0.14), exactly(0.24), exactly(0.34)]
    assert heard.marks["tts_first_byte"] == heard.marks["tts_first_pcm"] == exactly(0.14)
    assert heard.ended == exactly(0.34)


@pytest.mark.parametrize("response_format", ["opus", "mp3", "flac"])
async def test_compressed_sound(autojump_clock: MockClock, net: MemNet, response_format: str) -> None:
    """What is compressed is heard when the sentence is there; the hum has its pitch and its length."""
    async with talking(response_format=response_format) as (server, stage):
        heard = await listen(stage)
        assert (heard.error, heard.ended) == (None, exactly(0.14))
        assert pitch_hz(heard.data) == pytest.approx(220, abs=1)
        assert heard.samples / 24_000 == pytest.approx(SENTENCE_S, abs=0.06)
        assert server.spoken[0].response_format == response_format


@pytest.mark.parametrize(
    ("answers_as", "label"),
    [("wav", None), ("wav", "audio/mpeg"), ("wav", "text/plain"), ("pcm", None), ("opus", None), ("mp3", None),
     ("mp3", "application/octet-stream"), ("flac", "application/octet-stream")],
)  # fmt: skip
@pytest.mark.parametrize("asked", ["mp3", "wav", "pcm"])
async def test_what_comes_decides_not_what_was_asked_for(
    autojump_clock: MockClock, net: MemNet, answers_as: str, label: str | None, asked: str
) -> None:
    """Servers answer with what they like and label it as they like."""
    if (answers_as, label, asked) == ("mp3", "application/octet-stream", "pcm"):
        return  # raw samples were asked for, and nothing says that these are none
    async with talking(response_format=asked) as (server, stage):
        server.answers_as, server.label = answers_as, label
        heard = await listen(stage)
        assert heard.error is None
        assert pitch_hz(heard.data) == pytest.approx(220, abs=1)


async def test_travisvn_answers_mp3_with_a_wav_of_floats(autojump_clock: MockClock, net: MemNet) -> None:
    """Chatterbox's whole-file route: format 3, fact and PEAK chunks, cut at each newline byte."""
    async with talking(ChatterboxServer(TIMING), response_format="mp3") as (server, stage):
        heard = await listen(stage)
        assert (heard.error, heard.ended) == (None, exactly(0.1))
        wrong = np.abs(np.frombuffer(heard.data, "<i2").astype(int) - np.frombuffer(hummed(), "<i2")).max()
        assert wrong <= 1, f"a sample is off by {wrong}"
        assert server.requests[0].path == "/v1/audio/speech"


async def test_devnen(autojump_clock: MockClock, net: MemNet) -> None:
    """Whole files; a voice is a file name; pcm is refused; while it speaks it does nothing else."""
    server = OpenAiSpeechServer("devnen", TIMING)
    async with talking(server, voice="Anna.wav") as (_, stage):
        assert await stage.probe() == "ready; voice 'Anna.wav'"
        heard = await listen(stage, LONG)
        assert (heard.error, heard.data, heard.ended) == (None, hummed(LONG), exactly(0.34))
        server.is_loaded = False
        heard = await listen(stage)
        assert isinstance(heard.error, StageUnavailable)
        assert "not currently loaded" in str(heard.error)
    async with talking(server) as (_, stage):
        server.is_loaded = True
        with structlog.testing.capture_logs() as logs:
            assert "voice 'alloy' is UNKNOWN to the server, which may refuse it" in await stage.probe()
        assert [entry["log_level"] for entry in logs] == ["warning"]
        heard = await listen(stage)
        assert isinstance(heard.error, StageRefused)
        assert "Voice file 'alloy' not found" in str(heard.error)
    async with talking(server, voice="Anna.wav", response_format="pcm") as (_, stage):
        heard = await listen(stage)
        assert isinstance(heard.error, StageRefused)
        assert "Input should be 'wav', 'opus' or 'mp3'" in str(heard.error)


async def test_raw_samples_have_the_configured_or_the_labelled_rate(autojump_clock: MockClock, net: MemNet) -> None:
    """The label's rate counts, then the setting's."""
    async with talking(response_format="pcm", pcm_rate_hz=16_000) as (server, stage):
        assert (await listen(stage)).rates_hz == {16_000}
        server.label = "audio/pcm; rate=22050"
        assert (await listen(stage)).rates_hz == {22_050}


async def test_what_is_asked(autojump_clock: MockClock, net: MemNet) -> None:
    """JSON with the fields of OpenAI's API, the token in its header, speed only if it is set."""
    async with talking() as (server, stage):
        await listen(stage, "Ça va & bien?")
        assert server.requests[-1].json() == {
            "model": "tts-1", "input": "Ça va & bien?", "voice": "alloy", "response_format": "wav",
        }  # fmt: skip
        assert "authorization" not in server.requests[-1].headers
    server = OpenAiSpeechServer(timing=TIMING, voices=("anna", "bob", "carl"), api_key="sesame")
    options = {"api_key": Secret("sesame"), "voice": "anna", "model": "kokoro", "speed": 1.5}
    async with talking(server, **options) as (_, stage):
        await listen(stage)
        await listen(stage, voice="bob")
        request = TtsRequest(SENTENCE, "turn", 0, options=TtsOptions(voice="carl", exaggeration=0.5))
        await stage.speak(request, SoundInto(lambda _pcm: None))
        assert [spoken.voice for spoken in server.spoken] == ["anna", "bob", "carl"]
        assert {(spoken.model, spoken.speed, spoken.authorization) for spoken in server.spoken} == {
            ("kokoro", 1.5, "Bearer sesame")
        }
        assert "exaggeration" not in str(server.requests[-1].json())


async def test_the_token_is_never_seen(autojump_clock: MockClock, net: MemNet) -> None:
    """A server that repeats token and text in its refusal: neither is in the error or in the log."""

    async def echo(request: Request, reply: Reply) -> None:
        asked = request.json()
        assert isinstance(asked, dict)
        message = f"bad token {request.headers['authorization']} for {asked['input']}"
        await reply.send_json({"error": {"message": message}}, 401)

    async with talking(api_key=Secret("sesame-42")) as (server, stage):
        server.spoilers.append(echo)
        with structlog.testing.capture_logs() as logs:
            heard = await listen(stage, "My password is swordfish and nobody knows.")
    assert isinstance(heard.error, StageRefused)
    assert heard.error.status == 401
    seen = f"{heard.error!r} {heard.error} {heard.error.__cause__!r} {logs}"
    assert "sesame" not in seen
    assert "swordfish" not in seen


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("http://h:1", "http://h:1/v1"),
        ("http://h:1/", "http://h:1/v1"),
        ("http://h:1/v1", "http://h:1/v1"),
        ("http://h:1/v1/", "http://h:1/v1"),
        ("http://h:1/v1/audio/speech", "http://h:1/v1"),
        ("https://h/v1/openai/", "https://h/v1/openai"),
        ("http://h/api/audio/speech", "http://h/api"),
        ("http://h/proxy", "http://h/proxy/v1"),
    ],
)
def test_base_urls_as_people_write_them(written: str, used: str) -> None:
    """With and without /v1, slash or route."""
    assert base_url(written) == used


async def test_missing_extra_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for mp3 without the extra learns it before anybody speaks; a surprise is told as it comes."""
    monkeypatch.setitem(sys.modules, "soundfile", None)  # as if it was not installed
    settings = OpenAiTtsSettings(url="http://localhost:1", response_format="mp3")
    with pytest.raises(ConfigError, match=r"voxbridge-discord\[compressed\]"):
        OpenAiSpeechStage(settings)
    OpenAiSpeechStage(attrs.evolve(settings, response_format="opus"))


async def test_surprise_that_needs_the_extra(
    autojump_clock: MockClock, net: MemNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that sends mp3 unasked: one request, and an error that says what to install or to set."""
    body = b"ID3" + bytes(200)

    async def surprise(_request: Request, reply: Reply) -> None:
        await reply.send(200, body, "audio/mpeg")

    async with talking() as (server, stage):
        server.spoilers.append(surprise)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "soundfile", None)
            heard = await listen(stage)
        assert isinstance(heard.error, StageRefused)
        assert "voxbridge-discord[compressed]" in str(heard.error)
        assert len(server.requests) == 1
        assert (await listen(stage)).error is None


async def test_one_sentence_at_a_time_and_the_slot_is_free_at_the_last_sample(
    autojump_clock: MockClock, net: MemNet
) -> None:
    """A file of announced length ends with its last sample, wherever its body ends; turns take turns."""
    server = OpenAiSpeechServer("devnen", TIMING)
    async with talking(server, voice="Anna.wav") as (_, stage), trio.open_nursery() as nursery:
        for text, turn in (("A one.", "a"), ("A two.", "a"), ("A three.", "a"), ("B one.", "b")):
            nursery.start_soon(functools.partial(listen, stage, text, turn=turn))
            await wait_all_tasks_blocked()
    assert [asked.text for asked in server.spoken] == ["A one.", "A two.", "B one.", "A three."]
    assert [asked.started_at for asked in server.spoken] == [exactly(0.14 * n) for n in range(4)]
    assert server.generating_max == 1


async def test_barge_in_leaves_nothing_behind(autojump_clock: MockClock, net: MemNet) -> None:
    """A cancel closes the connection at once; the next sentence works."""
    async with talking() as (server, stage):
        for moment_s in (0.0, 0.02, 0.05, 0.15, 0.3):
            with trio.move_on_after(moment_s):
                await listen(stage, LONG)
            await wait_all_tasks_blocked()
            assert server.in_flight == 0, f"cancelled after {moment_s} s, and the request lives on"
        heard = await listen(stage, LONG)
        assert (heard.error, heard.ended) == (None, exactly(0.34))


async def test_warm_connection(autojump_clock: MockClock) -> None:
    """10 ms each way: a connection made in advance saves a round trip; no request goes over it."""
    MemNet(latency_s=0.010).install()
    async with talking() as (server, stage):
        await warm_up(stage)
        await warm_up(stage)
        heard = await listen(stage)
        assert heard.marks["tts_first_byte"] == exactly(0.020 + 0.14)
        await idle_connections_are_closed(server)
        assert (await listen(stage)).marks["tts_first_byte"] == exactly(0.040 + 0.14)
        await idle_connections_are_closed(server)
        await warm_up(stage)
        assert (await listen(stage)).marks["tts_first_byte"] == exactly(0.020 + 0.14)
        assert (server.generating_max, server.connections, len(server.requests)) == (1, 3, 3)


async def test_probe(autojump_clock: MockClock, net: MemNet) -> None:
    """The route is found without a word being spoken; what is missing is named."""
    async with talking(voice="alloy+anna") as (server, stage):
        assert await stage.probe() == "ready; voice 'alloy+anna'"
        assert server.spoken == []
    async with talking(OpenAiSpeechServer(api_key="sesame")) as (server, stage):
        with pytest.raises(StageRefused, match="refuses our credentials"):
            await stage.probe()
    async with talking(HttpServer()) as (server, stage):
        with pytest.raises(StageRefused, match=r"tts\.url must be the base URL of an OpenAI-style"):
            await stage.probe()

        async def refuses(_request: Request, reply: Reply) -> None:
            await reply.send_json({"error": {"message": "you must provide a model parameter"}}, 400)

        server.route("POST", "/v1/audio/speech", refuses)  # as OpenAI's own server, which lists no voices
        assert await stage.probe() == "ready; voice 'alloy' (the server lists none)"
        server.connection_fault = "hang"
        await wait_all_tasks_blocked()
        server.close_idle()
        await wait_all_tasks_blocked()
        with pytest.raises(StageTimeout):
            await stage.probe()


async def test_probe_of_a_server_without_its_model(autojump_clock: MockClock, net: MemNet) -> None:
    """devnen's server starts when its model cannot be loaded, and would be taken for well by all but one of its routes.

    A server whose list of voices is alike and that has no such route is taken as it is.
    """
    server = OpenAiSpeechServer("devnen", TIMING)
    server.is_loaded = False
    async with talking(server, voice="Anna.wav") as (_, stage):
        with pytest.raises(StageUnavailable, match="the server runs without its model"):
            await stage.probe()
        server.is_loaded = True
        assert await stage.probe() == "ready; voice 'Anna.wav'"

        async def nowhere(_request: Request, reply: Reply) -> None:
            await reply.send_json({"detail": "Not Found"}, 404)

        server.route("GET", MODEL_ROUTE, nowhere)
        assert await stage.probe() == "ready; voice 'Anna.wav'"
    assert server.spoken == []


async def test_probe_of_a_server_that_is_speaking(autojump_clock: MockClock, net: MemNet) -> None:
    """devnen's server stands still while it speaks: slow, but not down."""
    server = OpenAiSpeechServer("devnen", attrs.evolve(TIMING, synthesis_s=30.0))
    async with talking(server, voice="Anna.wav", first_pcm_limit_ms=60_000) as (_, stage):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, stage)
            await wait_all_tasks_blocked()
            assert (await stage.probe()).startswith("busy: it is speaking")
        assert await stage.probe() == "ready; voice 'Anna.wav'"


async def test_too_much_is_refused_here(autojump_clock: MockClock, net: MemNet) -> None:
    """4096 characters pass, and no more."""
    async with talking() as (server, stage):
        server.synthesize = lambda _text, _index: b"\0\0"
        assert (await listen(stage, "a" * 4096)).error is None
        assert isinstance((await listen(stage, "a" * 4097)).error, StageRefused)
        assert len(server.spoken) == 1


async def test_long_compressed_sentence_is_decoded_in_a_thread() -> None:
    """On loopback and by the real clock: a FLAC of 20 s is heard whole, and the loop runs on meanwhile."""
    text = "It is a truth universally acknowledged. " * 9
    server = OpenAiSpeechServer(timing=attrs.evolve(PROMPT, head_s=0, synthesis_s=0))
    async with talking(server, response_format="flac") as (_, stage):
        with trio.fail_after(20):
            heard = await listen(stage, text)
    assert heard.error is None
    assert heard.data == b"".join(hummed(chunk) for chunk in text_chunks(text.strip(), 120))


async def test_cut_file_is_tried_again(autojump_clock: MockClock, net: MemNet) -> None:
    """Of a compressed sentence that broke off nothing was heard, so it is asked for once more."""

    async def cut(_request: Request, reply: Reply) -> None:
        await reply.head(200, [("content-type", "audio/mpeg")])
        await reply.chunk(b"ID3" + bytes(500))
        await reply.cut()

    async with talking() as (server, stage):
        server.spoilers.append(cut)
        heard = await listen(stage)
        assert (heard.error, heard.data, stage.retry_count) == (None, hummed(), 1)
        server.spoilers.extend([cut, cut])
        heard = await listen(stage)
        assert isinstance(heard.error, StageProtocolError)
