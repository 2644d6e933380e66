"""Real clients for the engines' server, and engines that do as they are told."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from voxbridge.audio.opus import Encoder
from voxbridge.engines.app import Engines
from voxbridge.engines.rule_agent import RuleAgent
from voxbridge.engines.server import serve_engines
from voxbridge.engines.transcript import Heard
from voxbridge.engines.workers import Workers


@attrs.define
class ToldListener:
    """Hears the number of the call; waits for ``gate`` and raises ``error`` if there is one."""

    calls: list[int] = attrs.field(factory=list)
    gate: threading.Event | None = None
    error: Exception | None = None
    # A message for each call as it begins.
    _begin: trio.MemorySendChannel[int] = attrs.field(init=False)
    began: trio.MemoryReceiveChannel[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._begin, self.began = trio.open_memory_channel[int](100)

    def transcribe(self, pcm: bytes, language: str) -> Heard:
        del language
        self.calls.append(len(pcm))
        trio.from_thread.run_sync(self._begin.send_nowait, len(pcm))
        number = len(self.calls)
        if self.gate is not None:
            assert self.gate.wait(10), "the gate was never opened"
        if self.error is not None:
            raise self.error
        return Heard(f"call {number}", no_speech=0.05, confidence=0.9, duration_s=len(pcm) / 32_000)


@attrs.define
class ToldVoice:
    """Says ``pieces``; waits for ``gate`` before the second one, and raises ``error`` in its place."""

    pieces: list[bytes] = attrs.field(factory=lambda: [b"\1\0" * 480])
    gate: threading.Event | None = None
    error: Exception | None = None
    texts: list[str] = attrs.field(factory=list)

    def say(self, text: str) -> Iterator[bytes]:
        self.texts.append(text)
        for at, piece in enumerate(self.pieces):
            if at == 1 and self.gate is not None:
                assert self.gate.wait(10), "the gate was never opened"
            if at == 1 and self.error is not None:
                raise self.error
            yield piece


def told_engines(listener: ToldListener | None = None, voice: ToldVoice | None = None, workers: int = 2) -> Engines:
    now = dt.datetime(2026, 3, 3, 15, 7, tzinfo=dt.UTC)
    return Engines(
        recogniser=listener or ToldListener(),
        voice=voice or ToldVoice(),
        agent=RuleAgent(now=lambda: now, rng=random.Random(4)),
        hearing=Workers(workers),
        speaking=Workers(workers),
        recogniser_name="told",
        voice_name="told",
    )


@asynccontextmanager
async def served(engines: Engines, listen: str) -> AsyncIterator[str]:
    """Serve engines for the time of a block; yield where."""
    ready = trio.Event()
    addresses: list[str] = []

    def on_ready(address: str) -> None:
        addresses.append(address)
        ready.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: serve_engines(engines, listen=listen, on_ready=on_ready))
        await ready.wait()
        yield addresses[0]
        nursery.cancel_scope.cancel()


def http(socket: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://engines", timeout=10)


def packets(pcm: bytes, *, rate_hz: int = 16_000) -> list[bytes]:
    """Return 20 ms Opus packets of mono s16le, as a speaker's client sends them."""
    encoder, size = Encoder(rate_hz=rate_hz), rate_hz // 50 * 2
    return [encoder.encode(pcm[at : at + size].ljust(size, b"\0")) for at in range(0, len(pcm), size)]


@attrs.frozen
class Line:
    """A client of the WhisperX protocol, by hand."""

    ws: WebSocketConnection

    async def send(self, kind: str, **fields: Any) -> None:
        await self.ws.send_message(json.dumps({"type": kind, **fields}))

    async def speak(self, pcm: bytes) -> None:
        for packet in packets(pcm):
            await self.ws.send_message(packet)

    async def hear(self) -> dict[str, Any]:
        with trio.fail_after(10):
            return json.loads(await self.ws.get_message())

    async def final(self) -> dict[str, Any]:
        """Return the next final; partials before it are passed over."""
        while (message := await self.hear())["type"] == "partial":
            pass
        assert message["type"] == "final", f"wanted a final, got {message}"
        return message


@asynccontextmanager
async def line(address: str, path: str = "/") -> AsyncIterator[Line]:
    """Open a WebSocket to a unix socket's path or to host:port."""
    if "/" in address:
        stream = await trio.open_unix_socket(address)
    else:
        host, _, port = address.rpartition(":")
        stream = await trio.open_tcp_stream(host, int(port))
    async with stream, trio.open_nursery() as nursery:
        ws = await wrap_client_stream(nursery, stream, "engines", path)
        async with ws:
            yield Line(ws)
