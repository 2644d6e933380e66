"""A small HTTP/1.1 server for simulated backends, which must be able to misbehave byte by byte.

A handler is ``async def handler(request, reply)``. It decides each write on the connection: the head alone,
one chunk at a time, several in one TCP segment or one in many; and how it goes wrong: ``cut`` (close without
the last chunk), ``reset`` (RST), ``hang``, ``raw`` (bytes that are no HTTP at all).

    server = HttpServer()
    server.route("POST", "/speak", handler)
    async with server.running() as server:
        ... server.url ...

It runs on any Trio stream, so the same handler serves a kernel socket, a unix socket and the in-memory network
in virtual time. While a handler runs, the connection is being read: a client that leaves is noticed at once,
counted, and the handler is cancelled, as ASGI servers do with a streaming response.
"""

from __future__ import annotations

import contextlib
import email.message
import email.parser
import json
import math
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NoReturn

import attrs
import h11
import trio

from voxbridge.testing.servers.listening import READ_BYTES, ListeningServer, reset_stream

Headers = Sequence[tuple[str, str]]


@attrs.frozen
class Request:
    """One request, body included. Header names are lower case; of a repeated field the last value counts."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    """Trio time at which the last byte of the body was in, in seconds."""
    connection: int
    """Number of the connection it came on, from 1: two requests with the same one used keep-alive."""

    @property
    def path(self) -> str:
        """Return the decoded path, without the query."""
        return urllib.parse.unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """Return the fields of the query."""
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def content_type(self) -> str:
        """Return the media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> object:
        """Return the body as JSON. Raises: ValueError."""
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        """Return the fields of a form, urlencoded or multipart (of a file, its name); all else is an empty form."""
        if self.content_type == "application/x-www-form-urlencoded":
            return dict(urllib.parse.parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        if self.content_type == "multipart/form-data":
            head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
            return dict(_multipart_fields(email.parser.BytesParser().parsebytes(head + self.body)))
        return {}


def _multipart_fields(message: email.message.Message) -> Iterable[tuple[str, str]]:
    """Yield name and text of each field; of a file, name and file name."""
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            yield name, part.get_filename() or content.decode("utf-8", "replace")


class Reply:
    """Writes the answer to one request; each call is one write on the connection unless told otherwise.

    ``piece_bytes`` cuts every write into pieces of that many bytes, ``piece_gap_s`` apart.
    """

    def __init__(self, connection: h11.Connection, stream: trio.abc.Stream) -> None:
        self._connection, self._stream = connection, stream
        self._held: bytearray | None = None
        self._is_raw = False
        self.piece_bytes: int | None = None
        self.piece_gap_s = 0.0
        self.has_head = False
        self.is_over = False
        """The answer is complete, or was cut or reset on purpose: a client that leaves now is no disconnect."""

    @property
    def can_keep_alive(self) -> bool:
        """Tell whether another request may follow on the same connection."""
        return not self._is_raw and self._connection.our_state is h11.DONE and self._connection.their_state is h11.DONE

    async def head(self, status: int = 200, headers: Headers = (), *, length: int | None = None) -> None:
        """Send the status line and the headers alone; chunked unless ``length`` (bytes of the body) is given."""
        self.has_head = True
        fields = list(headers) if length is None else [*headers, ("content-length", str(length))]
        await self._event(h11.Response(status_code=status, headers=fields))

    async def chunk(self, data: bytes) -> None:
        """Send a piece of the body: one HTTP chunk if the answer is chunked. Empty data sends nothing."""
        if data:  # an empty HTTP chunk would end the body
            await self._event(h11.Data(data=data))

    async def end(self) -> None:
        """End the body. (After ``raw`` the connection's close ends it.)"""
        if not self._is_raw:
            await self._event(h11.EndOfMessage())
        self.is_over = True

    async def send(
        self, status: int = 200, body: bytes = b"", content_type: str = "text/plain", headers: Headers = ()
    ) -> None:
        """Send a whole answer with its length, in one write."""
        async with self.coalesced():
            await self.head(status, [("content-type", content_type), *headers], length=len(body))
            await self.chunk(body)
            await self.end()

    async def send_json(self, value: object, status: int = 200, headers: Headers = ()) -> None:
        """Send a whole JSON answer, spelt as Starlette spells it: no spaces, no ASCII escapes."""
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        await self.send(status, body, "application/json", headers)

    async def raw(self, data: bytes) -> None:
        """Send bytes outside HTTP's rules; the connection is closed after this answer."""
        self._is_raw = self.has_head = True
        await self._write(data)

    @contextlib.asynccontextmanager
    async def coalesced(self) -> AsyncIterator[None]:
        """Hold what is sent inside and put it on the wire in one write at the end."""
        if self._held is not None:
            yield
            return
        self._held = bytearray()
        yield
        held, self._held = bytes(self._held), None
        await self._write(held)

    async def cut(self) -> None:
        """Close the connection here, whatever was promised: the client sees a truncated body, or no answer."""
        self.is_over = self._is_raw = True
        await self._stream.aclose()

    async def reset(self) -> None:
        """Reset the connection (RST): the client's next read or write fails, unread data is lost."""
        self.is_over = self._is_raw = True
        await reset_stream(self._stream)

    async def hang(self) -> NoReturn:
        """Say nothing more until the client leaves or the server stops."""
        await trio.sleep_forever()
        raise AssertionError("unreachable")

    async def _event(self, event: h11.Event) -> None:
        data = self._connection.send(event)
        if data:
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            return
        size = self.piece_bytes or len(data) or 1
        for start in range(0, len(data), size):
            if start and self.piece_gap_s:
                await trio.sleep(self.piece_gap_s)
            await self._stream.send_all(data[start : start + size])


Handler = Callable[[Request, Reply], Awaitable[None]]


class HttpServer(ListeningServer):
    """Serves scripted routes and counts what clients do.

    A subclass or a test adds routes; unknown paths get FastAPI's 404 and 405.
    """

    scheme = "http"

    def __init__(self) -> None:
        super().__init__()
        self._routes: dict[str, dict[str, Handler]] = {}
        self._idle: set[trio.CancelScope] = set()
        self.instead: Handler | None = None
        """Answers every request, whatever its path, while it is set: a server that has gone wrong as a whole."""
        self.keep_alive_s = math.inf
        """How long an idle connection is kept, in seconds."""
        self.requests: list[Request] = []
        self.in_flight = 0
        self.in_flight_max = 0
        """The largest number of requests that were being answered at one time."""
        self.disconnects = 0
        """Clients that left before their answer was complete."""
        self.bad_requests = 0
        """Connections closed for something that is no HTTP."""

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Answer ``method`` on ``path`` (decoded, without query) with ``handler``; the last one registered counts."""
        self._routes.setdefault(path, {})[method.upper()] = handler

    def close_idle(self) -> None:
        """Close the connections that wait for a next request, as a server with a short keep-alive does."""
        for scope in self._idle:
            scope.cancel(reason="keep-alive over")

    async def _converse(self, stream: trio.abc.Stream, number: int) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            try:
                request = await self._next_request(connection, stream, number)
            except h11.RemoteProtocolError as error:
                self.bad_requests += 1
                if connection.our_state is h11.IDLE or connection.our_state is h11.SEND_RESPONSE:
                    await Reply(connection, stream).send(error.error_status_hint, b"Invalid HTTP request received.")
                return
            if request is None:
                return
            self.requests.append(request)
            reply = Reply(connection, stream)
            await self._answer(request, reply, connection, stream)
            if not reply.can_keep_alive:
                return
            connection.start_next_cycle()

    async def _next_request(self, connection: h11.Connection, stream: trio.abc.Stream, number: int) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    go_on = connection.send(h11.InformationalResponse(status_code=100, headers=[]))
                    await stream.send_all(go_on or b"")
                data = await (self._receive_idle(stream) if head is None else stream.receive_some(READ_BYTES))
                connection.receive_data(bytes(data))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                return Request(
                    method=head.method.decode("ascii"),
                    target=head.target.decode("ascii", "replace"),
                    headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
                    body=bytes(body),
                    received_at=trio.current_time(),
                    connection=number,
                )
            else:
                return None  # h11.ConnectionClosed

    async def _receive_idle(self, stream: trio.abc.Stream) -> bytes:
        with trio.move_on_after(self.keep_alive_s) as scope:
            self._idle.add(scope)
            try:
                return bytes(await stream.receive_some(READ_BYTES))
            finally:
                self._idle.discard(scope)
        return b""  # our side is tired of waiting: as if the client had closed

    async def _answer(
        self, request: Request, reply: Reply, connection: h11.Connection, stream: trio.abc.Stream
    ) -> None:
        """Run the handler while a second task watches for the client's leaving."""
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, reply, connection, stream, nursery.cancel_scope)
                try:
                    await (self.instead or self._handler_for(request))(request, reply)
                    if not reply.is_over:
                        assert reply.has_head, f"the handler of {request.method} {request.path} sent nothing"
                        await reply.end()
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    # A write met a closed connection. If the script closed it, that is its end; else the client did.
                    self._note_gone(reply)
                nursery.cancel_scope.cancel(reason="answered")
        finally:
            self.in_flight -= 1

    async def _watch(
        self, reply: Reply, connection: h11.Connection, stream: trio.abc.Stream, answering: trio.CancelScope
    ) -> None:
        try:
            while data := await stream.receive_some(READ_BYTES):
                connection.receive_data(bytes(data))  # a pipelined request: h11 keeps it for the next cycle
        except trio.BrokenResourceError:
            pass
        except trio.ClosedResourceError:
            return  # the script closed it
        self._note_gone(reply)
        answering.cancel(reason="client left")

    def _note_gone(self, reply: Reply) -> None:
        if not reply.is_over:
            reply.is_over = True
            self.disconnects += 1

    def _handler_for(self, request: Request) -> Handler:
        methods = self._routes.get(request.path)
        if methods is None:
            return _not_found
        return methods.get(request.method, _wrong_method)


async def _not_found(_request: Request, reply: Reply) -> None:
    await reply.send_json({"detail": "Not Found"}, 404)


async def _wrong_method(_request: Request, reply: Reply) -> None:
    await reply.send_json({"detail": "Method Not Allowed"}, 405)
