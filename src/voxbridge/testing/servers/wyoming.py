"""A simulated Wyoming server: a script for each kind of event, on TCP.

    server = WyomingServer()
    server.on("synthesize", handler)         # async def handler(event, peer)
    async with server.running() as server:
        ... server.url ...

Manners of the real ones (rhasspy/wyoming 147f8f5, server.py): events of a connection are worked on one after the
other, and nothing is read meanwhile, so a client's leaving is noticed at the next write; unknown events are passed
over; a line that is no JSON ends the connection without a word. A handler that returns False ends it too, as
wyoming-faster-whisper does after each transcript.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

import trio

from voxbridge.core.wire.json_text import Malformed
from voxbridge.core.wire.wyoming import NO_DATA, WyomingEvent, WyomingReader, encode_event
from voxbridge.testing.servers.listening import READ_BYTES, ListeningServer, reset_stream


class Peer:
    """The server's end of one connection."""

    def __init__(self, stream: trio.abc.Stream, number: int) -> None:
        self._stream = stream
        self.number = number
        """Of the connection, from 1: two requests with the same one used a kept connection."""
        self.piece_bytes: int | None = None
        self.piece_gap_s = 0.0
        self.is_spoilt = False
        """The script itself ended the connection."""

    async def send(self, kind: str, data: Mapping[str, object] = NO_DATA, payload: bytes = b"") -> None:
        """Send one event, in pieces of ``piece_bytes`` if that is set."""
        await self.raw(encode_event(WyomingEvent(kind, data, payload)))

    async def raw(self, data: bytes) -> None:
        """Send any bytes."""
        size = self.piece_bytes or len(data) or 1
        for start in range(0, len(data), size):
            if start and self.piece_gap_s:
                await trio.sleep(self.piece_gap_s)
            await self._stream.send_all(data[start : start + size])

    async def cut(self) -> NoReturn:
        """Close the connection here."""
        self.is_spoilt = True
        await self._stream.aclose()
        raise trio.ClosedResourceError

    async def reset(self) -> NoReturn:
        """Reset the connection."""
        self.is_spoilt = True
        await reset_stream(self._stream)
        raise trio.ClosedResourceError

    async def hang(self) -> NoReturn:
        """Say nothing more until the client leaves."""
        while await self._stream.receive_some(READ_BYTES):
            pass
        raise trio.BrokenResourceError("the client left")


Handler = Callable[[WyomingEvent, Peer], Awaitable[bool | None]]


class WyomingServer(ListeningServer):
    """Serves scripted events and counts what clients do."""

    scheme = "tcp"

    def __init__(self) -> None:
        super().__init__()
        self._handlers: dict[str, Handler] = {"describe": self._describe}
        self.info: dict[str, object] = {}
        """What ``describe`` is answered with, beside empty lists of all services."""
        self.events: Counter[str] = Counter()
        """Events received, by kind."""
        self.received: list[WyomingEvent] = []
        """All of them but ``audio-chunk``."""
        self.disconnects = 0
        """Clients that left while they were being answered."""

    def on(self, kind: str, handler: Handler) -> None:
        """Answer events of this kind; the last one registered counts."""
        self._handlers[kind] = handler

    async def _converse(self, stream: trio.abc.Stream, number: int) -> None:
        peer, reader = Peer(stream, number), WyomingReader()
        while data := await stream.receive_some(READ_BYTES):
            for event in reader.feed(bytes(data)):
                if isinstance(event, Malformed):
                    return
                if not await self._answer(event, peer):
                    return

    async def _answer(self, event: WyomingEvent, peer: Peer) -> bool:
        self.events[event.kind] += 1
        if event.kind != "audio-chunk":
            self.received.append(event)
        handler = self._handlers.get(event.kind)
        if handler is None:
            return True
        try:
            return await handler(event, peer) is not False
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.disconnects += not peer.is_spoilt
            raise

    async def _describe(self, _event: WyomingEvent, peer: Peer) -> None:
        services = ("asr", "tts", "handle", "intent", "wake", "mic", "snd")
        await peer.send("info", {**{name: [] for name in services}, **self.info})
