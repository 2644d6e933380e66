"""What is peculiar to one kind of speech-to-text server: its client against it, and the simulated server by itself."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import structlog
import trio

from tests.support.stt_kinds import (
    DEEPGRAM,
    HOST,
    KINDS,
    OPENAI,
    PORT,
    WHISPERLIVE,
    WHISPERLIVEKIT,
    WYOMING,
    connected,
    feed,
    said,
    speak,
    speaker,
    until,
)
from voxbridge.audio.opus import Decoder
from voxbridge.config.secrets import Secret
from voxbridge.core.sound.pcm import SILENCE_OPUS, HeardSound
from voxbridge.errors import StageError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.rehearsal.tones import packets_of
from voxbridge.stages.contracts import Transcript
from voxbridge.stages.stt.deepgram import deepgram_stage
from voxbridge.stages.stt.openai import base_url
from voxbridge.stages.ws import WebSocket, WsAddress, open_websocket
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.deepgram import DeepgramServer
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.transcriptions import TranscriptionServer
from voxbridge.testing.servers.websocket import WebSocketServer, WsPeer
from voxbridge.testing.servers.whisperlive import END_OF_AUDIO, WhisperLiveServer
from voxbridge.testing.servers.whisperlivekit import WhisperLiveKitServer
from voxbridge.testing.servers.wyoming_stt import WyomingHearingServer

pytestmark = pytest.mark.integration


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


@asynccontextmanager
async def raw(server, target: str = "/", **headers: str):
    """Open a WebSocket of our own to a simulated server."""
    MemNet().install()
    async with server.running(HOST, PORT):
        address = WsAddress.parse("stt", f"ws://{HOST}:{PORT}{target}")
        async with open_websocket(address, stage="stt", limit_s=5, headers=headers) as ws:
            yield ws


async def received(ws: WebSocket) -> dict[str, Any]:
    message = json.loads(await ws.receive())
    assert isinstance(message, dict)
    return message


async def closing(ws: WebSocket) -> tuple[list[dict[str, Any]], int | None]:
    """Return the messages up to the close, and its code."""
    found = []
    try:
        while True:
            found.append(await received(ws))
    except StageUnavailable:
        return found, ws.close_code


def floats(*words: int) -> bytes:
    decoder = Decoder()
    pcm = b"".join(decoder.decode(packet) for packet in packets_of(*words))
    return (np.frombuffer(pcm, dtype="<i2").astype("<f4") / 32_768).tobytes()


HELLO = '{"uid":"u","language":"en","task":"transcribe","model":"small","use_vad":true}'


# -- WhisperLive --


@pytest.mark.parametrize("hello", ['{"uid":"u"}', "hello", b"\x01"])
async def test_whisperlive_closes_without_a_word_on_a_bad_hello(autojump_clock, hello):
    """The simulated WhisperLive closes on a hello that it cannot read, as the real one does."""
    async with raw(WhisperLiveServer()) as ws:
        await ws.send(hello)
        assert await closing(ws) == ([], 1000)


async def test_whisperlive_loses_the_tail_at_end_of_audio(autojump_clock):
    """This is why the client never says it."""
    async with raw(WhisperLiveServer()) as ws:
        await ws.send(HELLO, floats(*range(20)))
        assert (await received(ws))["message"] == "SERVER_READY"
        first = await received(ws)
        await ws.send(floats(*range(20, 40)), END_OF_AUDIO)
        more, code = await closing(ws)
    assert "w19" in first["segments"][-1]["text"]
    assert (more, code) == ([], 1000)


async def test_whisperlive_says_the_same_for_ever_and_leaves_the_sentence_open(autojump_clock):
    """The simulated WhisperLive repeats its last sentence, and never completes it by itself."""
    async with raw(WhisperLiveServer()) as ws:
        await ws.send(HELLO, floats(*range(14)))
        await received(ws)
        messages = [await received(ws) for _ in range(3)]
    assert messages[0] == messages[1] == messages[2]
    assert messages[0]["segments"][-1]["completed"] is False


async def test_whisperlive_loses_no_tail(autojump_clock):
    """The last word comes right before the end, and the server's next words are of before it."""
    for cut in range(14, 32):
        async with connected(WHISPERLIVE) as (server, line, _):
            await speak(line, range(cut))
            assert (await line.finish()).text == said(range(cut))
            assert server.ends_of_audio == 0


