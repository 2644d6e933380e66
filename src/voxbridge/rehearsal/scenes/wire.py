"""A wire between the daemon and a server, that can be made to fail: bytes pass as they are, whatever they mean.

daemon -> 127.0.0.1:port -> Wire -> the server's own address
daemon <- answers, later by ``delay_s``, or as the trouble has it <- server
"""

from __future__ import annotations

import socket
import struct
from typing import Literal

import trio

Trouble = Literal["refuse", "hang", "reset", "cut", "error"]

_READ_BYTES = 65_536
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 20\r\nConnection: close\r\n\r\n"
    b"Service unavailable\n"
)
# What is under way on one connection; a client of ours never has more.
_PIECES_MAX = 1024


class Wire:
    """A relay on a port of this machine. ``delay_s`` holds for every piece of an answer."""

    def __init__(self, host: str, port: int, *, delay_s: float = 0.0) -> None:
        self._host, self._upstream_port, self._delay_s = host, port, delay_s
        self._trouble: Trouble | None = None
        self._after_bytes = 0
        self._connections: set[trio.SocketStream] = set()
        self._is_open, self._is_shut, self._is_mended = trio.Event(), trio.Event(), trio.Event()
        self.port = 0

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Relay until cancelled; started, with the port, once it listens."""
        self._is_open.set()
        while True:
            await self._is_open.wait()
            (listener,) = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
            self.port = listener.socket.getsockname()[1]
            if task_status is not trio.TASK_STATUS_IGNORED:
                task_status.started(self.port)
                task_status = trio.TASK_STATUS_IGNORED
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, self._relay, [listener])
                await self._is_shut.wait()
                nursery.cancel_scope.cancel(reason="the port is closed")

    async def fail(self, how: Trouble, *, after_bytes: int = 0) -> None:
        """Begin to fail: connections that there are as well."""
        await self.mend()
        self._trouble, self._after_bytes, self._is_mended = how, after_bytes, trio.Event()
        if how == "refuse":
            self._is_open = trio.Event()
            self._is_shut.set()
        if how in ("refuse", "reset", "error"):
            for stream in list(self._connections):
                await _reset(stream)

    async def mend(self) -> None:
        """Work again."""
        if self._trouble == "refuse":
            self._is_shut = trio.Event()
            self._is_open.set()
        self._trouble = None
        self._is_mended.set()
        await trio.lowlevel.checkpoint()

    async def _relay(self, client: trio.SocketStream) -> None:
        self._connections.add(client)
        try:
            if self._trouble == "reset":
                await _reset(client)
            elif self._trouble == "error":
                await client.receive_some(_READ_BYTES)
                await client.send_all(_UNAVAILABLE)
            else:
                await self._connect(client)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # either end has gone, or we have hung up
        finally:
            self._connections.discard(client)
            await trio.aclose_forcefully(client)

    async def _connect(self, client: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream(self._host, self._upstream_port)
        async with server, trio.open_nursery() as nursery:
            pieces, pieces_due = trio.open_memory_channel[tuple[float, bytes]](_PIECES_MAX)
            nursery.start_soon(self._ask, client, server)
            nursery.start_soon(self._take, server, pieces)
            async with pieces_due:
                await self._answer(client, pieces_due)
            nursery.cancel_scope.cancel(reason="the server has hung up")

    async def _ask(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        while data := await client.receive_some(_READ_BYTES):
            if self._trouble == "error":
                await client.send_all(_UNAVAILABLE)
                await trio.aclose_forcefully(client)
            await server.send_all(data)
        await trio.aclose_forcefully(server)

    async def _take(self, server: trio.SocketStream, pieces: trio.MemorySendChannel[tuple[float, bytes]]) -> None:
        async with pieces:
            while data := await server.receive_some(_READ_BYTES):
                await pieces.send((trio.current_time() + self._delay_s, bytes(data)))

    async def _answer(self, client: trio.SocketStream, pieces: trio.MemoryReceiveChannel[tuple[float, bytes]]) -> None:
        passed = 0
        async for due_at, data in pieces:
            await trio.sleep_until(due_at)
            while self._trouble == "hang":
                await self._is_mended.wait()
            if self._trouble == "cut":
                await client.send_all(data[: max(0, self._after_bytes - passed)])
                passed += len(data)
                if passed >= self._after_bytes:
                    return
                continue
            await client.send_all(data)


async def _reset(stream: trio.SocketStream) -> None:
    """Close so that the peer sees a reset instead of an end."""
    # Lingering for zero seconds makes close() send RST (socket(7)).
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(stream)
