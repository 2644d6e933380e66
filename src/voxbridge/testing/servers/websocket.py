"""A small WebSocket server for simulated backends, which must be able to misbehave frame by frame and byte by byte.

    server = WebSocketServer(handler)                  # async def handler(peer)
    async with server.running() as server:
        ... server.url ...

Pings are answered while the handler runs, and a client that leaves ends it. It runs on any Trio stream: kernel sockets
and the in-memory network.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import trio
import wsproto
from wsproto import events as ws_events
from wsproto.utilities import ProtocolError

from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.listening import READ_BYTES, ListeningServer, reset_stream


class PeerLeft(Exception):
    """The connection is over, by whichever side."""


class WsPeer:
    """The server's end of one connection."""

    def __init__(self, stream: trio.abc.Stream, number: int) -> None:
        self._stream = stream
        self.number = number
        """Of the connection, from 1."""
        self._protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._sending = trio.Lock()
        self._inbox, self._messages = trio.open_memory_channel[str | bytes](math.inf)  # the kernel's buffer, as it were
        self.target = ""
        """Path and query of the request."""
        self.headers: dict[str, str] = {}
        """Of the request, names in lower case."""
        self.piece_bytes: int | None = None
        self.piece_gap_s = 0.0

    async def receive(self) -> str | bytes:
        """Return the client's next message."""
        return await self._messages.receive()

    async def send(self, message: str | bytes) -> None:
        """Send a message in one frame."""
        event: ws_events.Event
        event = (
            ws_events.TextMessage(data=message) if isinstance(message, str) else ws_events.BytesMessage(data=message)
        )
        await self._send_event(event)

    async def send_json(self, **message: object) -> None:
        """Send an object."""
        await self.send(json.dumps(message, separators=(",", ":"), ensure_ascii=False))

    async def close(self, code: int = 1000, reason: str = "") -> NoReturn:
        """Close with a code."""
        await self._send_event(ws_events.CloseConnection(code=code, reason=reason or None))
        raise PeerLeft

    async def raw(self, data: bytes) -> None:
        """Send any bytes, in pieces of ``piece_bytes`` if that is set."""
        size = self.piece_bytes or len(data) or 1
        async with self._sending:
            for start in range(0, len(data), size):
                if start and self.piece_gap_s:
                    await trio.sleep(self.piece_gap_s)
                await self._stream.send_all(data[start : start + size])

    async def hang(self) -> NoReturn:
        """Say nothing more, whoever wants to."""
        async with self._sending:
            await trio.sleep_forever()
        raise AssertionError("unreachable")

    async def cut(self) -> NoReturn:
        """Close the connection without a close frame."""
        raise PeerLeft

    async def reset(self) -> NoReturn:
        """Reset the connection."""
        await reset_stream(self._stream)
        raise PeerLeft

    async def _send_event(self, event: ws_events.Event) -> None:
        await self.raw(self._protocol.send(event))

    async def take_request(self) -> None:
        """Wait for the request for the upgrade."""
        while not self.target:
            for event in await self._next_events():
                if isinstance(event, ws_events.Request):
                    self.target = event.target
                    fields = [(b"host", event.host.encode()), *event.extra_headers]
                    self.headers = {name.decode().lower(): value.decode() for name, value in fields}

    async def upgrade(self) -> None:
        """Accept the request."""
        await self._send_event(ws_events.AcceptConnection())

    async def refuse(self, answer: bytes) -> NoReturn:
        """Send an HTTP response, or anything, instead of the upgrade's, and close."""
        await self.raw(answer)
        raise PeerLeft

    async def read(self) -> NoReturn:
        """Fill the inbox and answer pings."""
        parts: list[Any] = []
        while True:
            for event in await self._next_events():
                match event:
                    case ws_events.Ping():
                        await self._send_event(event.response())
                    case ws_events.CloseConnection():
                        with contextlib.suppress(ProtocolError):
                            await self._send_event(event.response())
                        raise PeerLeft
                    case ws_events.TextMessage() | ws_events.BytesMessage():
                        parts.append(event.data)
                        if event.message_finished:
                            is_text = isinstance(event, ws_events.TextMessage)
                            self._inbox.send_nowait("".join(parts) if is_text else b"".join(parts))
                            parts = []
                    case _:
                        pass

    async def _next_events(self) -> list[ws_events.Event]:
        data = await self._stream.receive_some(READ_BYTES)
        if not data:
            raise PeerLeft
        self._protocol.receive_data(bytes(data))
        return list(self._protocol.events())


async def spoil(peer: WsPeer, script: HearingScript) -> None:
    """Do what the script wants in place of a final, if anything."""
    if script.drip_s:
        peer.piece_bytes, peer.piece_gap_s = 1, script.drip_s
    if script.answer is not None:
        await peer.raw(script.answer)
        match script.then:
            case "cut":
                await peer.cut()
            case "reset":
                await peer.reset()
            case "hang":
                await peer.hang()


Handler = Callable[[WsPeer], Awaitable[None]]


def http_refusal(status: int) -> bytes:
    """Return an HTTP response without a body."""
    return f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


class WebSocketServer(ListeningServer):
    """Serves a handler and counts what clients do. A handler that returns closes with 1000."""

    scheme = "ws"

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler
        self.answers_upgrade = True
        self.http_answer = b""
        """Sent instead of the upgrade's answer: a whole HTTP response, or anything."""

    def _refusal(self, peer: WsPeer) -> bytes:  # noqa: ARG002 - for those who look at the request
        """Return what this request gets instead of the upgrade; nothing: it is accepted."""
        return b""

    async def _converse(self, stream: trio.abc.Stream, number: int) -> None:
        peer = WsPeer(stream, number)
        try:
            await peer.take_request()
            if not self.answers_upgrade:
                await trio.sleep_forever()
            if answer := self.http_answer or self._refusal(peer):
                await peer.refuse(answer)
            await peer.upgrade()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.read)
                await self._handler(peer)
                await peer.close()
        except* (PeerLeft, trio.BrokenResourceError, trio.ClosedResourceError, ProtocolError):
            pass  # the client went away, or the script ended it
