"""One websocket of a client: sends never block the server, closes carry a code, and the line can be cut.

The whole server is synchronous between two received messages, so its state cannot change under its feet. What it
says goes through an outbox with a writer task of its own; a client that does not read is cut off.
"""

from __future__ import annotations

import collections
import ssl
from collections.abc import Awaitable, Callable

import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

# A burst (GUILD_CREATE, a replay of 1000 messages) must fit; a client that is so far behind has stopped reading.
_OUTBOX_FRAMES = 2000
_HANDSHAKE_S = 10.0
# A client over loopback answers a close frame within 5 ms; one that hangs must not hold the server.
_CLOSE_S = 1.0

NETWORK_ERRORS = (trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError, h11.RemoteProtocolError)


class CloseWith(Exception):
    """Raised by a dialogue to end it with a close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class HungUp(Exception):
    """The websocket is closed. ``code`` is that of whoever closed first (1006: nobody did, the line is dead)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Network:
    """The way between the clients and here. While it is down nothing passes; TCP connections keep what they carry."""

    def __init__(self) -> None:
        self.is_down = False
        self._is_up = trio.Event()
        self._is_up.set()

    def go(self, *, down: bool) -> None:
        """Break it, or mend it."""
        self.is_down = down
        if not down:
            self._is_up.set()
        elif self._is_up.is_set():
            self._is_up = trio.Event()

    async def wait_until_up(self) -> None:
        """Wait while it is down."""
        while self.is_down:
            await self._is_up.wait()


class Connection:
    """A websocket, server side. All methods but ``receive`` and ``converse`` are synchronous."""

    def __init__(self, stream: trio.abc.Stream, network: Network) -> None:
        self._stream, self._network = stream, network
        self._own_way = Network()
        self._protocol = WSConnection(ConnectionType.SERVER)
        self.path = ""
        self.host = ""  # as the client wrote it in its Host header
        self._outbox, self._outgoing = trio.open_memory_channel[bytes | None](_OUTBOX_FRAMES)
        self._inbox: collections.deque[str | bytes] = collections.deque()
        self._fragments: list[str | bytes] = []
        self._closed_with: int | None = None
        self._is_cut = False
        self._peer_is_done = trio.Event()
        self._written = trio.Event()

    async def shake_hands(self) -> bool:
        """Take the client's request and accept it; False if it is none."""
        with trio.move_on_after(_HANDSHAKE_S):
            while not self.path:
                data = await self._stream.receive_some(65_536)
                if not data:
                    return False
                try:
                    self._protocol.receive_data(bytes(data))
                    for event in self._protocol.events():
                        if isinstance(event, Request):
                            self.path, self.host = event.target, event.host
                            await self._stream.send_all(self._protocol.send(AcceptConnection()))
                except (RemoteProtocolError, LocalProtocolError):
                    return False
        return bool(self.path)

    def send(self, message: str | bytes) -> None:
        """Queue a message; dropped when the line is closing."""
        self._queue(TextMessage(message) if isinstance(message, str) else BytesMessage(message))

    def _queue(self, event: Event) -> None:
        if self._closed_with is not None:
            return
        try:
            self._outbox.send_nowait(self._protocol.send(event))
        except trio.WouldBlock:
            self.cut()
        except LocalProtocolError:
            pass  # the client has closed in the meantime

    def close(self, code: int, reason: str) -> None:
        """Close with a code, after what was sent before; what the client has said in the meantime is not heard."""
        self._inbox.clear()
        self._queue(CloseConnection(code, reason))
        self._end(code)

    def die(self) -> None:
        """Answer nothing any more, and leave the TCP connection as it is: the server at the other end is dead."""
        self._own_way.go(down=True)

    def cut(self) -> None:
        """Drop the TCP connection without a close frame (the client sees 1006)."""
        if self._closed_with is None:
            self._is_cut = True
            self._inbox.clear()
        self._end(1006)

    def _end(self, code: int) -> None:
        if self._closed_with is not None:
            return
        self._closed_with = code
        try:
            self._outbox.send_nowait(None)
        except trio.WouldBlock:
            self._outbox.close()

    async def receive(self) -> str | bytes:
        """Return the next message. Raises: HungUp."""
        while True:
            if self._inbox:
                return self._inbox.popleft()
            if self._peer_is_done.is_set():
                raise HungUp(1006 if self._closed_with is None else self._closed_with)
            try:
                data = await self._stream.receive_some(65_536)
                await self._network.wait_until_up()
                await self._own_way.wait_until_up()
                self._protocol.receive_data(bytes(data) or None)
                for event in self._protocol.events():
                    self._handle(event)
            except (*NETWORK_ERRORS, RemoteProtocolError, LocalProtocolError):
                self._peer_is_done.set()

    def _handle(self, event: Event) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            self._fragments.append(event.data if isinstance(event, TextMessage) else bytes(event.data))
            if event.message_finished:
                whole = self._fragments[0][:0].join(self._fragments)  # type: ignore[arg-type]  # all of one kind
                self._fragments.clear()
                if self._closed_with is None:
                    self._inbox.append(whole)
        elif isinstance(event, Ping):
            self._queue(event.response())
        elif isinstance(event, CloseConnection):
            self._peer_is_done.set()
            if self._closed_with is None:  # the client closes first: answer, and hand over what it said before
                self._queue(event.response())
                self._end(int(event.code))

    async def _write(self) -> None:
        try:
            async for frame in self._outgoing:
                if frame is None or self._is_cut:
                    break
                await self._network.wait_until_up()
                await self._own_way.wait_until_up()
                await self._stream.send_all(frame)
            if not self._is_cut:
                with trio.move_on_after(_CLOSE_S):
                    await self._peer_is_done.wait()
        except NETWORK_ERRORS:
            pass
        finally:
            self._end(1006)
            self._written.set()
            await trio.aclose_forcefully(self._stream)

    async def converse(self, dialogue: Callable[[Connection], Awaitable[None]]) -> None:
        """Run a dialogue to its end; what it raises as ``CloseWith`` goes out as a close frame."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            try:
                await dialogue(self)
            except CloseWith as close:
                self.close(close.code, close.reason)
                nursery.start_soon(self._drain)
            except HungUp:
                pass
            self._end(1000)
            await self._written.wait()
            nursery.cancel_scope.cancel()

    async def _drain(self) -> None:
        """Read on until the client has answered our close frame."""
        try:
            while True:
                await self.receive()
        except HungUp:
            pass


async def serve_websocket(
    stream: trio.abc.Stream, dialogue: Callable[[Connection], Awaitable[None]], network: Network
) -> None:
    """Do the handshake on a fresh stream and hold a dialogue on it."""
    connection = Connection(stream, network)
    try:
        if await connection.shake_hands():
            await connection.converse(dialogue)
    except* NETWORK_ERRORS:
        pass
    finally:
        await trio.aclose_forcefully(stream)
