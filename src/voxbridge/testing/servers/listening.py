"""What the simulated servers share: a port that opens and closes, connections that are counted, and faults on them.

    async with server.running() as server:
        ... server.url ...
        await server.stop()                            # refused from now on
        await server.start()                           # at the same address

It runs on any Trio stream: kernel sockets, unix sockets and the in-memory network in virtual time.
"""

from __future__ import annotations

import contextlib
import pathlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import ClassVar, Literal, Self

import trio

ConnectionFault = Literal["hang", "close", "reset"]

READ_BYTES = 65_536


class ListeningServer:
    """A server that can be started and stopped inside ``running``; the subclasses converse.

    An exception in a conversation is a fault of the script and ends the run.
    """

    scheme: ClassVar[str]
    """Of ``url``."""

    def __init__(self) -> None:
        self.host, self.port, self.uds = "127.0.0.1", 0, ""
        self.connection_fault: ConnectionFault | None = None
        """What happens to new connections instead of being served (the port is open, the server is not there)."""
        self.connections = 0
        """Connections accepted so far."""
        self.open_connections = 0
        self._nursery: trio.Nursery | None = None
        self._serving: trio.CancelScope | None = None
        self._stopped = trio.Event()
        self._script_error: Exception | None = None

    @property
    def url(self) -> str:
        """Return the base URL, without a slash at its end. Over a unix socket the host is only a name."""
        return f"{self.scheme}://engines" if self.uds else f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Tell whether the port is open now."""
        return self._serving is not None

    @contextlib.asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0, *, uds: str = "") -> AsyncIterator[Self]:
        """Serve on ``host``:``port`` (0 takes a free one) or on the unix socket ``uds`` until the end of the body."""
        self.host, self.port, self.uds = host, port, uds
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
        """Open the port (again), the same as before. Returns when clients can connect."""
        assert self._nursery is not None, "start() is for the body of running()"
        assert self._serving is None, "already running"
        await self._nursery.start(self._serve)

    async def stop(self) -> None:
        """Close the port and every connection, as a killed process does: new clients are refused until ``start``."""
        if self._serving is not None:
            self._serving.cancel(reason="server stopped")
            await self._stopped.wait()

    async def handle(self, stream: trio.abc.Stream) -> None:
        """Serve one connection on a stream of any kind until either end closes it."""
        self.connections += 1
        number = self.connections
        self.open_connections += 1
        try:
            match self.connection_fault:
                case "hang":
                    while await stream.receive_some(READ_BYTES):
                        pass
                case "reset":
                    await reset_stream(stream)
                case None:
                    await self._converse(stream, number)
                case "close":
                    pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away, or the script cut the connection
        except Exception as error:
            # Kept, because the close below is a checkpoint: a cancel there would take the error's place.
            self._script_error = error
            raise
        finally:
            self.open_connections -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, stream: trio.abc.Stream, number: int) -> None:
        """Talk to a client until the conversation is over; ``number`` is the connection's, from 1."""
        raise NotImplementedError

    async def _serve(self, task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        listeners = await self._listen()
        with trio.CancelScope() as scope:
            self._serving, self._stopped = scope, trio.Event()
            try:
                await trio.serve_listeners(self.handle, listeners, task_status=task_status)
            finally:
                self._serving = None
                self._stopped.set()

    async def _listen(self) -> list[trio.SocketListener]:
        if self.uds:
            return [await _unix_listener(self.uds)]
        listeners = list(await trio.open_tcp_listeners(self.port, host=self.host))
        self.port = listeners[0].socket.getsockname()[1]
        return listeners


async def reset_stream(stream: trio.abc.Stream) -> None:
    """Close so that the peer sees a reset instead of an end of file."""
    if isinstance(stream, trio.SocketStream):
        abort = getattr(stream.socket, "abort", None)  # the in-memory socket's own way
        if abort is not None:
            abort()
        elif stream.socket.family in (socket.AF_INET, socket.AF_INET6):
            # Lingering for zero seconds makes close() send RST and throw unsent data away (socket(7)).
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(stream)


async def _unix_listener(path: str) -> trio.SocketListener:
    _remove_left_over(path)
    listening = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await listening.bind(path)
    listening.listen()
    return trio.SocketListener(listening)


def _remove_left_over(path: str) -> None:
    # Not trio.Path: it goes through a thread, which an autojump clock does not wait for.
    pathlib.Path(path).unlink(missing_ok=True)
