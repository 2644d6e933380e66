"""The Chatterbox stage against the simulated server: in virtual time on the in-memory network, then on loopback."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import structlog
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.integration.stages.tts.tts_bench import SENTENCE, SENTENCE_S, Heard, hummed, listen
from tests.mocks.mock_chatterbox_server import create_mock_chatterbox_server
from voxbridge.core.agents.tts_options import TtsOptions
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.wav import encode_wav
from voxbridge.errors import (
    StageError,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)
from voxbridge.stages.contracts import TtsRequest, warm_up
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.tts.chatterbox import ChatterboxSettings, ChatterboxStage
from voxbridge.stages.tts.fair import FairLimiter
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, Fault, hum, text_chunks
from voxbridge.testing.servers.http import HttpServer, Reply, Request

pytestmark = pytest.mark.integration

HEAD_S, SYNTHESIS_S = 0.040, 0.100
FIRST_PCM_S = HEAD_S + SYNTHESIS_S
TIMING = attrs.evolve(PROMPT, head_s=HEAD_S, synthesis_s=SYNTHESIS_S)
LONG = "It is a truth universally acknowledged that a man in want. " * 5  # 5 sentences, 2 to a text chunk


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    net = MemNet().install()
    yield net
    net.assert_all_closed(listeners=True)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


def settings(server: HttpServer, **changes: Any) -> ChatterboxSettings:
    return ChatterboxSettings(url=server.url, **changes)


@asynccontextmanager
async def talking(
    server: ChatterboxServer | None = None, **changes: Any
) -> AsyncIterator[tuple[ChatterboxServer, ChatterboxStage]]:
    """Run a server and a stage on it. Retries wait their full backoff: 0.1 s, then 0.2 s."""
    server = server or ChatterboxServer(TIMING)
    async with server.running(), ChatterboxStage(settings(server, **changes), rng=lambda: 1.0) as stage:
        yield server, stage
        assert stage.free_slots == stage_capacity(changes), "a slot was not given back"


def stage_capacity(changes: dict[str, Any]) -> int:
    return int(changes.get("concurrency", 1))


async def assert_next_sentence_works(server: ChatterboxServer, stage: ChatterboxStage) -> None:
    index = len(server.spoken)
    heard = await listen(stage)
    assert heard.error is None, f"the next sentence failed: {heard.error!r}"
    assert heard.data == hummed(index=index), f"the next sentence has {heard.samples} samples, after {heard.ended} s"


# -- times


async def test_times_of_one_sentence(autojump_clock: MockClock, net: MemNet) -> None:
    """First byte, first sample and last sample are marked when they come, to the microsecond."""
    async with talking() as (server, stage):
        heard = await listen(stage)
    assert heard.marks == {
        "tts_request": exactly(0.0),
        "tts_first_byte": exactly(0.040),
        "tts_first_pcm": exactly(0.140),
        "tts_last_pcm": exactly(0.140),
    }
    assert (heard.ended, heard.error, heard.rates_hz) == (exactly(0.140), None, {24_000})
    assert heard.data == hummed()
    assert (server.connections, server.disconnects, stage.retry_count) == (1, 0, 0)


async def test_the_network_adds_its_latency(autojump_clock: MockClock) -> None:
    """10 ms each way, cold: a round trip to connect, one way for the request, one for the answer; then warm."""
    MemNet(latency_s=0.010).install()
    async with talking() as (_, stage):
        cold, warm = await listen(stage), await listen(stage)
    assert cold.marks["tts_first_byte"] == exactly(0.040 + 0.040)
    assert warm.marks["tts_first_byte"] == exactly(0.020 + 0.040)
    assert warm.marks["tts_first_pcm"] == exactly(0.020 + 0.140)


async def test_sound_is_passed_on_as_it_comes(autojump_clock: MockClock, net: MemNet) -> None:
    """Each text chunk is heard when it was made, the stall of the server included."""
    server = ChatterboxServer(attrs.evolve(TIMING, stall_every=2, stall_s=0.330))
    async with talking(server) as (_, stage):
        heard = await listen(stage, LONG)
    times = sorted({round(at, 9) for at, _ in heard.pieces})
    assert times == [exactly(0.14), exactly(0.24), exactly(0.24 + 0.33)], f"sound came at {times}"
    assert heard.data == hummed(LONG)
    assert heard.marks["tts_last_pcm"] == exactly(0.57)


@pytest.mark.parametrize("http_chunk_bytes", [1, 7, 3591, None])
@pytest.mark.parametrize("read_bytes", [5, 1001, None])
async def test_any_cutting_gives_the_same_sound(
    autojump_clock: MockClock, http_chunk_bytes: int | None, read_bytes: int | None
) -> None:
    """Header and samples may be cut anywhere, by the server and by the network."""
    MemNet(chunk_bytes=read_bytes).install()
    server = ChatterboxServer(PROMPT, http_chunk_bytes=http_chunk_bytes, synthesize=lambda text, _: text.encode() * 40)
    async with talking(server) as (_, stage):
        heard = await listen(stage)
    assert (heard.data, heard.error) == (SENTENCE.encode() * 40, None)


async def test_the_next_sentence_does_not_wait_for_a_late_end(autojump_clock: MockClock, net: MemNet) -> None:
    """The model is free when the only text chunk has come; the end, 300 ms late, holds nobody up."""
    server = ChatterboxServer(attrs.evolve(TIMING, late_eof_every=1, late_eof_s=0.300))
    heard: list[Heard] = []

    async def speak(stage: ChatterboxStage, index: int) -> None:
        heard.append(await listen(stage, index=index))

    async with talking(server) as (_, stage), trio.open_nursery() as nursery:
        nursery.start_soon(speak, stage, 0)
        await wait_all_tasks_blocked()
        nursery.start_soon(speak, stage, 1)
    first, second = server.spoken
    assert second.started_at - first.started_at == exactly(0.140), "the second request waited for the end of the first"
    assert [sentence.marks["tts_last_pcm"] for sentence in heard] == [exactly(0.140), exactly(0.280)]
    assert [sentence.ended for sentence in heard] == [exactly(0.440), exactly(0.580)]
    assert server.generating_max == 1


async def test_a_long_sentence_keeps_the_model_until_its_end(autojump_clock: MockClock, net: MemNet) -> None:
    """With several text chunks nobody knows which is the last, so the next request waits for the end."""
    async with talking() as (server, stage), trio.open_nursery() as nursery:
        nursery.start_soon(listen, stage, LONG)
        await wait_all_tasks_blocked()
        nursery.start_soon(listen, stage)
    assert server.spoken[1].started_at - server.spoken[0].started_at == exactly(0.340)
    assert server.generating_max == 1


@pytest.mark.parametrize(("concurrency", "wanted"), [(1, 1), (2, 2), (9, 4)])
async def test_the_server_is_not_asked_for_more_than_it_can(
    autojump_clock: MockClock, net: MemNet, concurrency: int, wanted: int
) -> None:
    """Chatterbox has no lock: no more requests than configured are on its model at a time."""
    async with talking(concurrency=concurrency) as (server, stage), trio.open_nursery() as nursery:
        for turn in "abcd":
            nursery.start_soon(functools.partial(listen, stage, LONG, turn=turn))
    assert server.generating_max == wanted
    assert len(server.spoken) == 4


async def test_turns_take_turns(autojump_clock: MockClock, net: MemNet) -> None:
    """A long answer of one speaker does not keep the first sentence of another waiting."""
    async with talking() as (server, stage), trio.open_nursery() as nursery:
        for text, turn in (("A one.", "a"), ("A two.", "a"), ("A three.", "a"), ("B one.", "b"), ("B two.", "b")):
            nursery.start_soon(functools.partial(listen, stage, text, turn=turn))
            await wait_all_tasks_blocked()
    assert [spoken.fields.text for spoken in server.spoken] == ["A one.", "A two.", "B one.", "A three.", "B two."]


async def test_connections_are_kept_warm(autojump_clock: MockClock, net: MemNet) -> None:
    """One connection serves the probe and all sentences; one that the server closed meanwhile is replaced."""
    async with talking() as (server, stage):
        await stage.probe()
        for _ in range(3):
            assert (await listen(stage)).ended == exactly(0.140)
        assert server.connections == 1
        await wait_all_tasks_blocked()
        server.close_idle()
        await wait_all_tasks_blocked()
        assert (await listen(stage)).ended == exactly(0.140)
        assert (server.connections, stage.retry_count) == (2, 0)


async def test_a_connection_is_opened_in_advance(autojump_clock: MockClock) -> None:
    """10 ms each way: after ``warm_up`` the first byte comes a round trip earlier; nobody else is kept waiting."""
    MemNet(latency_s=0.010).install()
    async with talking() as (server, stage):
        await warm_up(stage)
        assert (await listen(stage)).marks["tts_first_byte"] == exactly(0.020 + 0.040)
        await warm_up(stage)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, stage)
            await trio.sleep(0.03)
            await warm_up(stage)
        assert server.connections == 1, "it was warm, or a request was under way"
        assert len(server.requests) == 2, "no request goes out in advance"


async def test_an_answer_may_ask_for_its_own_voice(autojump_clock: MockClock, net: MemNet) -> None:
    """What the answer wishes goes before what is configured, a voice of the request before both."""
    wishes = TtsOptions(voice="carl", exaggeration=0.25, temperature=0.7)
    async with talking(voice="anna", exaggeration=0.5, cfg_weight=0.3) as (server, stage):
        request = TtsRequest("Hi.", "turn", 0, options=wishes)
        await stage.speak(request, SoundInto(lambda _pcm: None))
        await stage.speak(attrs.evolve(request, voice="bob"), SoundInto(lambda _pcm: None))
        forms = [request.form() for request in server.requests]
    assert [form["voice"] for form in forms] == ["carl", "bob"]
    assert forms[0] | {"voice": ""} == {
        "input": "Hi.",
        "voice": "",
        "exaggeration": "0.25",
        "cfg_weight": "0.3",
        "temperature": "0.7",
        "streaming_chunk_size": "120",
        "streaming_strategy": "sentence",
    }


# -- faults


@attrs.frozen
class Case:
    """Faults of the first streams, and what must come of it."""

    faults: tuple[Fault, ...]
    requests: int
    ended_s: float
    error: type[StageError] | None = None
    heard_samples: int | None = None
    """None: the whole sentence."""
    says: str = ""


CUT_HEADER = Fault("cut", "header")
REFUSED = Fault("status", status=400)
OVERLOADED = Fault("status", status=503)
CASES = {
    "cut before the header, once": Case((Fault("cut", "body"),), 2, 0.04 + 0.14),
    "cut after the header, once": Case((CUT_HEADER,), 2, 0.04 + 0.14),
    "cut after the header, twice": Case(
        (CUT_HEADER,) * 2, 2, 0.08, StageProtocolError, 0, "in the middle of its answer"
    ),
    "no answer at all, once": Case((Fault("cut", "head"),), 2, 0.04 + 0.14),
    "no answer at all, twice": Case((Fault("cut", "head"),) * 2, 2, 0.08, StageProtocolError, 0, "without an answer"),
    "reset after the header, once": Case((Fault("reset", "header"),), 2, 0.04 + 0.14),
    "reset after the header, twice": Case((Fault("reset", "header"),) * 2, 2, 0.08, StageProtocolError, 0, "lost"),
    "cut in the sound": Case((Fault("cut", "pcm", pcm_bytes=2001),), 1, 0.14, StageProtocolError, 1000, "middle"),
    "cut at the end of the sound": Case(
        (Fault("cut", "pcm", pcm_bytes=10**9),), 1, 0.14, StageProtocolError, round(SENTENCE_S * 24_000), "middle"
    ),
    "header and a proper end": Case((Fault("end", "header"),), 1, 0.04, None, 0),
    "sound and a proper early end": Case((Fault("end", "pcm", pcm_bytes=2000),), 1, 0.14, None, 1000),
    "empty body with a proper end, once": Case((Fault("end", "body"),), 2, 0.04 + 0.14),
    "empty body with a proper end, twice": Case(
        (Fault("end", "body"),) * 2, 2, 0.08, StageProtocolError, 0, "the answer is empty"
    ),
    "words instead of sound": Case((Fault("garbage", "body"),) * 2, 2, 0.08, StageProtocolError, 0, "no sound"),
    "a web page": Case((Fault("page"),) * 2, 2, 0.08, StageProtocolError, 0, "no sound"),
    "500 once": Case((Fault("status"),), 2, 0.04 + 0.1 + 0.14),
    "500 twice": Case((Fault("status"),) * 2, 3, 0.04 + 0.1 + 0.04 + 0.2 + 0.14),
    "500 for good": Case((Fault("status"),) * 3, 3, 0.04 + 0.1 + 0.04 + 0.2 + 0.04, StageUnavailable, 0, "HTTP 500"),
    "429 with a wait": Case((Fault("status", status=429, headers=(("retry-after", "1"),)),), 2, 0.04 + 1 + 0.14),
    "503 with a wait that is too long": Case(
        (Fault("status", status=503, headers=(("retry-after", "60"),)),), 1, 0.04, StageUnavailable, 0, "HTTP 503"
    ),
    "400": Case((REFUSED,), 1, 0.04, StageRefused, 0, "HTTP 400"),
    "404": Case((Fault("status", status=404),), 1, 0.04, StageRefused, 0, "HTTP 404"),
    "hangs before any answer": Case((Fault("hang"),), 1, 3.0, StageTimeout, 0, "first deadline of 3000 ms"),
    "hangs before the header": Case((Fault("hang", "body"),), 1, 3.0, StageTimeout, 0, "first deadline of 3000 ms"),
    "hangs after the header": Case((Fault("hang", "header"),), 1, 6.0, StageTimeout, 0, "first deadline of 6000 ms"),
    "hangs after one second of sound": Case(
        (Fault("hang", "pcm", pcm_bytes=48_000),), 1, 8.0, StageTimeout, 24_000, "total deadline of 8000 ms"
    ),
    "hangs after 40 ms of sound": Case(
        (Fault("hang", "pcm", pcm_bytes=1920),), 1, 6.0, StageTimeout, 960, "total deadline of 6000 ms"
    ),
    "cut, then hangs": Case((CUT_HEADER, Fault("hang")), 2, 3.04, StageTimeout, 0, "first deadline of 3040 ms"),
    "cut, then 500, then well": Case((CUT_HEADER, Fault("status")), 3, 0.04 + 0.04 + 0.1 + 0.14),
    "500, cut, cut": Case((Fault("status"), CUT_HEADER, CUT_HEADER), 3, 0.04 + 0.1 + 0.08, StageProtocolError, 0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_faults(autojump_clock: MockClock, net: MemNet, case: Case) -> None:
    """Each fault: what was heard, which error, after how long, with how many requests; and the next one works."""
    async with talking() as (server, stage):
        server.faults.extend(case.faults)
        heard = await listen(stage)
        wanted = hummed(index=case.requests - 1)
        wanted = wanted if case.heard_samples is None else wanted[: 2 * case.heard_samples]
        assert heard.data == wanted, f"heard {heard.samples} samples, wanted {len(wanted) // 2}; error {heard.error!r}"
        assert type(heard.error) is (case.error or type(None)), f"after {heard.ended} s: {heard.error!r}"
        assert case.says in str(heard.error or "")
        assert SENTENCE not in repr(heard.error)
        if heard.error is not None and heard.samples:
            assert not heard.error.retryable, "sound was passed on: asking again would say it twice"
        assert len(server.spoken) == case.requests
        assert heard.ended == exactly(case.ended_s)
        assert stage.retry_count == case.requests - 1
        assert server.generating_max == 1
        await assert_next_sentence_works(server, stage)


async def test_cut_between_text_chunks(autojump_clock: MockClock, net: MemNet) -> None:
    """What came of a long sentence is kept, the rest is missed, and nothing is asked for again."""
    first_chunk = next(text_chunks(LONG, 120))
    whole = len(hum(first_chunk, 0))
    async with talking() as (server, stage):
        server.faults.append(Fault("cut", "pcm", pcm_bytes=whole))
        heard = await listen(stage, LONG)
        assert heard.data == hum(first_chunk, 0)
        assert isinstance(heard.error, StageProtocolError)
        assert (heard.error.retryable, heard.ended, len(server.spoken)) == (False, exactly(0.14), 1)
        await assert_next_sentence_works(server, stage)


async def test_a_model_that_is_loading_is_a_cut_answer(autojump_clock: MockClock, net: MemNet) -> None:
    """200 and an empty, cut body: tried once more, then an error; when the model is there, it speaks."""
    async with talking() as (server, stage):
        server.state = "initializing"
        heard = await listen(stage)
        assert (type(heard.error), heard.samples, len(server.spoken)) == (StageProtocolError, 0, 2)
        server.state = "healthy"
        await assert_next_sentence_works(server, stage)


async def test_a_server_that_is_down(autojump_clock: MockClock, net: MemNet) -> None:
    """Refused connections are tried again within the limit; one that comes back in time is not missed."""
    async with talking() as (server, stage):
        await server.stop()
        heard = await listen(stage)
        assert isinstance(heard.error, StageUnavailable)
        assert "connection refused" in str(heard.error)
        assert (heard.ended, stage.retry_count) == (exactly(0.1 + 0.2), 2)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                await trio.sleep(0.25)
                await server.start()

            heard = await listen(stage)
        assert (heard.error, heard.data) == (None, hummed())
        assert heard.ended == exactly(0.1 + 0.2 + 0.14)


async def test_the_real_error_comes_before_the_turn_ends(autojump_clock: MockClock, net: MemNet) -> None:
    """A retry that could not end within the turn is not begun: the caller learns why, not just that it was late."""
    async with talking() as (server, stage):
        server.lasting_fault = OVERLOADED
        with trio.fail_after(0.15):
            heard = await listen(stage)
        assert isinstance(heard.error, StageUnavailable)
        assert (heard.ended, len(server.spoken)) == (exactly(0.04), 1)


@pytest.mark.parametrize(
    ("fault", "error", "ended_s"),
    [("hang", StageTimeout, 3.0), ("close", StageProtocolError, 0.0), ("reset", StageProtocolError, 0.0)],
)
async def test_a_port_behind_which_nobody_serves(
    autojump_clock: MockClock, net: MemNet, fault: Any, error: type[StageError], ended_s: float
) -> None:
    """The connection stands, and nothing else."""
    async with talking() as (server, stage):
        server.connection_fault = fault
        heard = await listen(stage)
        assert type(heard.error) is error
        assert heard.ended == exactly(ended_s)
        server.connection_fault = None
        await assert_next_sentence_works(server, stage)


async def test_what_the_server_echoes_is_not_repeated(autojump_clock: MockClock, net: MemNet) -> None:
    """A 422 that quotes the whole text leaves no word of it in the error or in the log."""
    secret = "My password is swordfish and nobody knows."

    async def echo(request: Request, reply: Reply) -> None:
        text = request.form()["input"]
        found = {"type": "string_too_long", "loc": ["body", "input"], "msg": f"too long: {text}", "input": text}
        await reply.send_json({"detail": [found]}, 422)

    server = HttpServer()
    server.route("POST", "/audio/speech/stream/upload", echo)
    with structlog.testing.capture_logs() as logs:
        async with server.running(), ChatterboxStage(settings(server)) as stage:
            heard = await listen(stage, secret)
    assert isinstance(heard.error, StageRefused)
    assert heard.error.status == 422
    assert "swordfish" not in f"{heard.error!r} {heard.error} {heard.error.__cause__!r} {logs}"


# -- what is asked


async def test_nothing_to_say_asks_for_nothing(autojump_clock: MockClock, net: MemNet) -> None:
    """Blank text is success without a request."""
    async with talking() as (server, stage):
        heard = await listen(stage, " \n")
        assert (heard.error, heard.marks, server.requests) == (None, {}, [])


async def test_too_much_to_say_is_refused_here(autojump_clock: MockClock, net: MemNet) -> None:
    """3000 characters pass, 3001 are refused before they are sent."""
    async with talking() as (server, stage):
        server.synthesize = lambda _text, _index: b"\0\0"
        assert (await listen(stage, "a" * 3000)).error is None
        heard = await listen(stage, "a" * 3001)
        assert isinstance(heard.error, StageRefused)
        assert "3001 characters" in str(heard.error)
        assert len(server.spoken) == 1


async def test_only_legal_fields_are_sent(autojump_clock: MockClock, net: MemNet) -> None:
    """An urlencoded form with what was configured, and nothing that the server would have to ignore."""
    async with talking() as (server, stage):
        await listen(stage, "Ça va & bien?")
        assert server.requests[-1].content_type == "application/x-www-form-urlencoded"
        assert server.requests[-1].form() == {
            "input": "Ça va & bien?",
            "streaming_chunk_size": "120",
            "streaming_strategy": "sentence",
        }
    async with talking(voice="anna", exaggeration=0.25, cfg_weight=0.0, temperature=5.0) as (server, stage):
        await listen(stage, "Hi.")
        await listen(stage, "Hi.", voice="bob")
        first, second = (request.form() for request in server.requests)
        assert (first["voice"], first["exaggeration"], first["cfg_weight"], first["temperature"]) == (
            "anna",
            "0.25",
            "0.0",
            "5.0",
        )
        assert second["voice"] == "bob"


@pytest.mark.parametrize(
    "tail", ["", "/", "/v1", "/v1/", "/audio/speech/stream/upload", "/v1/audio/speech/stream/upload/"]
)
@pytest.mark.parametrize("port", [4123, 4801, 11111])
async def test_base_urls_as_people_write_them(autojump_clock: MockClock, net: MemNet, tail: str, port: int) -> None:
    """With and without /v1, slash or route; a port that ends in 1 keeps it."""
    server = ChatterboxServer(TIMING)
    async with (
        server.running(port=port),
        ChatterboxStage(ChatterboxSettings(url=f"http://127.0.0.1:{port}{tail}")) as stage,
    ):
        heard = await listen(stage)
        assert heard.error is None
        assert server.requests[0].path == ("/v1" if "/v1" in tail else "") + "/audio/speech/stream/upload"


# -- probe


async def test_probe_says_what_is_there(autojump_clock: MockClock, net: MemNet) -> None:
    """Ready, with the voice or without it; nothing is spoken."""
    async with talking(ChatterboxServer(voices=("anna",)), voice="anna") as (server, stage):
        assert await stage.probe() == "ready on cpu; voice 'anna'"
        server.voices = ()
        with structlog.testing.capture_logs() as logs:
            assert "voice 'anna' is UNKNOWN" in await stage.probe()
            assert "voice 'anna' is UNKNOWN" in await stage.probe()
        assert [entry["log_level"] for entry in logs] == ["warning"], "told once, not with each probe"
        server.has_health_route = False
        assert (await stage.probe()).startswith("there, without a health report")
        assert server.spoken == []
    async with talking() as (_, stage):
        assert await stage.probe() == "ready on cpu; the server's default voice"


@pytest.mark.parametrize(("state", "says"), [("initializing", "still loading"), ("error", "no space left on device")])
async def test_probe_of_a_server_without_its_model(
    autojump_clock: MockClock, net: MemNet, state: Any, says: str
) -> None:
    """A 200 is not enough: the model must be loaded."""
    async with talking() as (server, stage):
        server.state = state
        with pytest.raises(StageUnavailable, match=says):
            await stage.probe()


async def test_probe_of_another_server(autojump_clock: MockClock, net: MemNet) -> None:
    """A server that has no streaming route is named as such; so is one that is not there, or does not answer."""
    server = HttpServer()
    async with server.running(), ChatterboxStage(settings(server)) as stage:
        with pytest.raises(StageRefused, match=r"tts\.url must be the base URL"):
            await stage.probe()
        server.connection_fault = "hang"
        await wait_all_tasks_blocked()
        server.close_idle()
        await wait_all_tasks_blocked()
        began_at = trio.current_time()
        with pytest.raises(StageTimeout):
            await stage.probe()
        assert trio.current_time() - began_at == exactly(5.0)
        await server.stop()
        with pytest.raises(StageUnavailable, match="connection refused"):
            await stage.probe()


async def test_probe_of_a_peculiar_server(autojump_clock: MockClock, net: MemNet) -> None:
    """Pages instead of JSON are no health report; a route that cannot serve now is unavailable."""

    async def page(_request: Request, reply: Reply) -> None:
        await reply.send(200, b"<html>hello</html>", "text/html")

    async def busy(_request: Request, reply: Reply) -> None:
        await reply.send_json({"detail": "model is busy"}, 503)

    async def refuses(_request: Request, reply: Reply) -> None:
        await reply.send_json({"detail": []}, 400)

    server = HttpServer()
    server.route("GET", "/health", page)
    server.route("GET", "/voices", page)
    server.route("POST", "/audio/speech/stream/upload", busy)
    async with server.running(), ChatterboxStage(settings(server, voice="anna")) as stage:
        with pytest.raises(StageUnavailable, match="model is busy"):
            await stage.probe()
        server.route("POST", "/audio/speech/stream/upload", refuses)
        assert await stage.probe() == "there, without a health report; voice 'anna' (the server lists none)"


# -- other servers of the same route


async def test_embedded_engines_over_their_socket(autojump_clock: MockClock, net: MemNet) -> None:
    """The same client on a unix socket; what streams within one call keeps its slot to the end."""
    server = ChatterboxServer(attrs.evolve(TIMING, late_eof_every=1))
    async with server.running(uds="/run/engines.sock"):
        async with (
            ChatterboxStage(ChatterboxSettings(url="http://engines/v1"), uds="/run/engines.sock") as stage,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(listen, stage)
            await wait_all_tasks_blocked()
            heard = await listen(stage)
        assert heard.data == hummed(index=1)
        assert server.requests[0].path == "/v1/audio/speech/stream/upload"
        assert server.requests[0].headers["host"] == "engines"
        assert server.spoken[1].started_at - server.spoken[0].started_at == exactly(0.44)


@pytest.mark.parametrize("ending", ["hang", "cut"])
async def test_announced_length_needs_no_end(autojump_clock: MockClock, net: MemNet, ending: str) -> None:
    """When the header told the length, the last sample is known: no end is waited for, no cut behind it matters."""
    sound = Pcm(hummed(), 22_050)

    async def script(_request: Request, reply: Reply) -> None:
        await reply.head(200, [("content-type", "audio/wav")])
        await reply.chunk(encode_wav(sound) + b"LIST\4\0\0\0noise")
        await (reply.hang() if ending == "hang" else reply.cut())

    server = HttpServer()
    server.route("POST", "/audio/speech/stream/upload", script)
    async with server.running(), ChatterboxStage(settings(server)) as stage:
        for _ in range(2):
            heard = await listen(stage)
            assert (heard.error, heard.data, heard.rates_hz) == (None, sound.data, {22_050})
            assert heard.ended == exactly(0.02 if ending == "hang" else 0.0)
        assert len(server.requests) == 2


# -- cancellation


@pytest.mark.parametrize("at_s", [0.0, 0.02, 0.09, 0.2, 0.39])
async def test_barge_in_closes_at_once(autojump_clock: MockClock, net: MemNet, at_s: float) -> None:
    """A cancel closes the connection in the same instant; the waiting sentence is spoken by the server next."""
    server = ChatterboxServer(attrs.evolve(TIMING, late_eof_every=1))
    async with talking(server) as (_, stage):
        began_at = trio.current_time()
        heard = Heard(began_at)
        with trio.move_on_after(at_s) as turn:
            await stage.speak(TtsRequest(SENTENCE, "turn", 0), SoundInto(heard.out, heard.mark))
        assert turn.cancelled_caught
        assert trio.current_time() - began_at == exactly(at_s)
        assert heard.samples == (len(hummed()) // 2 if at_s > 0.14 else 0)
        await wait_all_tasks_blocked()
        assert (server.open_connections, server.in_flight, stage.free_slots) == (0, 0, 1)
        assert server.disconnects == (1 if at_s else 0)
        server.timing = TIMING
        await assert_next_sentence_works(server, stage)


async def test_a_cancelled_wait_takes_no_slot(autojump_clock: MockClock, net: MemNet) -> None:
    """Who is cancelled while waiting for the model leaves the queue, and the one behind moves up."""
    async with talking() as (server, stage), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: listen(stage, LONG, turn="a"))
        await wait_all_tasks_blocked()

        @nursery.start_soon
        async def _() -> None:
            with trio.move_on_after(0.2):
                await listen(stage, turn="b")

        await wait_all_tasks_blocked()
        heard = await listen(stage, turn="c")
        assert heard.error is None
        assert len(server.spoken) == 2
        assert heard.ended == exactly(0.34 + 0.14)


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope just before the ``step``-th run of a task."""

    def __init__(self, step: int, scope: trio.CancelScope, task: trio.lowlevel.Task) -> None:
        self._left, self._scope, self._task = step, scope, task

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._left -= 1
            if not self._left:
                self._scope.cancel(reason="sweep")


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param((), id="well"),
        pytest.param((CUT_HEADER,), id="cut, then well"),
        pytest.param((Fault("status"),), id="500, then well"),
    ],
)
async def test_cancelled_at_every_checkpoint(autojump_clock: MockClock, net: MemNet, faults: tuple[Fault, ...]) -> None:
    """Wherever a cancel strikes, the slot is free, the connection closed, and the next sentence is whole."""
    for step in range(1, 500):
        async with talking(ChatterboxServer(TIMING)) as (server, stage):
            server.faults.extend(faults)
            with trio.CancelScope() as scope:
                instrument = CancelAtStep(step, scope, trio.lowlevel.current_task())
                trio.lowlevel.add_instrument(instrument)
                try:
                    await stage.speak(TtsRequest(SENTENCE, "turn", 0), SoundInto(lambda _: None))
                except StageError:
                    # The attempt failed in the instant of the cancel; no other one is begun under a cancel.
                    assert scope.cancel_called
                finally:
                    trio.lowlevel.remove_instrument(instrument)
            await wait_all_tasks_blocked()
            assert stage.free_slots == 1, f"slot kept after a cancel at step {step}"
            if scope.cancelled_caught:
                assert server.in_flight == 0, f"still being answered after a cancel at step {step}"
            server.faults.clear()
            await assert_next_sentence_works(server, stage)
        net.assert_all_closed()
        if not scope.cancel_called:
            assert step > 10, f"only {step} checkpoints: the sweep saw nothing"
            return
    pytest.fail("the sweep did not reach the end of the sentence")