async def test_whisperlive_without_a_place_is_told_in_words_and_asked_once_a_second(autojump_clock):
    """A server that is full is asked once a second, and the error says which of its options to raise."""
    async with connected(WHISPERLIVE) as (server, line, _):
        server.max_clients = 0
        feed(line, [1])
        with pytest.raises(StageUnavailable, match=r"no free place \(it expects one in 24 s\): raise its max_clients"):
            await line.finish()
        assert 4 <= server.connections <= 6
        server.max_clients = 4
        feed(line, [2])
        assert (await line.finish()).text == "w2"


async def test_whisperlive_takes_a_place_only_while_somebody_speaks(autojump_clock):
    """A place at the server is taken with the first sound and given back with the words."""
    async with connected(WHISPERLIVE) as (server, line, _):
        await trio.sleep(1)
        assert server.clients == 0
        feed(line, [1])
        await trio.sleep(0.1)
        assert server.clients == 1
        await line.finish()
        await trio.sleep(0.1)
        assert server.clients == 0


async def test_whisperlive_disconnect_is_a_loss_like_any_other(autojump_clock):
    """A server that ends connections after a time costs no word."""
    async with connected(WHISPERLIVE) as (server, line, _):
        server.max_connection_time_s = 1.0
        await speak(line, range(16))
        server.max_connection_time_s = 600.0
        await speak(line, range(16, 20))
        assert (await line.finish()).text == said(range(20))
        assert line.reconnect_count == 1


async def test_whisperlive_that_does_not_get_ready_is_named(autojump_clock):
    """A server that takes the hello and never says it is ready is told as that, after exactly 5 s."""
    MemNet().install()
    server = WhisperLiveServer()
    server.is_silent_after_hello = True
    async with server.running(HOST, PORT), WHISPERLIVE.make_stage(WHISPERLIVE.settings()) as stage:
        began = trio.current_time()
        with pytest.raises(StageTimeout, match="did not say that it is ready"):
            await stage.probe()
        assert trio.current_time() - began == exactly(5.0)


async def test_whisperlive_hears_silence_as_silence(autojump_clock):
    """It says nothing at all about it; a pong tells that it is there, and its silence is the speaker's."""
    async with connected(WHISPERLIVE) as (_, line, _net):
        for _ in range(60):
            line.feed(HeardSound(bytes(640), SILENCE_OPUS))
        began = trio.current_time()
        assert await line.finish() == Transcript("", duration_s=exactly(1.2))
        assert trio.current_time() - began < 5.0


@pytest.mark.parametrize("pass_s", [2.8, 4.0])
async def test_whisperlive_that_is_slow_gives_no_half_of_a_sentence(autojump_clock, pass_s):
    """Its first words are of the first second, and come 2.8 or 5 s behind it: the next ones count, or a backup."""
    async with connected(WHISPERLIVE) as (server, line, _):
        server.pass_every_s = pass_s
        await speak(line, range(25))
        began = trio.current_time()
        if pass_s < 3:
            assert (await line.finish()).text == said(range(25))
        else:
            with pytest.raises(StageTimeout):
                await line.finish()
        assert server.passes >= 2
        assert trio.current_time() - began <= 5.0


async def test_whisperlive_segments_that_are_left_behind_stay_in_the_text(autojump_clock):
    """Only the last ten come again; the text is of all of them."""
    async with connected(WHISPERLIVE) as (server, line, _):
        server.words_per_segment = 3
        await speak(line, range(40))
        assert (await line.finish()).text == said(range(40))


