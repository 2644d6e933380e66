"""A WebSocket client over a Trio stream (TCP, TLS or unix socket), as small as the stages need it.

wsproto does the framing; this module does the I/O and tells failures in words. It has no task of its own: one task of
the caller reads, one writes. trio-websocket 0.12.2 was ruled out: its connect hangs on a peer that accepts and never
answers, or that closes during the handshake (its reader task ends without telling), it cannot dial a unix socket, and
a cancelled send leaves half a frame on the wire that the next message is then read as a part of. Here a cancelled
send marks the connection as torn, and a torn connection carries nothing more.
"""

from __future__ import annotations

import errno
import functools
import os
import socket
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import attrs
import trio
import wsproto
from wsproto import events as ws_events
from wsproto.connection import ConnectionState
from wsproto.utilities import LocalProtocolError, ProtocolError

from voxbridge import __version__
from voxbridge.errors import (
    ConfigError,
    StageError,
    StageName,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)

_READ_BYTES = 65_536
_MESSAGE_BYTES_MAX = 1 << 20  # a transcript of two minutes is some 3 kB
_CLOSE_LIMIT_S = 0.25  # a close over loopback takes 5 ms; a hung peer must not hold a drain


@attrs.frozen
class WsAddress:
    """Where a WebSocket server is. ``uds`` non-empty: its unix socket; the URL then only names host and path."""

    host: str
    port: int
    target: str
    is_tls: bool
    uds: str = ""

    @classmethod
    def parse(cls, stage: StageName, url: str, *, uds: str = "") -> Self:
        """Take a ``ws://`` or ``wss://`` URL apart. Raises: ConfigError."""
        parts = urllib.parse.urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in {"ws", "wss"} or not parts.hostname or port == -1:
            # the value is not shown: it may hold a token
            raise ConfigError("is not a usable address", key=f"{stage}.url", allowed="ws://host:port or wss://host")
        is_tls = parts.scheme == "wss"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, port or (443 if is_tls else 80), target, is_tls, uds)

    @property
    def host_header(self) -> str:
        """Return the value of the Host field: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


@functools.cache
def _default_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class WebSocket:
    """An open connection. One task receives, one sends; ``ping`` may be a third. Made by ``open_websocket``."""

    def __init__(self, stream: trio.abc.Stream, stage: StageName, backend: str) -> None:
        self._stream, self._stage, self._backend = stream, stage, backend
        self._protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._sending = trio.Lock()
        self._is_torn = False
        self._parts: list[Any] = []  # of one message, so all text or all bytes
        self._size = 0
        self._events: Iterator[ws_events.Event] = iter(())
        self._pings_sent = 0
        self._pongs: dict[bytes, trio.Event] = {}

    async def handshake(self, address: WsAddress) -> None:
        """Ask for the upgrade and wait for it. Raises: StageError."""
        headers = [(b"User-Agent", f"VoxBridge/{__version__}".encode())]
        await self._write(ws_events.Request(host=address.host_header, target=address.target, extra_headers=headers))
        refusal: ws_events.RejectConnection | None = None
        while True:
            match await self._next_event():
                case ws_events.AcceptConnection():
                    return
                case ws_events.RejectConnection() as refusal:
                    raise _refused(refusal, self._stage, self._backend)

    async def send(self, *messages: str | bytes) -> None:
        """Send messages, each in a frame of its own, in one write.

        A cancel in the middle tears the connection: no further send works, and it must be closed.

        Raises: StageUnavailable when the connection is gone.
        """
        await self._write(
            *(
                ws_events.TextMessage(data=message)
                if isinstance(message, str)
                else ws_events.BytesMessage(data=message)
                for message in messages
            )
        )

    async def receive(self) -> str | bytes:
        """Return the next message, answering pings on the way.

        Raises: StageUnavailable (the peer closed, or is gone), StageProtocolError.
        """
        while True:
            match await self._next_event():
                case ws_events.TextMessage() | ws_events.BytesMessage() as event:
                    if (message := self._assemble(event)) is not None:
                        return message
                case ws_events.Ping() as ping:
                    await self._write(ping.response())
                case ws_events.Pong() as pong:
                    answered = self._pongs.pop(bytes(pong.payload), None)
                    if answered is not None:
                        answered.set()
                case ws_events.CloseConnection(code=code) as close:
                    if self._protocol.state is not ConnectionState.REMOTE_CLOSING:
                        # wsproto's way to say that it cannot read a frame; the peer did not close
                        detail = f"the server broke the WebSocket protocol (code {code})"
                        raise StageProtocolError(self._stage, detail, backend=self._backend)
                    await self._write(close.response())
                    detail = f"the server closed the connection (code {code})"
                    raise StageUnavailable(self._stage, detail, backend=self._backend)

    async def ping(self) -> None:
        """Send a ping and wait for its pong, which ``receive`` in another task has to read."""
        self._pings_sent += 1
        payload = str(self._pings_sent).encode()
        answered = self._pongs[payload] = trio.Event()
        try:
            await self._write(ws_events.Ping(payload=payload))
            await answered.wait()
        finally:
            self._pongs.pop(payload, None)

    async def aclose(self) -> None:
        """Say goodbye if that is still possible, and close; bounded in time even when cancelled."""
        with trio.move_on_after(_CLOSE_LIMIT_S, shield=True):
            if self._protocol.state is ConnectionState.OPEN and not self._is_torn:
                with suppress(StageError):
                    await self._write(ws_events.CloseConnection(code=1000))
        await trio.aclose_forcefully(self._stream)

    def _assemble(self, event: ws_events.TextMessage | ws_events.BytesMessage) -> str | bytes | None:
        self._size += len(event.data)
        if self._size > _MESSAGE_BYTES_MAX:
            raise StageProtocolError(self._stage, "the server sent a message of over 1 MiB", backend=self._backend)
        self._parts.append(event.data)
        if not event.message_finished:
            return None
        empty = "" if isinstance(event, ws_events.TextMessage) else b""
        message: str | bytes = empty.join(self._parts)
        self._parts, self._size = [], 0
        return message

    async def _next_event(self) -> ws_events.Event:
        try:
            while True:
                for event in self._events:
                    return event
                data = await self._stream.receive_some(_READ_BYTES)
                if not data:
                    raise self._gone()
                self._protocol.receive_data(bytes(data))
                self._events = self._protocol.events()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._gone() from error
        except ProtocolError as error:
            # not chained: the text of h11 and wsproto may quote what came
            raise StageProtocolError(
                self._stage, f"no WebSocket server speaks there ({type(error).__name__})", backend=self._backend
            ) from None

    async def _write(self, *events: ws_events.Event) -> None:
        async with self._sending:
            if self._is_torn:
                raise self._gone()
            self._is_torn = True
            try:
                data = b"".join([self._protocol.send(event) for event in events])
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError, LocalProtocolError) as error:
                raise self._gone() from error
            self._is_torn = False

    def _gone(self) -> StageUnavailable:
        if self._protocol.state is ConnectionState.CONNECTING:
            detail = "the server closed the connection instead of answering the WebSocket upgrade"
        else:
            detail = "the connection to the server was lost"
        return StageUnavailable(self._stage, detail, backend=self._backend)


@asynccontextmanager
async def open_websocket(
    address: WsAddress, *, stage: StageName, backend: str = "", limit_s: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[WebSocket]:
    """Connect within ``limit_s`` seconds, handshake included, and close at the end.

    What the block raises passes untouched.

    Raises: StageTimeout (``connect``), StageUnavailable, StageRefused, StageProtocolError.
    """
    dial = _Dial(address, stage, backend)
    with trio.move_on_after(limit_s) as waiting:
        ws = await dial.connect(tls)
    if waiting.cancelled_caught:
        late = StageTimeout(stage, "connect", limit_s, backend=backend)
        late.detail += f": {dial.doing}"
        raise late
    try:
        yield ws
    finally:
        await ws.aclose()


@attrs.define
class _Dial:
    """The way to an open WebSocket, and how far it has come."""

    address: WsAddress
    stage: StageName
    backend: str
    doing: str = "is the host up, and does a firewall drop packets?"

    async def connect(self, tls: ssl.SSLContext | None) -> WebSocket:
        stream: trio.abc.Stream | None = None
        address = self.address
        try:
            if address.uds:
                stream = await trio.open_unix_socket(address.uds)
            else:
                stream = await trio.open_tcp_stream(address.host, address.port)
            if address.is_tls and not address.uds:
                self.doing = "the TLS handshake was not answered: does the server speak wss on this port?"
                stream = trio.SSLStream(
                    stream, tls or _default_tls(), server_hostname=address.host, https_compatible=True
                )
                await stream.do_handshake()
            self.doing = "the WebSocket upgrade was not answered: does the server hang, or still load its model?"
            ws = WebSocket(stream, self.stage, self.backend)
            await ws.handshake(address)
        except BaseException as error:
            if stream is not None:
                await trio.aclose_forcefully(stream)
            if isinstance(error, OSError | trio.BrokenResourceError):
                raise StageUnavailable(self.stage, why_unreachable(error), backend=self.backend) from error
            raise
        return ws


def _refused(refusal: ws_events.RejectConnection, stage: StageName, backend: str) -> StageError:
    """Say what an HTTP answer instead of the upgrade means."""
    status = refusal.status_code
    kinds = [value for name, value in refusal.headers if name.lower() == b"content-type"]
    if status in {401, 403}:
        return StageRefused(stage, status, f"the server refuses our credentials (HTTP {status})", backend=backend)
    if status >= 500 or status in {408, 425, 429}:
        return StageUnavailable(stage, f"the server cannot serve now (HTTP {status})", backend=backend)
    if 300 <= status < 400:
        detail = f"the server redirects (HTTP {status}), which is not followed; configure the final address"
    elif any(kind.startswith(b"text/html") for kind in kinds):
        detail = f"a web page answers there, not a WebSocket server (HTTP {status}): check port and path"
    else:
        detail = f"the server there does not speak WebSocket on this path (HTTP {status}): check port and path"
    return StageRefused(stage, status, detail, backend=backend)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def why_unreachable(error: BaseException) -> str:
    """Name the root cause of a failed connect in a sentence that says what to look at."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"the server's TLS certificate is not trusted ({cause.verify_message})"
            case ssl.SSLError():
                return "the TLS handshake failed: does the server speak wss on this port?"
            case socket.gaierror():
                return "the host name cannot be resolved: check its spelling and the DNS"
            case ConnectionRefusedError():
                return "connection refused: the server is not running, or listens on another port"
            case FileNotFoundError():
                return "its socket file does not exist: the service is not running"
            case PermissionError():
                return "no permission to open its socket: check the socket's owner and mode"
            case OSError(errno=int(number)) if number in errno.errorcode:
                return f"cannot connect ({os.strerror(number)})"
            case _:
                continue
    return "cannot connect"
