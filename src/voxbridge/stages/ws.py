"""A WebSocket client over a Trio stream (TCP, TLS or unix socket), as small as the stages need it.

trio-websocket speaks the protocol and runs the reader; this module dials, tells failures in words, and keeps four
promises that trio-websocket 0.12.2 cannot keep by itself. All four are kept from below: the library is given a stream
of ours (``_Tap``) that watches what goes over it, so nothing private is touched.

- Its handshake waits for ever if the peer closes, or breaks, before it has answered: its reader ends without telling.
  The tap raises instead, which ends the reader's nursery. A peer that accepts and never answers is left at the limit,
  because the nursery is ours: the library's own ``open_websocket`` waits for its reader also then.
- ``ConnectionRejected`` comes with the end of the refusal's body, so never if only a close ends the body, and late if
  it drips. The tap reads the head of the answer, and refuses when that is in.
- A cancelled ``send_message`` leaves half a frame on the wire, and the next message is read as the rest of it. The tap
  carries nothing more after a write that was cut off, and a torn connection is not closed politely.
- A close is not marked with who wanted it: the peer, or the frame parser that could not read on (wsproto reports both
  as one event). The tap knows whether a close frame was sent in answer.
"""

from __future__ import annotations

import logging
import re
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NoReturn, Self

import attrs
import trio
import trio_websocket
from wsproto.utilities import ProtocolError

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
from voxbridge.stages.http import ssl_context
from voxbridge.stages.http_status import retry_after_s
from voxbridge.stages.reasons import causes, why_unreachable

# What is read at once is taken apart in one step: 64 KiB of empty fragments were 220 ms of it. Messages are short.
_READ_BYTES = 2048
_MESSAGE_BYTES_MAX = 1 << 20  # a transcript of two minutes is some 3 kB
# Messages read ahead of ``receive``. The library's reader also answers the pings and stops while the queue is full, so
# one slow step of ours must not fill it; a server that floods us is slowed down by it all the same.
_QUEUE_MESSAGES = 64
_CLOSE_LIMIT_S = 0.25  # a close over loopback takes 5 ms; a hung peer must not hold a drain
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_SWITCHING_PROTOCOLS = 101
_CLOSE_FRAME = 0x88  # FIN and opcode 8 (RFC 6455, section 5.2): the first byte of a close frame
_OWN_CODES = 4000  # from here on close codes belong to applications (RFC 6455 section 7.4.2)
_NO_CLOSE_FRAME, _TOO_BIG = 1006, 1009  # close codes that never, or not here, come from the peer (section 7.4.1)