# -- Deepgram and WhisperLiveKit's subset --


async def test_finalize_is_refused_by_the_subset(autojump_clock):
    """This is why the client ends with CloseStream."""
    target = "/v1/listen?sample_rate=16000&interim_results=true"
    async with raw(DeepgramServer(is_subset=True), target) as ws:
        assert (await received(ws))["type"] == "Metadata"
        await ws.send('{"type":"Finalize"}')
        messages, code = await closing(ws)
    assert [message["type"] for message in messages] == ["Error"]
    assert code == 4400


async def test_finalize_flushes_at_deepgram(autojump_clock):
    """The simulated Deepgram answers a Finalize with the words so far, marked as such."""
    async with raw(DeepgramServer(HearingScript(text="a b")), "/v1/listen") as ws:
        await received(ws)
        await ws.send(bytes(640), '{"type":"Finalize"}')
        result = await received(ws)
    assert result["from_finalize"] is True
    assert result["channel"]["alternatives"][0]["transcript"] == "a b"


async def test_the_client_speaks_with_the_subset(autojump_clock):
    """Servers that know only a part of Deepgram's protocol are spoken to in that part."""
    MemNet().install()
    async with (
        DeepgramServer(is_subset=True, token="k").running(HOST, PORT) as server,
        deepgram_stage(DEEPGRAM.settings(api_key=Secret("k"))) as stage,
        stage.open(speaker()) as line,
    ):
        await speak(line, range(20))
        assert (await line.finish()).text == said(range(20))
        assert server.finalizes == 0


@pytest.mark.parametrize("changes", [{"api_key": Secret("wrong")}, {}])
async def test_a_wrong_token_is_refused(autojump_clock, changes):
    """Before the upgrade as by Deepgram and WhisperLiveKit, or behind it by a close code."""

    async def closes(peer: WsPeer) -> None:
        await peer.close(4401)

    MemNet().install()
    for server, kind, says in (
        (DeepgramServer(token="k"), DEEPGRAM, "HTTP 401"),
        (DeepgramServer(token="k", is_subset=True), DEEPGRAM, "HTTP 403"),
        (WhisperLiveKitServer(token="k"), WHISPERLIVEKIT, "HTTP 403"),
        (WebSocketServer(closes), DEEPGRAM, r"4401.*stt\.api_key"),
        (WebSocketServer(closes), WHISPERLIVEKIT, r"4401.*stt\.api_key"),
    ):
        async with server.running(HOST, PORT), kind.make_stage(kind.settings(**changes)) as stage:
            with pytest.raises(StageRefused, match=says) as refused:
                await stage.probe()
            assert "wrong" not in str(refused.value)
            async with stage.open(speaker()) as line:
                feed(line, [1])
                began = trio.current_time()
                with pytest.raises(StageRefused, match=says):
                    await line.finish()
                assert trio.current_time() - began < 0.5, "a refusal is told at once"


async def test_a_refusal_is_asked_for_once_per_utterance(autojump_clock):
    """Beside that, connections ahead of time are tried every 5 s; and mended, the next utterance is heard."""
    MemNet().install()
    async with (
        DeepgramServer().running(HOST, PORT) as server,
        deepgram_stage(DEEPGRAM.settings()) as stage,
        stage.open(speaker()) as line,
    ):
        server.http_answer = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
        await trio.sleep(1)
        assert server.connections == 1, "connecting ahead"
        for number in (2, 3):
            await speak(line, range(10))
            began = trio.current_time()
            with pytest.raises(StageRefused, match="HTTP 403"):
                await line.finish()
            assert trio.current_time() - began == exactly(0), "the refusal is known by then"
            assert server.connections == number
        await trio.sleep(60)
        assert 3 < server.connections <= 3 + 60 / 5, "nobody speaks: at most each 5 s"
        server.http_answer = b""
        feed(line, [1, 2])
        assert (await line.finish()).text == said([1, 2])


