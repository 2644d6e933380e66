"""The simulated WhisperX server, held to its manners by a client that is not ours (trio-websocket)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio_websocket

from tests.mocks.mock_whisperx_server import create_mock_whisperx_server
from voxbridge.audio.opus import Encoder
from voxbridge.rehearsal.marked import mark, marks_of
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

TONE = Encoder().encode(bytes(960))
START = {"type": "start", "userId": "42", "language": "en", "audio_format": "opus"}


@attrs.frozen
class Client:
    ws: trio_websocket.WebSocketConnection

    async def say(self, *messages: dict[str, Any] | bytes | str) -> None:
        for message in messages:
            await self.ws.send_message(json.dumps(message) if isinstance(message, dict) else message)

    async def hear(self) -> dict[str, Any]:
        return json.loads(await self.ws.get_message())

    async def hears_nothing(self, within_s: float = 5) -> bool:
        with trio.move_on_after(within_s) as silence:
            await self.ws.get_message()
        return silence.cancelled_caught

    async def closed_with(self) -> int:
        with pytest.raises(trio_websocket.ConnectionClosed) as closed:
            await self.ws.get_message()
        assert closed.value.reason is not None
        return closed.value.reason.code


@asynccontextmanager
async def talking_to(**changes: Any) -> AsyncIterator[tuple[WhisperXServer, Client]]:
    MemNet().install()
    script = WhisperXScript(text=lambda heard: marks_of(heard.packets))
    async with (
        WhisperXServer(attrs.evolve(script, **changes)).running() as server,
        trio_websocket.open_websocket_url(server.url, disconnect_timeout=1) as ws,
    ):
        yield server, Client(ws)


def packets(count: int, prefix: str = "w") -> list[bytes]:
    return [mark(TONE, f"{prefix}{n}") for n in range(count)]


async def test_start_is_not_answered_and_a_final_is(autojump_clock):
    """A start has no answer, a finalize has one after the model's time, and silence has an empty one."""
    async with talking_to(final_delay_s=0.3) as (server, client):
        await client.say(START)
        assert await client.hears_nothing()
        began = trio.current_time()
        await client.say(*packets(3), {"type": "finalize"})
        assert await client.hear() == {"type": "final", "text": "w0 w1 w2", "userId": "42"}
        assert trio.current_time() - began == pytest.approx(0.3, abs=1e-9)
        await client.say({"type": "finalize"})
        assert (await client.hear())["text"] == "", "there was no sound"
        assert [heard.duration_s for heard in server.heard] == [pytest.approx(0.06), 0.0]


async def test_nonsense_is_passed_over_in_silence(autojump_clock):
    """What the server cannot read it passes over; only a list ends the connection."""
    async with talking_to() as (server, client):
        await client.say(*packets(1), {"type": "finalize"}, "{", {"type": "sing"}, {"type": "peek", "id": 1})
        await client.say(START, b"\xff\xff\xff\xff", b"")
        assert await client.hears_nothing()
        assert (server.undecodable, server.finalizes) == (2, 0)
        await client.say("[]")
        assert await client.closed_with() == 1000


async def test_long_packets_are_dropped(autojump_clock):
    """The real server's decoder has room for 20 ms; a longer packet fails and nobody hears of it."""
    sixty_ms = bytes([0x18]) + bytes(40)  # SILK, narrow band, 60 ms (RFC 6716, section 3.1)
    async with talking_to() as (server, client):
        await client.say(START, sixty_ms, *packets(1), {"type": "finalize"})
        assert (await client.hear())["text"] == "w0"
        assert server.undecodable == 1


async def test_partials_are_windowed_and_outlive_the_final(autojump_clock):
    """Partials cover two seconds, and the first of the next utterance holds old words."""
    async with talking_to() as (_, client):
        await client.say(START, *packets(150, "a"))
        first, second = await client.hear(), await client.hear()
        assert {first["type"], second["type"]} == {"partial"}
        assert (first["text"].split()[0], first["text"].split()[-1]) == ("a0", "a99")
        assert (second["text"].split()[0], second["text"].split()[-1]) == ("a50", "a149")
        await client.say({"type": "finalize"}, *packets(50, "b"))
        assert (await client.hear())["type"] == "final"
        stale = await client.hear()
        assert stale["text"].split()[0] == "a100", "the next utterance's first partial holds old words"


