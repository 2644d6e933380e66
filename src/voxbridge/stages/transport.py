"""What httpx's client sends through: httpcore's pool over connections of ours, and no more of httpx than a stage wants.

    httpx.Request --> httpx.AsyncClient --> Transport --> httpcore's pool --> one write --> server
    httpx.Response <----------------------- Transport <-- pieces of the body as they come

Cookies, redirects, proxies that nobody configured and `.netrc` are left out: one client serves all speakers, so what a
server sets for one of them must not be sent for the next, and a redirect would take what was said to another host.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Mapping

import httpcore
import httpx  # flake8-async's ASYNC127 names its successor, whose names are the same

from voxbridge.stages.connections import Connections

# n8n closes an idle connection about 6 s after an answer, other servers after 5 s; stay below both.
KEEPALIVE_EXPIRY_S = 4.0

CONNECTIONS_MAX = 100
_KEPT_MAX = 16

# These loggers write request URLs (INFO) and headers (DEBUG); both may be secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class HttpClient(httpx.AsyncClient):
    """httpx's client for one server, over ``connections``."""

    def __init__(
        self,
        connections: Connections,
        *,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
        context: ssl.SSLContext,
        uds: str,
        proxy: httpx.URL | None = None,
    ) -> None:
        super().__init__(
            headers={"Accept-Encoding": "identity", **headers},
            timeout=timeout,
            trust_env=False,
            transport=Transport(
                httpcore.AsyncConnectionPool(
                    ssl_context=context,
                    uds=uds or None,
                    proxy=None if proxy is None else _proxy(proxy),
                    max_connections=CONNECTIONS_MAX,
                    max_keepalive_connections=_KEPT_MAX,
                    keepalive_expiry=KEEPALIVE_EXPIRY_S,
                    network_backend=connections,
                )
            ),
        )

    @property
    def cookies(self) -> httpx.Cookies:
        """Return no cookies, which take none either."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, _: object) -> None:
        raise AttributeError("this client has no cookies")


def _proxy(url: httpx.URL) -> httpcore.Proxy:
    credentials = (url.username, url.password) if url.userinfo else None
    return httpcore.Proxy(str(url.copy_with(username=None, password=None)), auth=credentials)


class Transport(httpx.AsyncBaseTransport):
    """httpcore's pool under httpx's client."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer when the head is in. Raises: httpcore's errors."""
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=_OnePiece(request.read()),
                extensions=request.extensions,
            )
        )
        return _Answer(answer.status, headers=answer.headers, stream=_Pieces(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


class _Answer(httpx.Response):
    """An answer; one that redirects is as good as any other, and its Location is not looked at."""

    @property
    def has_redirect_location(self) -> bool:
        """Return False: httpx makes the next request of a redirect even where it is told not to follow."""
        return False


class _NoCookies(httpx.Cookies):
    """A jar that takes nothing."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them."""


_NO_COOKIES = _NoCookies()


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