@pytest.mark.parametrize("kind", [WYOMING, DEEPGRAM], ids=lambda kind: kind.name)
async def test_a_connection_made_while_the_server_hung_is_not_used(autojump_clock, kind):
    """The server may have forgotten it: after an overdue final the next utterance has a connection of its own."""
    async with connected(kind) as (server, line, _):
        server.connection_fault = "hang"
        await trio.sleep(1)
        feed(line, [1])
        server.script.ignored_ends = 1  # nor is the connection answered that was there before
        with pytest.raises(StageTimeout):
            await line.finish()
        server.script.ignored_ends = 0
        await trio.sleep(3)
        server.connection_fault = None
        feed(line, [1, 2])
        assert (await line.finish()).text == said([1, 2])


async def test_bad_parameters_are_refused_with_their_close_code(autojump_clock):
    """A server that refuses our parameters is told as a refusal, not as an outage."""
    MemNet().install()
    settings = DEEPGRAM.settings()
    async with DeepgramServer(is_subset=True).running(HOST, PORT):
        url = f"{settings.url}/v1/listen?sample_rate=8000"
        async with deepgram_stage(type(settings)(kind="deepgram", url=url)) as stage:
            with pytest.raises(StageRefused, match="refuses our parameters"):
                await stage.probe()


async def test_deepgram_is_kept_while_nobody_speaks(autojump_clock):
    """It closes after 10 s without sound or KeepAlive."""
    async with connected(DEEPGRAM) as (server, line, _):
        await trio.sleep(61)
        assert (server.connections, line.reconnect_count) == (1, 0)
        assert server.keep_alives == 15
        feed(line, [1])
        assert (await line.finish()).text == "w1"


async def test_deepgram_closes_an_idle_stream(autojump_clock):
    """The simulated Deepgram closes a stream without sound after exactly 10 s, with code 1011."""
    async with raw(DeepgramServer(), "/v1/listen") as ws:
        await received(ws)
        began = trio.current_time()
        assert (await closing(ws))[1] == 1011
        assert trio.current_time() - began == exactly(10.0)


async def test_whisperlivekit_that_wants_webm_is_told_in_words(autojump_clock):
    """A server that does not take PCM is refused, and the message names the option that it was started without."""
    MemNet().install()
    kind = WHISPERLIVEKIT
    server = WhisperLiveKitServer()
    server.takes_pcm = False
    async with server.running(HOST, PORT), kind.make_stage(kind.settings()) as stage:
        with pytest.raises(StageRefused, match="--pcm-input"):
            await stage.probe()


async def test_whisperlivekit_sends_states_whether_anything_has_changed_or_not(autojump_clock):
    """The simulated WhisperLiveKit tells its state 15 times a second, and stays open after its end."""
    async with raw(WhisperLiveKitServer(), "/asr?language=en") as ws:
        assert (await received(ws))["useAudioWorklet"] is True
        began = trio.current_time()
        states = [await received(ws) for _ in range(30)]
        assert trio.current_time() - began == exactly(2.0)
        assert {state["status"] for state in states} == {"no_audio_detected"}
        await ws.send(b"")
        while (message := await received(ws)).get("type") != "ready_to_stop":
            pass
        assert message == {"type": "ready_to_stop"}
        with trio.move_on_after(5) as open_still:
            await ws.receive()
        assert open_still.cancelled_caught, "the connection is left open"


# -- Wyoming --


async def test_wyoming_closes_after_each_transcript_and_the_next_connection_is_there_already(autojump_clock):
    """With a server that closes after each transcript, the next connection is made ahead and counts as no reconnect."""
    async with connected(WYOMING) as (server, line, _):
        for number in range(3):
            feed(line, [number])
            assert (await line.finish()).text == f"w{number}"
        await until(lambda: server.connections == 4, 1)
        assert server.events["transcribe"] == server.events["audio-stop"] == 3
        assert line.reconnect_count == 0