# It logs the reason text of closes, which a server is free to fill with anything.
logging.getLogger("trio-websocket").setLevel(logging.WARNING)


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
        ascii_target = urllib.parse.quote(target, safe="/?%!$&'()*+,;=:@[]~")
        return cls(parts.hostname, port or (443 if is_tls else 80), ascii_target, is_tls, uds)

    @property
    def host_header(self) -> str:
        """Return the value of the Host field: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


class _Tap(trio.abc.Stream):
    """The stream under the library: see the head of this module for what it watches for."""

    def __init__(self, stream: trio.abc.Stream, stage: StageName, backend: str) -> None:
        self._stream, self._stage, self._backend = stream, stage, backend
        self._head: bytearray | None = bytearray()  # of the answer to the upgrade; None when that is in
        self._held: bytearray | None = None
        self._writing = trio.Lock()  # a flush is ours, a pong is the library's reader's
        self.is_torn = False
        self.has_sent_close = False
        self.on_close_sent = trio.CancelScope()
        """Cancelled when a close frame is out: whoever says goodbye waits no longer."""

    def hold(self) -> None:
        """Keep what is written from now on until ``flush``: many frames then cost one system call."""
        self._held = bytearray()

    async def flush(self) -> None:
        """Write what was held, and hold no longer."""
        held, self._held = self._held, None
        if held:
            await self._write(held)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write one frame (or the request)."""
        self.has_sent_close = self.has_sent_close or data[0] == _CLOSE_FRAME
        if self._held is not None:
            self._held += data
            return
        await self._write(data)

    async def _write(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._writing.acquire_nowait()  # the usual case: no trip through the scheduler
        except trio.WouldBlock:
            await self._writing.acquire()
        try:
            if self.is_torn:
                raise trio.BrokenResourceError
            self.is_torn = True
            await self._stream.send_all(data)
            self.is_torn = False
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            if self._head is not None:
                raise self._hung_up() from error
            raise
        finally:
            self._writing.release()
        if self.has_sent_close:
            self.on_close_sent.cancel(reason="left")

    async def wait_send_all_might_not_block(self) -> None:
        """Pass on to the stream."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Read. Raises: StageError, before the upgrade is answered, for anything but an answer that accepts it."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            if self._head is not None:
                raise self._hung_up() from error
            raise
        if self._head is not None:
            if not data:
                raise self._hung_up()
            self._read_head(self._head, data)
        return data

    def _read_head(self, head: bytearray, data: bytes | bytearray) -> None:
        head += data
        end = head.find(b"\r\n\r\n")
        status = _STATUS_LINE.match(head)
        if end < 0:
            return  # the library has its own limit for a head
        self._head = None
        if status is not None and int(status[1]) != _SWITCHING_PROTOCOLS:
            raise refused_upgrade(int(status[1]), bytes(head[:end]), self._stage, self._backend)

    def _hung_up(self) -> StageUnavailable:
        detail = "the server closed the connection instead of answering the WebSocket upgrade"
        return StageUnavailable(self._stage, detail, backend=self._backend)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


class WebSocket:
    """An open connection. One task receives, one sends; ``ping`` may be a third. Made by ``open_websocket``."""

    def __init__(
        self, connection: trio_websocket.WebSocketConnection, tap: _Tap, stage: StageName, backend: str
    ) -> None:
        self._connection, self._tap = connection, tap
        self._stage, self._backend = stage, backend

    @property
    def close_code(self) -> int | None:
        """Return the code that the peer closed with, if it has."""
        reason = self._connection.closed
        # The library knows the peer's code before it has answered the close; those from 4000 on are never its own.
        is_peers = reason is not None and (self._tap.has_sent_close or reason.code >= _OWN_CODES)
        return reason.code if reason is not None and is_peers else None

    async def send(self, *messages: str | bytes) -> None:
        """Send messages, each in a frame of its own, in one write.

        A cancel in the middle tears the connection: no further send works, and it must be closed.

        Raises: StageUnavailable when the connection is gone; why it is, ``receive`` knows better.
        """
        is_done = False
        try:
            if len(messages) > 1:
                self._tap.hold()
            for message in messages:
                await self._connection.send_message(message)
            await self._tap.flush()
            is_done = True
        except trio_websocket.ConnectionClosed as closed:
            raise self._closed(closed.reason) from None
        except (trio.BrokenResourceError, trio.ClosedResourceError, ProtocolError) as error:
            raise self._gone() from error
        finally:
            self._tap.is_torn = self._tap.is_torn or not is_done

    async def receive(self) -> str | bytes:
        """Return the next message. Raises: StageUnavailable (the peer closed, or is gone), StageProtocolError."""
        try:
            return await self._connection.get_message()
        except trio_websocket.ConnectionClosed as closed:
            self._raise_closed(closed.reason)

    async def ping(self) -> None:
        """Send a ping and wait for its pong.

        Messages that nobody receives hold the pong up. Raises: StageUnavailable when the connection is gone already;
        of one that breaks while it waits, ``receive`` tells.
        """
        try:
            await self._connection.ping()
        except trio_websocket.ConnectionClosed as closed:
            raise self._closed(closed.reason) from None

    async def aclose(self) -> None:
        """Say goodbye if that is still possible, and close; bounded in time even when cancelled.

        The peer's goodbye is not waited for: it has nothing to say that anybody wants to hear.
        """
        with trio.move_on_after(_CLOSE_LIMIT_S, shield=True):
            if not self._tap.is_torn and not self._tap.has_sent_close:
                with self._tap.on_close_sent, suppress(ProtocolError):
                    await self._connection.aclose()
        await trio.aclose_forcefully(self._tap)

    def _raise_closed(self, reason: trio_websocket.CloseReason | None) -> NoReturn:
        if reason is None or reason.code == _NO_CLOSE_FRAME:
            raise self._closed(reason) from None
        # The library's own words; a peer that closes with the same ones is told by nothing else.
        if reason.code == _TOO_BIG and (reason.reason or "").startswith("Exceeded maximum message size"):
            detail = "the server sent a message larger than 1 MiB"
            raise StageProtocolError(self._stage, detail, backend=self._backend) from None
        if not self._tap.has_sent_close:
            detail = f"the server broke the WebSocket protocol (code {reason.code})"
            raise StageProtocolError(self._stage, detail, backend=self._backend) from None
        raise self._closed(reason) from None

    def _closed(self, reason: trio_websocket.CloseReason | None) -> StageUnavailable:
        if reason is None or reason.code == _NO_CLOSE_FRAME:
            return self._gone()
        detail = f"the server closed the connection (code {reason.code})"
        return StageUnavailable(self._stage, detail, backend=self._backend)

    def _gone(self) -> StageUnavailable:
        return StageUnavailable(self._stage, "the connection to the server was lost", backend=self._backend)


@asynccontextmanager
async def open_websocket(
    address: WsAddress,
    *,
    stage: StageName,
    backend: str = "",
    limit_s: float,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[WebSocket]:
    """Connect within ``limit_s`` seconds, handshake included, and close at the end.

    ``headers`` go with the request (a token, say). What the block raises passes untouched.

    Raises: StageTimeout (``connect``), StageUnavailable, StageRefused, StageProtocolError.
    """
    dial = _Dial(address, stage, backend)
    with trio.move_on_after(limit_s) as waiting:
        stream = await dial.connect(tls)
    if waiting.cancelled_caught:
        raise dial.too_late(limit_s)
    tap = _Tap(stream, stage, backend)
    failure: StageError | None = None
    raised: BaseException | None = None
    try:
        async with trio.open_nursery() as reader:
            # The same limit goes on, inside: the nursery outlives it, and waits for a reader that nobody cancels.
            with trio.move_on_at(waiting.deadline) as upgrading:
                connection = await trio_websocket.wrap_client_stream(
                    reader,
                    tap,  # type: ignore[arg-type] # any stream will do, says its documentation
                    address.host_header,
                    address.target,
                    extra_headers=_header_fields(headers or {}),
                    message_queue_size=_QUEUE_MESSAGES,
                    max_message_size=_MESSAGE_BYTES_MAX,
                    receive_buffer_size=_READ_BYTES,
                )
            if upgrading.cancelled_caught:
                failure = dial.too_late(limit_s)
            else:
                ws = WebSocket(connection, tap, stage, backend)
                try:
                    yield ws
                except trio.Cancelled:
                    raise
                except BaseException as error:  # noqa: BLE001 -- raised again below, outside of the nursery's group
                    raised = error
                finally:
                    await ws.aclose()
            reader.cancel_scope.cancel(reason="left")
    except* Exception as group:  # noqa: BLE001 -- the reader's: whatever stops it is something that the peer sent
        failure = _told(group, stage, backend)
    finally:
        await trio.aclose_forcefully(stream)
        if raised is not None:
            raise raised
    if failure is not None:
        raise failure


def _header_fields(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    fields = {"User-Agent": f"VoxBridge/{__version__}", **headers}
    return [(name.encode(), value.encode()) for name, value in fields.items()]


def _told(group: BaseExceptionGroup[Exception], stage: StageName, backend: str) -> StageError:
    for error in causes(group):
        if isinstance(error, StageError):
            return error
    # not chained: the text of h11 and wsproto may quote what came
    kind = type(group.exceptions[0]).__name__
    return StageProtocolError(stage, f"no WebSocket server speaks there ({kind})", backend=backend)


@attrs.define
class _Dial:
    """The way to an open stream, and how far it has come."""

    address: WsAddress
    stage: StageName
    backend: str
    doing: str = "is the host up, and does a firewall drop packets?"

    async def connect(self, tls: ssl.SSLContext | None) -> trio.abc.Stream:
        """Return the stream. Raises: StageUnavailable."""
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
                    stream, tls or ssl_context(), server_hostname=address.host, https_compatible=True
                )
                await stream.do_handshake()
        except BaseException as error:
            if stream is not None:
                await trio.aclose_forcefully(stream)
            if isinstance(error, OSError | trio.BrokenResourceError):
                raise StageUnavailable(
                    self.stage, why_unreachable(error, tls_scheme="wss"), backend=self.backend
                ) from error
            raise
        self.doing = "the WebSocket upgrade was not answered: does the server hang, or still load its model?"
        return stream

    def too_late(self, limit_s: float) -> StageTimeout:
        """Return the error for a connection that was not open in time."""
        late = StageTimeout(self.stage, "connect", limit_s, backend=self.backend)
        late.detail += f": {self.doing}"
        return late


def refused_upgrade(status: int, head: bytes, stage: StageName, backend: str) -> StageError:
    """Say what an HTTP answer instead of the upgrade means; ``head`` is all of it up to the blank line."""
    fields = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    headers = {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, _, value in fields}
    if status in {401, 403}:
        return StageRefused(stage, status, f"the server refuses our credentials (HTTP {status})", backend=backend)
    if status >= 500 or status in {408, 425, 429}:
        detail = f"the server cannot serve now (HTTP {status})"
        return StageUnavailable(stage, detail, backend=backend, retry_after_s=retry_after_s(headers))
    if 300 <= status < 400:
        detail = f"the server redirects (HTTP {status}), and redirects are not followed: configure the final address"
    elif headers.get("content-type", "").partition(";")[0].strip().lower() == "text/html":
        detail = f"a web page answers there, not a WebSocket server (HTTP {status}): check port and path"
    else:
        detail = f"the server there does not speak WebSocket on this path (HTTP {status}): check port and path"
    return StageRefused(stage, status, detail, backend=backend)