async def test_limiter_gives_back_what_nobody_took() -> None:
    """A slot that was granted in the instant of the cancel is not lost."""
    limiter = FairLimiter(1)
    got = []

    async def hold(turn: str, scope: trio.CancelScope) -> None:
        with scope:
            async with limiter.slot(turn):
                got.append(turn)

    async with trio.open_nursery() as nursery, limiter.slot("a") as slot:
        doomed = trio.CancelScope()
        nursery.start_soon(hold, "b", doomed)
        await wait_all_tasks_blocked()
        nursery.start_soon(hold, "c", trio.CancelScope())
        await wait_all_tasks_blocked()
        assert limiter.waiting == 2
        slot.release()
        slot.release()  # a second time changes nothing
        doomed.cancel(reason="sweep")
    assert (limiter.free, limiter.waiting) == (1, 0)
    assert got[-1] == "c"


async def test_limiter_gives_back_what_was_granted_after_the_cancel() -> None:
    """The cancel comes first, the grant before the cancelled task has run: the slot goes to the next one."""
    limiter = FairLimiter(1)
    got = []

    async def hold(turn: str, scope: trio.CancelScope) -> None:
        with scope:
            async with limiter.slot(turn):
                got.append(turn)

    async with trio.open_nursery() as nursery, limiter.slot("a") as slot:
        doomed = trio.CancelScope()
        nursery.start_soon(hold, "b", doomed)
        await wait_all_tasks_blocked()
        nursery.start_soon(hold, "c", trio.CancelScope())
        await wait_all_tasks_blocked()
        doomed.cancel(reason="sweep")
        slot.release()
    assert (limiter.free, limiter.waiting) == (1, 0)
    assert got == ["c"]