@pytest.mark.parametrize(
    ("info", "model", "says"),
    [({"asr": []}, "", "does not offer speech to text"), (None, "large", "has no model large; it has tiny.en")],
)
async def test_wyoming_probe_refuses_what_cannot_work(autojump_clock, info, model, says):
    """The probe says that a server has no speech to text, or not the model that is wanted."""
    MemNet().install()
    kind, server = WYOMING, WyomingHearingServer()
    server.info = server.info if info is None else info
    async with server.running(HOST, PORT), kind.make_stage(kind.settings(model=model)) as stage:
        with pytest.raises(StageRefused, match=says):
            await stage.probe()


# -- OpenAI's route --


@pytest.mark.parametrize(
    "url",
    ["http://host", "http://host/", "http://host/v1", "http://host/v1/", "http://host/v1/audio/transcriptions"],
)
def test_openai_addresses(url):
    """An address works with or without the path of the API at its end."""
    assert base_url(url) == "http://host/v1"


async def test_openai_tells_how_sure_it_is(autojump_clock):
    """How sure the model was of the words, and of silence, comes out with the transcript."""
    async with connected(OPENAI) as (server, line, _):
        server.no_speech = 0.75
        feed(line, range(10))
        transcript = await line.finish()
    assert transcript.no_speech == exactly(0.75)
    assert transcript.confidence == pytest.approx(0.9048, abs=1e-4)
    assert transcript.duration_s == exactly(0.8)


async def test_openai_model_that_is_not_listed_is_told_once_and_may_be_right(autojump_clock):
    """A server that takes other names than it lists is not called broken; who mistyped reads it in `check` and log."""
    MemNet().install()
    kind = OPENAI
    async with TranscriptionServer().running(HOST, PORT) as server:
        server.takes_any_model = True
        async with kind.make_stage(kind.settings(model="large")) as stage, stage.open(speaker()) as line:
            with structlog.testing.capture_logs() as logs:
                probed = [await stage.probe() for _ in range(2)]
                assert all("it does NOT LIST the model 'large'" in each for each in probed), probed
                server.models.append("large")
                assert "model" not in await stage.probe()
            assert [(entry["log_level"], entry["model"]) for entry in logs] == [("warning", "large")]
            feed(line, range(10))
            assert (await line.finish()).text


async def test_openai_refusals_are_quoted_without_secrets_and_hints(autojump_clock):
    """A refusal is told in the server's words, with no key in them."""
    MemNet().install()
    kind = OPENAI
    settings = kind.settings(api_key=Secret("sk-precious"), hints=("Hibari Yume",), model="large")
    async with TranscriptionServer(token="sk-other").running(HOST, PORT) as server, kind.make_stage(settings) as stage:
        with pytest.raises(StageRefused, match=r"refuses our credentials.*Incorrect API key") as refused:
            await stage.probe()
        assert "precious" not in str(refused.value)
        server.token = "sk-precious"
        async with stage.open(speaker()) as line:
            feed(line, [1])
            with pytest.raises(StageRefused, match=r"HTTP 404: The model does not exist"):
                await line.finish()


SOCKETS = [kind for kind in KINDS.values() if kind.is_websocket]


@pytest.mark.parametrize("server", SOCKETS, ids=lambda kind: f"on {kind.name}")
@pytest.mark.parametrize("kind", SOCKETS, ids=lambda kind: kind.name)
async def test_a_kind_does_not_take_another_kinds_server_for_its_own(autojump_clock, kind, server):
    """A probe of the wrong kind of server fails; the right one is well."""
    MemNet().install()
    async with server.make_server(HearingScript()).running(HOST, PORT), kind.make_stage(kind.settings()) as stage:
        if kind is server:
            assert str(PORT) in await stage.probe()
        else:
            with pytest.raises(StageError):
                await stage.probe()
