"""HTTP for the stages: warm clients, and what goes wrong with a connection told in our own words.

    httpx.Request --> Client --> httpcore's pool --> one write --> server
    httpx.Response <------------ httpcore's pool <-- pieces of the body as they come

The one module that imports httpx, so that its successor can take its place by changing one line. httpx's own client
would add cookies, redirects, proxies and authentication; a stage wants none of them, and they cost 0.3 ms a request.
Nothing here puts a URL, a header or a body of ours into a message: an n8n webhook URL is a password, a request holds
what was said.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import logging
import math
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import httpcore
import httpx  # flake8-async's ASYNC127 names its successor; the head of this module says why it is here alone
import trio

from voxbridge import __version__
from voxbridge.core.wire.quote import ERROR_BODY_BYTES_MAX, NOTHING_HIDDEN, Hidden
from voxbridge.errors import ConfigError, StageName, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.connections import Connections, Stream
from voxbridge.stages.http_status import status_error
from voxbridge.stages.reasons import why_unreachable

Response = httpx.Response
Headers = httpx.Headers
Trace = Callable[[str, dict[str, Any]], Awaitable[None]]
"""httpcore's: told of each step of a request."""

# n8n refuses user agents that contain "bot" or "crawler" if its trigger is told to ignore them.
USER_AGENT = f"VoxBridge/{__version__}"

# n8n closes an idle connection about 6 s after an answer, other servers after 5 s; stay below both.
KEEPALIVE_EXPIRY_S = 4.0

# Backstops only: deadlines that mean something are the stages' own. httpx counts them per read, never in total.
CONNECT_BACKSTOP_S = 10.0
READ_BACKSTOP_S = 180.0

# An error's body comes with its head; a server that stalls in the middle of it must not hold up the retry.
ERROR_BODY_LIMIT_S = 1.0

_WARM_LIMIT_S = 2.0

_URLS_KEPT = 16  # httpx takes 0.1 ms to take one apart

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, token
_HEADER_VALUE = re.compile(r"[ -~\t]*")

# These loggers write request URLs (INFO) and headers (DEBUG); both may be secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """Return the one TLS context of the process: the system's authorities and certifi's (loading takes 30 ms)."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


class UnreadableError(ValueError):
    """A body is not what its Content-Encoding says."""


_BROKEN = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, UnreadableError)


class Client:
    """The warm connections to one backend. Made by ``open_client``, entered once, kept for the life of the daemon."""

    def __init__(
        self,
        base_url: httpx.URL,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
        pool: httpcore.AsyncConnectionPool,
        connections: Connections,
    ) -> None:
        self.base_url = base_url
        self._headers = httpx.Headers({"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT})
        self._headers.update(headers)
        self._timeout, self._pool = timeout.as_dict(), pool
        self._connections = connections
        self._warming = trio.Lock()
        self._used_at = -math.inf
        self._url = functools.lru_cache(_URLS_KEPT)(self._joined)

    async def __aenter__(self) -> Self:
        """Open the pool; nothing is connected yet."""
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
        await self._connections.aclose()

    async def warm(self) -> None:
        """Have a connection ready for the request that will come soon, unless there is one. Cheap to call often.

        Never raises: who needs it will see for himself.
        """
        if self._warming.locked() or trio.current_time() < self._used_at + KEEPALIVE_EXPIRY_S / 2:
            return
        async with self._warming:
            with contextlib.suppress(*_BROKEN), trio.move_on_after(_WARM_LIMIT_S):
                await self._connections.prepare()

    def build(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **body: Any) -> httpx.Request:
        """Return a request for ``path`` below the base URL; ``body`` is httpx's ``content``, ``json``, ``data``..."""
        merged = httpx.Headers(self._headers)
        merged.update(headers)
        return httpx.Request(method, self._url(path), headers=merged, **body)

    def _joined(self, path: str) -> httpx.URL:
        below = httpx.URL(path).raw_path.lstrip(b"/")
        return self.base_url.copy_with(raw_path=self.base_url.raw_path.rstrip(b"/") + b"/" + below)

    async def send(self, request: httpx.Request, trace: Trace | None = None) -> Response:
        """Send a request and return its answer when the head is in; the caller closes it. Raises: httpcore's errors."""
        url = request.url
        extensions: dict[str, Any] = {"timeout": self._timeout}
        if trace is not None:
            extensions["trace"] = trace
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=_OnePiece(request.read()),
                extensions=extensions,
            )
        )
        self._used_at = trio.current_time()
        return httpx.Response(answer.status, headers=answer.headers, stream=_Pieces(answer))