# -- on kernel sockets, in real time


async def test_loopback_speaks() -> None:
    """The same bytes over kernel sockets: whole, in order, first byte before first sample before the end."""
    async with talking(ChatterboxServer(PROMPT, http_chunk_bytes=3591)) as (server, stage):
        assert "ready" in await stage.probe()
        for index in range(3):
            heard = await listen(stage, LONG, index=index)
            assert heard.data == hummed(LONG, index)
            marks = heard.marks
            assert marks["tts_request"] < marks["tts_first_byte"] < marks["tts_first_pcm"] < marks["tts_last_pcm"]
            assert marks["tts_first_byte"] < 0.5, f"first byte after {marks['tts_first_byte']:.3f} s"
        assert server.connections == 1


async def test_loopback_faults() -> None:
    """Cut with the header only: again. Cut in the sound: what came is heard. Down: an error; up again: it speaks."""
    async with talking(ChatterboxServer(PROMPT)) as (server, stage):
        server.faults.extend([CUT_HEADER, None, Fault("cut", "pcm", pcm_bytes=2001)])
        assert (await listen(stage)).data == hummed(index=1)
        heard = await listen(stage)
        assert (type(heard.error), heard.data) == (StageProtocolError, hummed(index=2)[:2000])
        await server.stop()
        assert isinstance((await listen(stage)).error, StageUnavailable)
        await server.start()
        await assert_next_sentence_works(server, stage)


async def test_loopback_barge_in() -> None:
    """A cancel in the middle of a stream reaches the server, and the next sentence is whole."""
    async with talking(ChatterboxServer(attrs.evolve(PROMPT, synthesis_s=0.05))) as (server, stage):
        with trio.CancelScope() as turn:
            await stage.speak(TtsRequest(LONG, "turn", 0), SoundInto(lambda _: turn.cancel(reason="barge-in")))
        assert turn.cancelled_caught
        with trio.fail_after(2):
            while server.disconnects == 0:  # noqa: ASYNC110  # the server has no event for it
                await trio.sleep(0.001)
        await assert_next_sentence_works(server, stage)


async def test_the_documents_mock() -> None:
    """The mock that the users' test document names is a Chatterbox at a base URL."""
    async with (
        create_mock_chatterbox_server() as url,
        ChatterboxStage(ChatterboxSettings(url=url, voice="alloy")) as stage,
    ):
        heard = await listen(stage, "Hello there.")
        assert heard.data == hummed("Hello there.")
