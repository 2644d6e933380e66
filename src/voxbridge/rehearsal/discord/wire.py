"""One websocket of a client: sends never block the server, closes carry a code, and the line can be cut.

The whole server is synchronous between two received messages, so its state cannot change under its feet. What it
says goes through an outbox with a writer task of its own; a client that does not read is cut off.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import attrs
import h11
import trio
import trio_websocket

# A burst (GUILD_CREATE, a replay of 1000 messages) must fit; a client that is so far behind has stopped reading.
_OUTBOX_MESSAGES = 2000
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
    """The client has closed the websocket, or we have. ``code`` is the client's own (1006: none)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@attrs.frozen
class _Close:
    code: int
    reason: str


class Connection:
    """A websocket after its handshake. All methods but ``receive`` are synchronous."""

    def __init__(self, websocket: trio_websocket.WebSocketConnection, stream: trio.abc.Stream, host: str) -> None:
        self._websocket, self._stream = websocket, stream
        self.path: str = websocket.path or "/"
        self.host = host  # as the client wrote it in its Host header
        self._outbox, self._outgoing = trio.open_memory_channel[str | bytes | _Close | None](_OUTBOX_MESSAGES)
        self._is_closing = False
        self._own_code = 0  # with which we have closed; trio-websocket reports 1000 for that
        self._finished = trio.Event()

    @property
    def is_open(self) -> bool:
        """Tell whether a message sent now still has a chance."""
        return not self._is_closing and not self._websocket.closed

    def send(self, message: str | bytes) -> None:
        """Queue a message; dropped when the line is closing."""
        if self._is_closing:
            return
        try:
            self._outbox.send_nowait(message)
        except trio.WouldBlock:
            self.cut()

    def close(self, code: int, reason: str) -> None:
        """Close with a code, after what was sent before."""
        self._end(_Close(code, reason))

    def cut(self) -> None:
        """Drop the TCP connection without a close frame (the client sees 1006)."""
        self._end(None)

    def _end(self, how: _Close | None) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        self._own_code = how.code if how is not None else 1006
        try:
            self._outbox.send_nowait(how)
        except trio.WouldBlock:
            self._outbox.close()

    async def receive(self) -> str | bytes:
        """Return the next message. Raises: HungUp."""
        try:
            message: str | bytes = await self._websocket.get_message()
        except trio_websocket.ConnectionClosed as error:
            theirs = error.reason.code if error.reason is not None else 1006
            raise HungUp(self._own_code or theirs) from None
        return message

    async def _write(self) -> None:
        try:
            async for message in self._outgoing:
                if isinstance(message, _Close):
                    with trio.move_on_after(_CLOSE_S):
                        await self._websocket.aclose(message.code, message.reason)
                    break
                if message is None:
                    break
                await self._websocket.send_message(message)
        except trio_websocket.ConnectionClosed:
            pass
        finally:
            self._is_closing = True
            self._finished.set()
            await trio.aclose_forcefully(self._stream)

    async def converse(self, dialogue: Callable[[Connection], Awaitable[None]]) -> None:
        """Run a dialogue to its end; what it raises as ``CloseWith`` goes out as a close frame."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            try:
                await dialogue(self)
            except CloseWith as close:
                self.close(close.code, close.reason)
            except HungUp:
                pass
            if self._is_closing:
                await self._finished.wait()
            nursery.cancel_scope.cancel()


async def _shake_hands(nursery: trio.Nursery, stream: trio.abc.Stream) -> Connection:
    request = await trio_websocket.wrap_server_stream(nursery, stream)
    headers = {name.lower(): value for name, value in request.headers}
    return Connection(await request.accept(), stream, headers.get(b"host", b"").decode("latin-1"))


async def serve_websocket(stream: trio.abc.Stream, dialogue: Callable[[Connection], Awaitable[None]]) -> None:
    """Do the handshake on a fresh stream and hold a dialogue on it."""
    try:
        async with trio.open_nursery() as nursery:
            connection = None
            with trio.move_on_after(_HANDSHAKE_S):
                connection = await _shake_hands(nursery, stream)
            if connection is not None:
                await connection.converse(dialogue)
            nursery.cancel_scope.cancel()
    except* NETWORK_ERRORS:
        pass
    finally:
        await trio.aclose_forcefully(stream)
