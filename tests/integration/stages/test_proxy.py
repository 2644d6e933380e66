"""The way to a server through an HTTP proxy, and who names it."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trustme
from trio.testing import MockClock

from voxbridge.cli.checks import check_stages
from voxbridge.config.settings import Settings
from voxbridge.errors import ConfigError, StageUnavailable
from voxbridge.stages.http import error_body, open_client, open_response
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request

pytestmark = pytest.mark.integration

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def net() -> MemNet:
    return MemNet().install()


class Tunnel:
    """A proxy that forwards one request, or opens a tunnel; ``heads`` are what it was asked."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.heads: list[bytes] = []
        self._refuses = refuses

    async def serve(self, stream: trio.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := await stream.receive_some()):
                return  # made in advance, and not needed
            head += data
        self.heads.append(head)
        method, target, _ = head.split(b" ", 2)
        if self._refuses:
            await stream.send_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        host, _, port = place.decode().rpartition(":")
        async with await trio.open_tcp_stream(host, int(port)) as server:
            if method == b"CONNECT":
                await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                await server.send_all(head.replace(target, b"/" + target.split(b"/", 3)[3], 1))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, stream, server, nursery.cancel_scope)
                nursery.start_soon(self._pump, server, stream, nursery.cancel_scope)

    @staticmethod
    async def _pump(source: trio.abc.ReceiveStream, sink: trio.abc.SendStream, scope: trio.CancelScope) -> None:
        while data := await source.receive_some():
            await sink.send_all(data)
        scope.cancel()


@asynccontextmanager
async def served(proxy: Tunnel, scheme: str) -> AsyncIterator[tuple[str, str, ssl.SSLContext]]:
    """Run a server and the proxy; yield their URLs and the context that trusts the server."""

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.send(200, b"Hello.")

    server = HttpServer()
    server.route("POST", "/", handler)
    authority = trustme.CA()
    serving, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(trusting)

    async def serve(stream: trio.abc.Stream) -> None:
        if scheme == "https":
            stream = trio.SSLStream(stream, serving, server_side=True, https_compatible=True)
        await server.handle(stream)

    async with trio.open_nursery() as nursery:
        listen = functools.partial(trio.serve_tcp, host="127.0.0.1")
        ports = [(await nursery.start(listen, handle, 0))[0].socket.getsockname()[1] for handle in (serve, proxy.serve)]
        yield f"{scheme}://localhost:{ports[0]}", f"http://127.0.0.1:{ports[1]}", trusting
        nursery.cancel_scope.cancel()


async def ask(url: str, proxy: str, trusting: ssl.SSLContext, *, warm: bool = False) -> bytes:
    async with open_client("agent", url, proxy=proxy, verify=trusting) as client:
        if warm:
            await client.warm()
        async with open_response(client, "agent", "POST", "/", content=b"Hi") as response:
            return await error_body(response)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(("scheme", "first"), [("http", b"POST http://localhost:"), ("https", b"CONNECT localhost:")])
async def test_a_configured_proxy_is_used(
    autojump_clock: MockClock, net: MemNet, scheme: str, first: bytes, warm: bool
) -> None:
    """Plain requests are forwarded, TLS goes through a tunnel; also over a connection that was made in advance."""
    proxy = Tunnel()
    async with served(proxy, scheme) as (url, proxy_url, trusting):
        assert await ask(url, proxy_url, trusting, warm=warm) == b"Hello."
    assert [head.startswith(first) for head in proxy.heads] == [True]


async def test_the_environments_proxy_is_used_where_the_setting_says_so(
    autojump_clock: MockClock, net: MemNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off by default, since a proxy in the environment of a service surprises; with its password, but for $NO_PROXY."""
    proxy = Tunnel()
    async with served(proxy, "http") as (url, proxy_url, trusting):
        monkeypatch.setenv("HTTP_PROXY", proxy_url.replace("//", "//ada:pass@"))
        assert await ask(url, "", trusting) == b"Hello."
        assert proxy.heads == []
        assert await ask(url, "environment", trusting) == b"Hello."
        assert b"proxy-authorization: basic " in proxy.heads[0].lower()
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert await ask(url, "environment", trusting) == b"Hello."
        assert len(proxy.heads) == 1


async def test_a_proxy_that_refuses_is_named(autojump_clock: MockClock, net: MemNet) -> None:
    """The operator reads that it was the proxy and not the server."""
    async with served(Tunnel(refuses=True), "https") as (url, proxy_url, trusting):
        with pytest.raises(StageUnavailable, match=r"the proxy does not let us through to the server \(HTTP 407\)"):
            await ask(url, proxy_url, trusting)


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOCKS is not spoken here, and its password is not shown."""
    monkeypatch.setenv("ALL_PROXY", "socks5://ada:s3cret@127.0.0.1:1080")
    with pytest.raises(ConfigError, match="names a proxy that is not used here") as caught:
        open_client("tts", "http://tts.example", proxy="environment")
    assert "ALL_PROXY" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("http://127.0.0.1:9", "through the proxy 127.0.0.1:9 (tts.proxy)"),
        ("environment", "through the proxy proxy.example:3128 (HTTP_PROXY)"),
        ("", '$HTTP_PROXY is set and not used: tts.proxy = "environment" would use it'),
    ],
)
async def test_check_says_which_way_it_is(
    autojump_clock: MockClock, net: MemNet, monkeypatch: pytest.MonkeyPatch, setting: str, said: str
) -> None:
    """Whoever wonders why a server cannot be reached reads what stands in between."""
    monkeypatch.setenv("HTTP_PROXY", "http://ada:s3cret@proxy.example:3128")
    settings = Settings(tts=ChatterboxSettings(url="http://tts.example:4123", proxy=setting))
    found = [finding async for finding in check_stages(settings)]
    assert [finding.text for finding in found if "roxy" in finding.text and finding.verdict == "ok"] == [said]
    assert not any("s3cret" in finding.text for finding in found)
