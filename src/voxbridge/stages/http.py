"""HTTP for the stages: warm clients, and what goes wrong with a connection told in our own words.

    open_response --> Client --> httpx's client --> Transport (httpcore's pool, connections of ours) --> server
    read_body <----- unpacked in steps <----------- pieces of the body as they come

Nothing here puts a URL, a header or a body of ours into a message: an n8n webhook URL is a password, a request holds
what was said. httpx's client costs 0.04 ms a request more than its transport alone (0.59 ms for all of it on loopback,
measured), which is 1.3 % of what the bridge adds to a turn.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import math
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import httpcore
import httpx  # flake8-async's ASYNC127 names its successor, whose names are the same
import trio

from voxbridge import __version__
from voxbridge.breath import Breath
from voxbridge.config.environment import proxy_of
from voxbridge.core.wire.inflate import Inflater, UnreadableError
from voxbridge.core.wire.quote import ERROR_BODY_BYTES_MAX, NOTHING_HIDDEN, Hidden
from voxbridge.errors import ConfigError, StageName, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.connections import HAS_CONNECTED, Connections
from voxbridge.stages.http_status import status_error
from voxbridge.stages.reasons import why_unreachable
from voxbridge.stages.transport import KEEPALIVE_EXPIRY_S, HttpClient

Response = httpx.Response
Headers = httpx.Headers

# n8n refuses user agents that contain "bot" or "crawler" if its trigger is told to ignore them.
USER_AGENT = f"VoxBridge/{__version__}"

# Backstops only: deadlines that mean something are the stages' own. httpx counts them per read, never in total.
CONNECT_BACKSTOP_S = 10.0
READ_BACKSTOP_S = 180.0

# An error's body comes with its head; a server that stalls in the middle of it must not hold up the retry.
ERROR_BODY_LIMIT_S = 1.0

# A server that closed a kept connection before our request came says so within a round trip. Who closes later may have
# done what was asked: a workflow must not run twice.
_CLOSED_MEANWHILE_S = 0.25

_WARM_LIMIT_S = 2.0

_PIECES_MAX = 50_000  # a second of CPU; a token in each is an answer of an hour

# httpx takes 0.1 ms to take a URL apart, and 0.03 ms to put headers together.
_URLS_KEPT = 16
_HEADERS_KEPT = 16

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, token
_HEADER_VALUE = re.compile(r"[ -~\t]*")


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """Return the one TLS context of the process: the system's authorities and certifi's (loading takes 30 ms)."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


_BROKEN = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, UnreadableError)


class Client:
    """The warm connections to one backend. Made by ``open_client``, entered once, kept for the life of the daemon."""

    def __init__(self, base_url: httpx.URL, http: HttpClient, connections: Connections) -> None:
        self.base_url = base_url
        self._http, self._connections = http, connections
        self._warming = trio.Lock()
        self._used_at = -math.inf
        self._url = functools.lru_cache(_URLS_KEPT)(self._joined)
        self._headers = functools.lru_cache(_HEADERS_KEPT)(self._merged)
        self._timeout = http.timeout.as_dict()

    async def __aenter__(self) -> Self:
        """Open the pool; nothing is connected yet."""
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
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
        merged = self._headers(tuple((headers or {}).items()))
        return httpx.Request(method, self._url(path), headers=merged, extensions={"timeout": self._timeout}, **body)

    def _merged(self, headers: tuple[tuple[str, str], ...]) -> httpx.Headers:
        further = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
        named = {name.lower() for name, _ in further}
        own = [(name, value) for name, value in self._http.headers.raw if name.lower() not in named]
        return httpx.Headers([*own, *further])

    def _joined(self, path: str) -> httpx.URL:
        below = httpx.URL(path).raw_path.lstrip(b"/")
        return self.base_url.copy_with(raw_path=self.base_url.raw_path.rstrip(b"/") + b"/" + below)

    async def send(self, request: httpx.Request) -> Response:
        """Send a request and return its answer when the head is in; the caller closes it. Raises: httpcore's errors."""
        response = await self._http.send(request, stream=True)
        self._used_at = trio.current_time()
        return response


