"""The Wyoming speech stage against the simulated Piper, in virtual time on the in-memory network, then on loopback."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import numpy as np
import pytest
import structlog
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.integration.stages.tts.tts_bench import SENTENCE, listen
from voxbridge.core.agents.tts_options import TtsOptions
from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent
from voxbridge.errors import ConfigError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import TtsRequest, warm_up
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.tts.wyoming import WyomingSpeechStage, WyomingTtsSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, hum
from voxbridge.testing.servers.wyoming import Peer, WyomingServer
from voxbridge.testing.servers.wyoming_speech import WyomingSpeechServer

pytestmark = pytest.mark.integration

TIMING = attrs.evolve(PROMPT, head_s=0.040, synthesis_s=0.100)
FORMAT = AudioFormat(24_000, 2, 1).data


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    net = MemNet().install()
    yield net
    net.assert_all_closed(listeners=True)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


@asynccontextmanager
async def talking(server: WyomingServer | None = None, **changes: Any) -> AsyncIterator[tuple[Any, WyomingSpeechStage]]:
    server = server or WyomingSpeechServer(TIMING)
    async with server.running():
        settings = WyomingTtsSettings(url=server.url, **changes)
        async with WyomingSpeechStage(settings, rng=lambda: 1.0) as stage:
            yield server, stage
            assert stage.free_slots == settings.concurrency, "a slot was not given back"


async def test_times_of_one_sentence(autojump_clock: MockClock, net: MemNet) -> None:
    """Nothing comes before the whole sentence is made; then all of it at once, sample by sample what was made."""
    async with talking() as (server, stage):
        heard = await listen(stage)
    at_once = exactly(0.14)
    assert heard.marks == {
        "tts_request": exactly(0), "tts_first_byte": at_once, "tts_first_pcm": at_once, "tts_last_pcm": at_once,
    }  # fmt: skip
    assert (heard.error, heard.ended, heard.data) == (None, at_once, hum(SENTENCE, 0))
    assert server.received == [WyomingEvent("synthesize", {"text": SENTENCE})]


@pytest.mark.parametrize("chunk_bytes", [1, 3, 700, None])
async def test_any_cutting_gives_the_same_sound(autojump_clock: MockClock, chunk_bytes: int | None) -> None:
    """The network may cut anywhere."""
    MemNet(chunk_bytes=chunk_bytes).install()
    server = WyomingSpeechServer(TIMING, synthesize=lambda text, _: text.encode() * 40)
    async with talking(server) as (_, stage):
        assert (await listen(stage)).data == SENTENCE.encode() * 40


async def test_connections_are_kept(autojump_clock: MockClock) -> None:
    """10 ms each way: a round trip for the first sentence only; the server may also close after each."""
    net = MemNet(latency_s=0.010).install()
    async with talking() as (server, stage):
        assert [(await listen(stage)).marks["tts_first_pcm"] for _ in range(3)] == [
            exactly(0.18),
            exactly(0.16),
            exactly(0.16),
        ]
        assert server.connections == 1
        server.keeps_connections = False
        assert [(await listen(stage)).marks["tts_first_pcm"] for _ in range(3)] == [
            exactly(0.16),
            exactly(0.18),
            exactly(0.18),
        ]
        assert stage.retry_count == 0
    net.assert_all_closed(listeners=True)


async def test_kept_connection_that_dies_under_the_request(autojump_clock: MockClock) -> None:
    """The end of a kept connection that crosses the request is no failure: it is sent again at once."""
    MemNet(latency_s=0.010).install()
    async with talking() as (server, stage):
        await listen(stage)
        await trio.sleep(1)

        async def gone(_event: WyomingEvent, peer: Peer) -> None:
            await peer.cut()

        server.spoilers.append(gone)
        heard = await listen(stage)
        assert (heard.error, stage.retry_count, server.events["synthesize"]) == (None, 0, 3)


async def test_warm_connection(autojump_clock: MockClock) -> None:
    """A connection made in advance saves the round trip; there is never more than one of them."""
    net = MemNet(latency_s=0.010).install()
    async with talking() as (server, stage):
        await warm_up(stage)
        await warm_up(stage)
        assert (await listen(stage)).marks["tts_first_pcm"] == exactly(0.16)
        assert server.connections == 1
        await server.stop()
        await warm_up(stage)
        assert (await listen(stage)).error is not None
    net.assert_all_closed(listeners=True)


async def test_voice(autojump_clock: MockClock, net: MemNet) -> None:
    """The configured voice, the answer's own, the request's; one that does not exist is refused and not asked again."""
    server = WyomingSpeechServer(TIMING, voices=("anna", "bob", "carl"))
    async with talking(server, voice="anna") as (_, stage):
        await listen(stage)
        await listen(stage, voice="bob")
        request = TtsRequest(SENTENCE, "turn", 0, options=TtsOptions(voice="carl"))
        await stage.speak(request, SoundInto(lambda _pcm: None))
        assert server.voices_asked == ["anna", "bob", "carl"]
        heard = await listen(stage, voice="dora")
        assert isinstance(heard.error, StageRefused)
        assert "no such voice" in str(heard.error)
        assert server.events["synthesize"] == 4
        assert (await listen(stage)).error is None


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 1), (2, 2), (3, 1), (4, 2)])
async def test_formats(autojump_clock: MockClock, net: MemNet, width: int, channels: int) -> None:
    """Integers of any width, one channel or two, in chunks that end inside a sample; any rate."""
    wave = (10_000 * np.sin(np.arange(1000) / 5)).astype("<i2")
    frames = np.column_stack([wave] * channels).reshape(-1)
    stored = b"".join(
        bytes([(value >> 8) + 128]) if width == 1 else (value << 8 * (width - 2)).to_bytes(width, "little", signed=True)
        for value in frames.tolist()
    )

    async def speak(_event: WyomingEvent, peer: Peer) -> None:
        form = AudioFormat(22_050, width, channels).data
        await peer.send("audio-start", {**form, "timestamp": 0})
        for at in range(0, len(stored), 101):
            await peer.send("audio-chunk", form if at % 2 else {}, stored[at : at + 101])
        await peer.send("audio-stop")

    async with talking() as (server, stage):
        server.spoilers.append(speak)
        heard = await listen(stage)
        assert (heard.error, heard.rates_hz) == (None, {22_050})
        wrong = np.abs(np.frombuffer(heard.data, "<i2").astype(int) - wave).max()
        assert wrong <= (255 if width == 1 else 0), f"a sample is off by {wrong}"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"rate": 0, "width": 2, "channels": 1}, "is not read: 0 Hz"),
        ({"rate": 24_000, "width": 5, "channels": 1}, "5 bytes"),
        ({"rate": 24_000, "width": 2, "channels": 6}, "6 channels"),
        ({}, "without saying in which format"),
    ],
)
async def test_formats_that_are_not_read(autojump_clock: MockClock, net: MemNet, data: Any, says: str) -> None:
    """Nothing is heard of them."""

    async def speak(_event: WyomingEvent, peer: Peer) -> None:
        await peer.send("audio-chunk", data, bytes(100))
        await peer.send("audio-stop")

    async with talking() as (server, stage):
        server.spoilers.extend([speak, speak])
        heard = await listen(stage)
        assert isinstance(heard.error, StageProtocolError)
        assert says in str(heard.error)
        assert (heard.samples, server.events["synthesize"]) == (0, 2)
        assert (await listen(stage)).error is None


async def test_other_events_are_passed_over(autojump_clock: MockClock, net: MemNet) -> None:
    """Streaming servers send more than we ask for; no samples at all is success."""

    async def speak(_event: WyomingEvent, peer: Peer) -> None:
        await peer.send("synthesize-started", {"whatever": [1]})
        await peer.send("audio-start", FORMAT)
        await peer.send("audio-stop", {"timestamp": 0})

    async with talking() as (server, stage):
        server.spoilers.append(speak)
        heard = await listen(stage)
        assert (heard.error, heard.samples, stage.retry_count) == (None, 0, 0)


async def test_what_the_server_repeats_is_not_told(autojump_clock: MockClock, net: MemNet) -> None:
    """An error event that quotes the sentence leaves no word of it in our error or log."""

    async def fail(event: WyomingEvent, peer: Peer) -> None:
        await peer.send("error", {"text": f"cannot say {event.text('text')}", "code": "RuntimeError"})
        await peer.hang()

    async with talking() as (server, stage):
        server.spoilers.extend([fail] * 3)
        with structlog.testing.capture_logs() as logs:
            heard = await listen(stage, "My password is swordfish and nobody knows.")
        assert isinstance(heard.error, StageUnavailable)
        assert "swordfish" not in f"{heard.error!r} {heard.error} {heard.error.__cause__!r} {logs}"


async def test_barge_in_leaves_nothing_behind(autojump_clock: MockClock, net: MemNet) -> None:
    """A cancelled sentence's connection is closed, so its late sound is not taken for the next one's."""
    async with talking() as (_, stage):
        for moment_s in (0.0, 0.05, 0.139):
            with trio.move_on_after(moment_s):
                await listen(stage)
            heard = await listen(stage, "Next.")
            assert heard.error is None
            assert heard.samples == len(hum("Next.", 0)) // 2, f"after a cancel at {moment_s} s"


async def test_one_sentence_at_a_time(autojump_clock: MockClock, net: MemNet) -> None:
    """One model: one request in flight, turns take turns; with more slots, more connections."""
    async with talking() as (server, stage), trio.open_nursery() as nursery:
        for text, turn in (("A one.", "a"), ("A two.", "a"), ("A three.", "a"), ("B one.", "b")):
            nursery.start_soon(functools.partial(listen, stage, text, turn=turn))
            await wait_all_tasks_blocked()
    assert server.texts == ["A one.", "A two.", "B one.", "A three."]
    assert (server.generating_max, server.connections) == (1, 1)
    async with talking(concurrency=2) as (server, stage), trio.open_nursery() as nursery:
        for turn in "abcd":
            nursery.start_soon(functools.partial(listen, stage, turn=turn))
    assert (server.generating_max, server.connections) == (2, 2)


async def test_probe(autojump_clock: MockClock, net: MemNet) -> None:
    """Who is there, and whether the voice is; nothing is spoken."""
    server = WyomingSpeechServer(TIMING, voices=("anna",))
    async with talking(server) as (_, stage):
        assert await stage.probe() == "ready; the server's default voice"
    async with talking(server, voice="anna") as (_, stage):
        assert await stage.probe() == "ready; voice 'anna'"
    async with talking(server, voice="bob") as (_, stage):
        with structlog.testing.capture_logs() as logs:
            assert "voice 'bob' is UNKNOWN" in await stage.probe()
        assert [entry["log_level"] for entry in logs] == ["warning"]
        assert server.texts == []
        server.connection_fault = "hang"
        began_at = trio.current_time()
        with pytest.raises(StageTimeout):
            await stage.probe()
        assert trio.current_time() - began_at == exactly(5.0)
        await server.stop()
        with pytest.raises(StageUnavailable, match="connection refused"):
            await stage.probe()
    async with talking(WyomingServer()) as (_, stage):
        with pytest.raises(StageRefused, match="not one that speaks"):
            await stage.probe()


@pytest.mark.parametrize("url", ["tcp://", "tcp://host", "tcp://host:99999", "http://host:10200", ""])
def test_addresses(url: str) -> None:
    """An address that is none is named with what is allowed."""
    with pytest.raises(ConfigError, match=r"url"):
        WyomingSpeechStage(WyomingTtsSettings(url=url))


async def test_on_loopback() -> None:
    """Real sockets and the real clock: the same sound, a kept connection, a server that went away and came back."""
    async with talking(WyomingSpeechServer(attrs.evolve(PROMPT, head_s=0, synthesis_s=0.01))) as (server, stage):
        with trio.fail_after(20):
            for _ in range(3):
                heard = await listen(stage)
                assert heard.error is None
            assert heard.data == hum(SENTENCE, 2)
            assert server.connections == 1
            await server.stop()
            assert isinstance((await listen(stage)).error, StageUnavailable)
            await server.start()
            assert (await listen(stage)).data == hum(SENTENCE, 3)
