"""The simulated Chatterbox says and does what the real one was seen to say and do (speech servers, section 2)."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import attrs
import httpx
import numpy as np
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.integration.stages.tts.tts_bench import SENTENCE, hummed
from voxbridge.core.wire.wav import WavReader, decode_wav, streaming_header
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import (
    PROMPT,
    ChatterboxServer,
    Timing,
    float_wav,
    hum,
    hum_hz,
    text_chunks,
)

pytestmark = pytest.mark.integration

STREAM = "/audio/speech/stream/upload"
FIVE_SENTENCES = "One sentence of fifty characters, or nearly so many. " * 5


@pytest.fixture
async def server() -> AsyncIterator[ChatterboxServer]:
    MemNet().install()
    async with ChatterboxServer().running() as server:
        yield server


@pytest.fixture
async def client(server: ChatterboxServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield client


async def timed(client: httpx.AsyncClient, text: str, **fields: Any) -> tuple[list[tuple[float, int]], float]:
    """Return (time, bytes) of what came at each instant, and the time of the end, from the request on."""
    began_at = trio.current_time()
    arrivals: dict[float, int] = {}
    async with client.stream("POST", STREAM, data={"input": text, **fields}) as response:
        async for data in response.aiter_raw():
            at = round(trio.current_time() - began_at, 6)
            arrivals[at] = arrivals.get(at, 0) + len(data)
    return list(arrivals.items()), round(trio.current_time() - began_at, 6)


async def test_header_first_then_a_blob_per_text_chunk(
    autojump_clock: MockClock, server: ChatterboxServer, client: httpx.AsyncClient
) -> None:
    """44 bytes before any synthesis, then the sound of each text chunk, with a stall after every third."""
    blob = len("One sentence of fifty characters, or nearly so many.") * 0.06 * 48_000
    arrivals, end = await timed(client, FIVE_SENTENCES, streaming_chunk_size=60)
    assert arrivals == [(0.003, 44), *((at, blob) for at in (0.035, 0.067, 0.099, 0.429, 0.461))]
    assert end == 0.461


async def test_headers_are_the_real_ones(server: ChatterboxServer, client: httpx.AsyncClient) -> None:
    """Chunked audio/wav; no header names the rate, the WAV header is the exact one."""
    response = await client.post(STREAM, data={"input": SENTENCE, "voice": "nobody knows this one"})
    assert response.status_code == 200
    assert dict(response.headers) == {
        "content-type": "audio/wav",
        "content-disposition": "attachment; filename=speech_stream.wav",
        "transfer-encoding": "chunked",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
    assert response.content == streaming_header() + hummed()
    assert server.spoken[0].fields.voice == "nobody knows this one"


async def test_every_fifth_end_is_late(
    autojump_clock: MockClock, server: ChatterboxServer, client: httpx.AsyncClient
) -> None:
    """300 ms between the last sample and the end, on every fifth stream."""
    ends = [(await timed(client, SENTENCE))[1] for _ in range(10)]
    assert ends == [0.035] * 4 + [0.335] + [0.035] * 4 + [0.335]


async def test_a_stall_hits_all_streams(autojump_clock: MockClock) -> None:
    """The event loop of the server stands still: another stream that is open waits as well."""
    MemNet().install()
    heard: list[tuple[list[tuple[float, int]], float]] = []

    async def ask(client: httpx.AsyncClient, text: str, **fields: Any) -> None:
        heard.append(await timed(client, text, **fields))

    async with ChatterboxServer().running() as server, httpx.AsyncClient(base_url=server.url) as client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: ask(client, FIVE_SENTENCES, streaming_chunk_size=60))
            await trio.sleep(0.09)
            nursery.start_soon(ask, client, SENTENCE)
        (short, _), _ = heard
        assert short[-1][0] == pytest.approx(0.099 + 0.33 - 0.09), "the other stream did not stand still"
        assert server.generating_max == 2, "two requests at the one model went unnoticed"


async def test_synthesis_may_grow_with_the_text(autojump_clock: MockClock) -> None:
    """The time to the first sample is a setting per text chunk and per character."""
    MemNet().install()
    timing = attrs.evolve(PROMPT, synthesis_s=0.1, synthesis_per_char_s=0.01)
    async with ChatterboxServer(timing).running() as server, httpx.AsyncClient(base_url=server.url) as client:
        assert (await timed(client, "a" * 20))[1] == 0.303


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("route", ["/audio/speech/stream", "/audio/speech", "/tts/stream", "/tts"])
async def test_json_and_form_routes(
    server: ChatterboxServer, client: httpx.AsyncClient, prefix: str, route: str
) -> None:
    """Each route takes JSON, and a form at its upload twin; /tts has no /v1."""
    answers = [
        await client.post(prefix + route, json={"input": SENTENCE}),
        await client.post(f"{prefix}{route}/upload", data={"input": SENTENCE}),
        await client.post(f"{prefix}{route}/upload", data={"input": SENTENCE}, files={"voice_file": ("a.wav", b"")}),
    ]
    if prefix and "tts" in route:
        assert [answer.status_code for answer in answers] == [404] * 3
        return
    for index, answer in enumerate(answers):
        assert answer.status_code == 200
        if "stream" in route:
            assert decode_wav(answer.content).data == hummed(index=index)
        else:
            whole = np.frombuffer(decode_wav(answer.content).data, "<i2").astype(int)
            wanted = np.frombuffer(hummed(index=index), "<i2").astype(int)
            assert np.abs(whole - wanted).max() <= 1


async def test_whole_file_is_floats_cut_at_line_feeds(server: ChatterboxServer, client: httpx.AsyncClient) -> None:
    """32-bit floats behind an 80-byte header with fact and PEAK; HTTP chunks end at each 0x0A byte."""
    async with client.stream("POST", "/audio/speech", json={"input": SENTENCE, "response_format": "mp3"}) as response:
        pieces = [piece async for piece in response.aiter_raw()]
    data = b"".join(pieces)
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    assert len(pieces) == data.count(b"\n") + (not data.endswith(b"\n"))
    assert (data[8:16], data[36:40], data[48:52], data[72:76]) == (b"WAVEfmt ", b"fact", b"PEAK", b"data")
    reader = WavReader()
    reader.feed(data[:80])
    assert reader.has_data_chunk
    assert reader.format is not None
    assert attrs.astuple(reader.format) == ("float", 24_000, 1, 32)
    assert float_wav(b"") == float_wav(b"")[:80]


async def test_server_sent_events(server: ChatterboxServer, client: httpx.AsyncClient) -> None:
    """Info, one delta per text chunk, done; no [DONE]."""
    body = {"input": FIVE_SENTENCES, "stream_format": "sse", "streaming_chunk_size": 60}
    response = await client.post("/audio/speech", json=body)
    assert response.headers["content-type"] == "text/event-stream"
    events = [json.loads(event.removeprefix("data: ")) for event in response.text.rstrip("\n").split("\n\n")]
    assert events[0] == {
        "type": "speech.audio.info",
        "sample_rate": 24000,
        "channels": 1,
        "bits_per_sample": 16,
    }
    assert [event["type"] for event in events[1:]] == ["speech.audio.delta"] * 5 + ["speech.audio.done"]
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[1:-1])
    assert sound == hummed(FIVE_SENTENCES, chunk_chars=60)


@pytest.mark.parametrize(
    ("fields", "status", "wanted"),
    [
        ({}, 422, {"type": "missing", "loc": ["body", "input"], "msg": "Field required", "input": None}),
        ({"input": ""}, 422, {"type": "missing"}),
        ({"input": "x" * 3001}, 422, {"type": "string_too_long", "input": "x" * 3001}),
        ({"input": "x", "exaggeration": "2.5"}, 422, {"type": "less_than_equal", "ctx": {"le": 2.0}}),
        ({"input": "x", "cfg_weight": "-1"}, 422, {"type": "greater_than_equal", "ctx": {"ge": 0.0}}),
        ({"input": "x", "temperature": "hot"}, 422, {"type": "float_parsing", "input": "hot"}),
        ({"input": "x", "streaming_chunk_size": "20"}, 422, {"type": "greater_than_equal", "ctx": {"ge": 50}}),
        ({"input": " \n"}, 400, ("Input text cannot be empty", "invalid_request_error")),
        (
            {"input": "x", "streaming_strategy": "haste"},
            400,
            ("streaming_strategy must be one of: ", "validation_error"),
        ),
        ({"input": "x", "streaming_quality": "best"}, 400, ("streaming_quality must be one of: ", "validation_error")),
    ],
)
async def test_error_table(
    server: ChatterboxServer, client: httpx.AsyncClient, fields: dict[str, str], status: int, wanted: Any
) -> None:
    """Every refusal has the status and the body of the real server, and nothing is spoken."""
    response = await client.post(STREAM, data=fields)
    assert response.status_code == status
    if status == 422:
        (detail,) = response.json()["detail"]
        assert wanted.items() <= detail.items()
    else:
        error = response.json()["error"]
        assert error["message"].startswith(wanted[0])
        assert error["type"] == wanted[1]
    assert server.spoken == []


async def test_more_refusals(server: ChatterboxServer, client: httpx.AsyncClient) -> None:
    """JSON on a form route, nonsense on a JSON route, a voice file of the wrong kind, wrong path and method."""
    assert (await client.post(STREAM, json={"input": "x"})).status_code == 422
    assert (await client.post("/audio/speech/stream", content=b"[1]")).status_code == 422
    assert (await client.post("/audio/speech/stream", content=b"{")).status_code == 422
    wrong_file = await client.post(STREAM, data={"input": "x"}, files={"voice_file": ("a.exe", b"MZ")})
    assert (wrong_file.status_code, wrong_file.json()["error"]["type"]) == (400, "invalid_request_error")
    missing, method = await client.post("/speak"), await client.get(STREAM)
    assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
    assert (method.status_code, method.json()) == (405, {"detail": "Method Not Allowed"})
    server.fail_next(1)
    failed = await client.post(STREAM, data={"input": "x"})
    assert (failed.status_code, failed.json()["error"]["type"]) == (500, "generation_error")


async def test_while_the_model_loads(server: ChatterboxServer, client: httpx.AsyncClient) -> None:
    """Health is 200 and says no; the stream route promises 200 and breaks off; the whole-file route says 500."""
    server.state = "initializing"
    health = await client.get("/v1/health")
    assert (health.status_code, health.json()["model_loaded"], health.json()["status"]) == (200, False, "initializing")
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        await client.post(STREAM, data={"input": "x"})
    whole = await client.post("/audio/speech", json={"input": "x"})
    assert (whole.status_code, whole.json()["error"]["message"]) == (500, "Model not loaded")
    server.state = "healthy"
    assert (await client.get("/status")).json()["model_loaded"] is True
    assert (await client.post(STREAM, data={"input": "x"})).status_code == 200


async def test_voices(server: ChatterboxServer, client: httpx.AsyncClient) -> None:
    """An empty library is an empty list; each voice has a name."""
    assert (await client.get("/voices")).json() == {"voices": [], "count": 0}
    server.voices = ("anna",)
    library = (await client.get("/v1/voices")).json()
    assert (library["count"], library["voices"][0]["name"]) == (1, "anna")
    assert (await client.get("/ping")).status_code == 200


async def test_progress_sticks_after_a_disconnect(
    autojump_clock: MockClock, server: ChatterboxServer, client: httpx.AsyncClient
) -> None:
    """A client that leaves is counted, and from then on the server claims to be busy until a stream ends well."""
    with trio.move_on_after(0.02):
        await timed(client, SENTENCE)
    await wait_all_tasks_blocked()
    assert (server.disconnects, server.generating, server.in_flight) == (1, 0, 0)
    assert (await client.get("/v1/status/progress")).json() == {"is_processing": True}
    await timed(client, SENTENCE)
    assert (await client.get("/v1/status/progress")).json() == {"is_processing": False}


def test_each_request_has_its_own_pitch() -> None:
    """A listener can tell the first twelve requests apart, and how long the text was."""
    for index in range(12):
        wave = np.frombuffer(hum(SENTENCE, index), "<i2").astype(float)
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
        loudest_hz = float(np.argmax(spectrum)) * 24_000 / len(wave)
        assert loudest_hz == pytest.approx(hum_hz(index), rel=0.03), f"request {index} hums at {loudest_hz:.0f} Hz"
        assert abs(wave[0]) + abs(wave[-1]) < 200, "a click at an end"
        assert len(wave) == round(len(SENTENCE) * 0.06 * 24_000)
    assert hum("", 0) == b""


@pytest.mark.parametrize(
    ("text", "chars_max", "wanted"),
    [
        ("One. Two! Three?", 50, ["One. Two! Three?"]),
        ("One. Two! Three?", 9, ["One. Two!", "Three?"]),
        ("a long sentence without an end", 12, ["a long", "sentence", "without an", "end"]),
        ("x" * 7, 3, ["xxx", "xxx", "x"]),
        ("", 10, []),
    ],
)
def test_text_chunks(text: str, chars_max: int, wanted: list[str]) -> None:
    """Whole sentences as many as fit, a long one at its words, a monster anywhere."""
    assert list(text_chunks(text, chars_max)) == wanted


async def test_real_time_on_loopback() -> None:
    """The same server on a kernel socket: header, then sound, then the end."""
    timing = Timing(head_s=0.001, synthesis_s=0.001, stall_every=0, late_eof_every=0)
    async with ChatterboxServer(timing).running() as server, httpx.AsyncClient(base_url=server.url) as client:
        response = await client.post(STREAM, data={"input": SENTENCE})
        assert decode_wav(response.content).data == hummed()