def open_client(
    stage: StageName,
    base_url: str,
    *,
    uds: str = "",
    proxy: str = "",
    headers: Mapping[str, str] | None = None,
    read_backstop_s: float = READ_BACKSTOP_S,
    verify: ssl.SSLContext | None = None,
) -> Client:
    """Return the client of one backend.

    Relative request paths are added to ``base_url``. With ``uds`` the connections go to that unix socket, and
    ``base_url`` only names the host for the request head. ``read_backstop_s`` must be longer than the stage's own
    limits. ``proxy`` is the setting of that name. Redirects are not followed.

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
    way = None if uds else proxy_of(proxy, base_url, key=f"{stage}.proxy")
    try:
        first = url if way is None else httpx.URL(way.url)
    except httpx.InvalidURL:
        raise ConfigError("is not a usable proxy", key=f"{stage}.proxy", allowed="http://host:port") from None
    is_tls = first.scheme == "https"
    connections = Connections(
        first.raw_host.decode("ascii"),
        first.port or (443 if is_tls else 80),
        context=context if is_tls else None,
        uds=uds,
    )
    own_headers = {"User-Agent": USER_AGENT, **_credentials(url), **(headers or {})}
    http = HttpClient(
        connections,
        headers=own_headers,
        timeout=timeout,
        context=context,
        uds=uds,
        proxy=None if way is None else first,
    )
    return Client(url.copy_with(username=None, password=None), http, connections)


def _credentials(url: httpx.URL) -> dict[str, str]:
    """Return the header for the ``user:password@`` of a URL (RFC 7617); httpx would put it over a configured one."""
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
    except httpcore.ProxyError as error:
        code = str(error)[:3]
        said = f" (HTTP {code})" if code.isdecimal() else ""
        raise StageUnavailable(
            stage, f"the proxy does not let us through to the server{said}", backend=backend
        ) from None
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
    made in advance, may have been closed by the server while our request was under way; if it dies at once, before any
    byte of an answer, the request is sent once more. Errors inside the block, those of body reads included, are
    mapped by ``mapped_errors``. Leaving early, or a cancel, closes the connection at once.

    Raises: StageUnavailable, StageProtocolError, StageRefused.
    """
    with mapped_errors(stage, backend=backend):
        response = await _send(client, method, path, request)
        try:
            yield response
        finally:
            await response.aclose()


async def _send(client: Client, method: str, path: str, parts: dict[str, Any]) -> Response:
    request = client.build(method, path, **parts)
    began = trio.current_time()
    HAS_CONNECTED.set(False)
    try:
        return await client.send(request)
    except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
        if HAS_CONNECTED.get() or trio.current_time() - began > _CLOSED_MEANWHILE_S:
            raise
    return await client.send(client.build(method, path, **parts))


async def read_body(response: Response, take: Callable[[bytes], Awaitable[bool]]) -> bool:
    """Give the body to ``take`` as it comes, in pieces of up to 8 KiB, until that returns True or the body ends.

    Returns whether the body came to its end. httpx reads through nested async generators, and one that is left half-run
    is closed by the garbage collector with a warning; so reading is ended by a cancel, which unwinds them in order, and
    also when ``take`` raises or is cancelled. For the same reason a body that a proxy compressed unasked is unpacked
    here: httpx would fail in the middle of them.
    """
    body = _Body(response.headers.get("content-encoding", ""), take)
    broken: BaseException | None = None
    is_enough = False
    with trio.CancelScope() as reading:
        async for raw in response.aiter_raw():
            if reading.cancel_called:
                continue
            try:
                is_enough = await body.feed(raw)
            except BaseException as error:  # noqa: BLE001 - raised again below, when the generators are unwound
                broken = error
            if broken is not None or is_enough:
                reading.cancel(reason="superseded")
    if broken is not None:
        raise broken
    return not reading.cancel_called


class _Body:
    """Unpacks a body that comes in pieces, and lets others have their turn in one that comes without a pause."""

    def __init__(self, encoding: str, take: Callable[[bytes], Awaitable[bool]]) -> None:
        self._inflater, self._take, self._breath, self._pieces = Inflater(encoding), take, Breath(), 0

    async def feed(self, raw: bytes) -> bool:
        """Give what a piece unpacks to on, step by step; return whether it was enough.

        Raises: UnreadableError, and httpcore.RemoteProtocolError for more pieces than anything sensible comes in.
        """
        self._pieces += 1
        if self._pieces > _PIECES_MAX:
            raise httpcore.RemoteProtocolError(f"the body comes in more than {_PIECES_MAX} pieces")
        for plain in self._inflater.feed(raw):
            await self._breath.take()
            if await self._take(plain):
                return True
        return False


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