class _OnePiece:
    """A request's body. An async generator is left half-run by a send that fails."""

    def __init__(self, data: bytes) -> None:
        self._pieces = iter((data,))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


class _Pieces(httpx.AsyncByteStream):
    """The body of an answer as it comes."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._answer.aiter_stream()

    async def aclose(self) -> None:
        await self._answer.aclose()


def open_client(
    stage: StageName,
    base_url: str,
    *,
    uds: str = "",
    headers: Mapping[str, str] | None = None,
    read_backstop_s: float = READ_BACKSTOP_S,
    verify: ssl.SSLContext | None = None,
) -> Client:
    """Return the client of one backend.

    Relative request paths are added to ``base_url``. With ``uds`` the connections go to that unix socket, and
    ``base_url`` only names the host for the request head. ``read_backstop_s`` must be longer than the stage's own
    limits. Redirects are not followed and the environment's proxies are not used.

    Raises: ConfigError if the URL or a header cannot be one.
    """
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        # the value is not shown: it may be a secret
        raise ConfigError("is not a usable address", key=f"{stage}.url", allowed="http://host/... or https://host/...")
    for name, value in (headers or {}).items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            allowed = "a name of letters, digits and -, a value of printable ASCII characters"
            raise ConfigError("is not a usable header", key=f"{stage}.headers.{name!a}", allowed=allowed)
    timeout = httpx.Timeout(read_backstop_s, connect=CONNECT_BACKSTOP_S, pool=CONNECT_BACKSTOP_S)
    context = verify or ssl_context()
    context.set_alpn_protocols(["http/1.1"])  # as httpcore does, but before a connection is made in advance
    is_tls = url.scheme == "https"
    connections = Connections(
        url.raw_host.decode("ascii"),
        url.port or (443 if is_tls else 80),
        context=context if is_tls else None,
        uds=uds,
    )
    pool = httpcore.AsyncConnectionPool(
        ssl_context=context,
        uds=uds or None,
        max_connections=100,
        max_keepalive_connections=16,
        keepalive_expiry=KEEPALIVE_EXPIRY_S,
        network_backend=connections,
    )
    own_headers = {**_credentials(url), **(headers or {})}
    return Client(url.copy_with(username=None, password=None), own_headers, timeout, pool, connections)


def _credentials(url: httpx.URL) -> dict[str, str]:
    """Return the header for the ``user:password@`` of a URL (RFC 7617)."""
    if not url.userinfo:
        return {}
    pair = base64.b64encode(f"{url.username}:{url.password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {pair}"}


@contextmanager
def mapped_errors(stage: StageName, *, backend: str = "") -> Iterator[None]:
    """Turn whatever httpcore raises into a StageError whose text names the root cause and no URL.

    Raises: StageUnavailable (could not connect), StageProtocolError (the dialogue broke), StageRefused (the request
    cannot be made at all).
    """
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
        raise StageUnavailable(stage, _why_unreachable(error), backend=backend) from error
    except (httpcore.ReadTimeout, httpcore.WriteTimeout) as error:
        raise StageUnavailable(stage, "the server stopped taking or sending data", backend=backend) from error
    except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, httpx.InvalidURL):
        detail = "the request cannot be sent: check the URL and the headers in the configuration"
        # not chained: h11's text quotes the header it dislikes
        raise StageRefused(stage, 0, detail, backend=backend) from None
    except httpcore.RemoteProtocolError as error:
        raise StageProtocolError(stage, _what_broke(error), backend=backend) from error
    except httpcore.NetworkError as error:
        raise StageProtocolError(
            stage, "the connection was lost before the answer was complete", backend=backend
        ) from error
    except UnreadableError as error:
        raise StageProtocolError(stage, f"the answer cannot be read: {error}", backend=backend) from error


def _why_unreachable(error: Exception) -> str:
    """Name the root cause of a failed connect in a sentence that says what to look at."""
    if isinstance(error, httpcore.PoolTimeout):
        return "all connections to the server are in use: it is overloaded or hangs"
    if isinstance(error, httpcore.ConnectTimeout):
        return f"no connection within {CONNECT_BACKSTOP_S:.0f} s: is the host up, and does a firewall drop packets?"
    return why_unreachable(error, tls_scheme="https")


def _what_broke(error: httpcore.RemoteProtocolError) -> str:
    # h11's sentences are constants and quote no content, but their wording is for programmers
    said = str(error)
    if "without sending a response" in said:
        return "the server closed the connection without an answer"
    if "complete message body" in said:
        return "the server closed the connection in the middle of its answer"
    return "the server does not speak proper HTTP on this port"


@asynccontextmanager
async def open_response(
    client: Client, stage: StageName, method: str, path: str, *, backend: str = "", **request: Any
) -> AsyncIterator[Response]:
    """Send a request and enter its answer when the head is in; read the body inside.

    ``request`` are httpx's own (``content``, ``json``, ``data``, ``files``, ``headers``). A kept connection, or one
    made in advance, may have been closed by the server while our request was under way; if it dies before any byte of
    an answer, the request is sent once more. Errors inside the block, those of body reads included, are mapped by
    ``mapped_errors``. Leaving early, or a cancel, closes the connection at once.

    Raises: StageUnavailable, StageProtocolError, StageRefused.
    """
    with mapped_errors(stage, backend=backend):
        response = await _send(client, method, path, request)
        try:
            yield response
        finally:
            await response.aclose()


async def _send(client: Client, method: str, path: str, parts: dict[str, Any]) -> Response:
    connected = False

    async def trace(event: str, info: dict[str, Any]) -> None:  # httpcore awaits it
        nonlocal connected
        if event.startswith("connection.connect_"):
            stream = info.get("return_value")
            connected = not (isinstance(stream, Stream) and stream.is_spare)

    request = client.build(method, path, **parts)
    try:
        return await client.send(request, trace)
    except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
        if connected:
            raise
    return await client.send(request)


async def read_body(response: Response, take: Callable[[bytes], Awaitable[bool]]) -> bool:
    """Give each piece of the body to ``take`` as it comes, until that returns True or the body ends.

    Returns whether the body came to its end. httpx reads through nested async generators, and one that is left half-run
    is closed by the garbage collector with a warning; so reading is ended by a cancel, which unwinds them in order, and
    also when ``take`` raises or is cancelled. For the same reason a body that a proxy compressed unasked is unpacked
    here: httpx would fail in the middle of them.
    """
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    broken: BaseException | None = None
    with trio.CancelScope() as reading:
        async for raw in response.aiter_raw():
            if reading.cancel_called:
                continue
            try:
                is_enough = await take(unpack(raw))
            except BaseException as error:  # noqa: BLE001 - raised again below, when the generators are unwound
                broken = error
            if broken is not None or is_enough:
                reading.cancel(reason="superseded")
    if broken is not None:
        raise broken
    return not reading.cancel_called


def _unpacker(encoding: str) -> Callable[[bytes], bytes]:
    """Return what turns pieces of a body in this Content-Encoding into plain ones; or raises UnreadableError."""
    names = [name for part in encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if not names:
        return bytes
    gzip_or_zlib = zlib.decompressobj(wbits=47)  # 32 + 15: tells the two apart by their heads

    def unpack(data: bytes) -> bytes:
        if names not in (["gzip"], ["x-gzip"], ["deflate"]):
            raise UnreadableError("it is compressed in a way that we did not ask for")
        try:
            return gzip_or_zlib.decompress(data)
        except zlib.error:
            raise UnreadableError("it is not compressed as its head says") from None

    return unpack


async def error_body(response: Response) -> bytes:
    """Return at most 2 KiB of an error's body; what breaks while reading it does not matter any more."""
    body = bytearray()

    async def take(chunk: bytes) -> bool:  # read_body awaits it
        body.extend(chunk)
        return len(body) >= ERROR_BODY_BYTES_MAX

    with contextlib.suppress(*_BROKEN), trio.move_on_after(ERROR_BODY_LIMIT_S):
        await read_body(response, take)
    return bytes(body[:ERROR_BODY_BYTES_MAX])


async def raise_for_status(
    response: Response, stage: StageName, *, backend: str = "", hidden: Hidden = NOTHING_HIDDEN
) -> None:
    """Return if the status is 2xx, else read a little of the body and raise what it means.

    Raises: StageRefused, StageUnavailable.
    """
    if not response.is_success:
        body = await error_body(response)
        raise status_error(stage, response.status_code, response.headers, body, backend=backend, hidden=hidden)
