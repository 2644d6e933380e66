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

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Literal, NoReturn, Self

import trio

from voxbridge.core.ndjson import Malformed
from voxbridge.core.wyoming import NO_DATA, WyomingEvent, WyomingReader, encode_event
from voxbridge.rehearsal.servers.http import READ_BYTES, reset_stream


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


class WyomingServer:
    """Serves scripted events and counts what clients do."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {"describe": self._describe}
        self.info: dict[str, object] = {}
        """What ``describe`` is answered with, beside empty lists of all services."""
        self.connection_fault: Literal["hang", "close", "reset"] | None = None
        """What happens to new connections instead of being served."""
        self.events: Counter[str] = Counter()
        """Events received, by kind."""
        self.received: list[WyomingEvent] = []
        """All of them but ``audio-chunk``."""
        self.connections = 0
        self.open_connections = 0
        self.disconnects = 0
        """Clients that left while they were being answered."""
        self.host, self.port = "127.0.0.1", 0
        self._nursery: trio.Nursery | None = None
        self._serving: trio.CancelScope | None = None
        self._stopped = trio.Event()
        self._script_error: Exception | None = None

    def on(self, kind: str, handler: Handler) -> None:
        """Answer events of this kind; the last one registered counts."""
        self._handlers[kind] = handler

    @property
    def url(self) -> str:
        """Return the address as the configuration wants it."""
        return f"tcp://{self.host}:{self.port}"

    @contextlib.asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Serve until the end of the body; port 0 takes a free one."""
        self.host, self.port = host, port
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await self.start()
                yield self
            finally:
                self._nursery = None
                nursery.cancel_scope.cancel(reason="server stopped")
        if self._script_error is not None:
            raise self._script_error

    async def start(self) -> None:
        """Open the port (again), the same as before."""
        assert self._nursery is not None, "start() is for the body of running()"
        assert self._serving is None, "already running"
        await self._nursery.start(self._serve)

    async def stop(self) -> None:
        """Close the port and every connection: new clients are refused until ``start``."""
        if self._serving is not None:
            self._serving.cancel(reason="server stopped")
            await self._stopped.wait()

    async def _serve(self, task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        listeners = list(await trio.open_tcp_listeners(self.port, host=self.host))
        self.port = listeners[0].socket.getsockname()[1]
        with trio.CancelScope() as scope:
            self._serving, self._stopped = scope, trio.Event()
            try:
                await trio.serve_listeners(self._connection, listeners, task_status=task_status)
            finally:
                self._serving = None
                self._stopped.set()

    async def _connection(self, stream: trio.abc.Stream) -> None:
        self.connections += 1
        self.open_connections += 1
        peer = Peer(stream, self.connections)
        try:
            match self.connection_fault:
                case "hang":
                    await peer.hang()
                case "reset":
                    await peer.reset()
                case None:
                    await self._converse(stream, peer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away, or the script ended it
        except Exception as error:
            self._script_error = error  # the close below is a checkpoint: a cancel there would take the error's place
            raise
        finally:
            self.open_connections -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, stream: trio.abc.Stream, peer: Peer) -> None:
        reader = WyomingReader()
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