async def test_a_second_start_loses_the_sound_before_it(autojump_clock):
    """A second start throws away the sound before it."""
    async with talking_to() as (_, client):
        await client.say(START, *packets(2, "lost"), START, *packets(2, "kept"), {"type": "finalize"})
        assert (await client.hear())["text"] == "kept0 kept1"


async def test_errors(autojump_clock):
    """Errors of partials leave the connection open; one of a finalize closes it."""
    async with talking_to(partial_errors=2, finalize_errors=1) as (_, client):
        await client.say(START, *packets(102))
        assert [(await client.hear())["type"] for _ in range(3)] == ["error", "error", "partial"]
        await client.say({"type": "finalize"})
        assert (await client.hear())["type"] == "error"
        assert await client.closed_with() == 1000


async def test_a_blocking_model_holds_everybody_up(autojump_clock):
    """A model that blocks the server's loop leaves everybody's pings unanswered meanwhile."""
    async with (
        talking_to(blocks=True, final_delay_s=3.0) as (server, client),
        trio_websocket.open_websocket_url(server.url, disconnect_timeout=1) as other,
    ):
        await client.say(START, *packets(1), {"type": "finalize"})
        await trio.sleep(0.1)
        with trio.move_on_after(2) as no_pong:
            await other.ping()
        assert no_pong.cancelled_caught
        assert (await client.hear())["text"] == "w0"
        with trio.fail_after(0.1):
            await other.ping()


async def test_two_finalizes_at_once_are_noticed(autojump_clock):
    """A client that does not wait for its final is counted."""
    async with talking_to(final_delay_s=1.0) as (server, client):
        await client.say(START, *packets(1), {"type": "finalize"}, *packets(1), {"type": "finalize"})
        await client.hear()
        await client.hear()
        assert server.overlapping_finalizes == 1


async def test_finals_in_order_and_by_list(autojump_clock):
    """Finals can be scripted by a list, whose last one stays."""
    async with talking_to(text=["one", "two"]) as (_, client):
        await client.say(START)
        for wanted in ("one", "two", "two"):
            await client.say(*packets(1), {"type": "finalize"})
            assert (await client.hear())["text"] == wanted


async def test_the_extension_is_for_those_who_ask(autojump_clock):
    """Only a client that asks for the extension gets it: ready, early transcripts, discards and numbers."""
    async with talking_to(extension=True) as (_, client):
        await client.say(START)
        assert await client.hears_nothing()
    async with talking_to(extension=True, no_speech=0.25) as (server, client):
        await client.say({**START, "protocol": "voxbridge/1"})
        assert await client.hear() == {"type": "ready", "protocol": "voxbridge/1"}
        await client.say(*packets(2), {"type": "peek", "id": 7})
        peeked = {"type": "peeked", "id": 7, "text": "w0 w1", "noSpeech": 0.25, "confidence": 0.9}
        assert await client.hear() == peeked
        await client.say({"type": "discard"}, *packets(1, "x"), {"type": "finalize", "id": 8})
        final = await client.hear()
        assert (final["id"], final["text"], final["duration"]) == (8, "x0", pytest.approx(0.02))
        assert server.discards == 1


async def test_an_outage_on_the_same_port(autojump_clock):
    """A server that is stopped and started has the same port, and cuts connections without a close."""
    async with talking_to() as (server, client):
        port = server.port
        await server.stop()
        assert await client.closed_with() == 1006
        with pytest.raises(trio_websocket.HandshakeError):
            async with trio_websocket.open_websocket_url(server.url):
                pass
        await server.start()
        assert server.port == port
        async with trio_websocket.open_websocket_url(server.url):
            pass
        assert server.connections == 2


async def test_the_mock_of_the_users_document_hears_hello():
    """The mock of the user's document hears hello."""
    async with (
        create_mock_whisperx_server() as port,
        trio_websocket.open_websocket_url(f"ws://127.0.0.1:{port}", disconnect_timeout=1) as ws,
    ):
        client = Client(ws)
        await client.say(START, *packets(1), {"type": "finalize"})
        assert "hello" in (await client.hear())["text"].lower()
