"""A request leaves in one write, over a connection that may have been made in advance."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trustme
from trio.testing import MockClock

from voxbridge.errors import StageProtocolError, StageUnavailable
from voxbridge.stages.http import Client, error_body, open_client, open_response
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request

pytestmark = pytest.mark.integration

ONE_WAY_S = 0.010
ROUND_TRIP_S = 2 * ONE_WAY_S


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    """Each way takes 10 ms; at the end no socket may be left open."""
    net = MemNet(latency_s=ONE_WAY_S).install()
    yield net
    await trio.sleep(1)
    left = [connection for connection in net.connections if not connection.is_closed]
    assert not left, f"{len(left)} connections are still open"


@asynccontextmanager
async def server_of(scheme: str) -> AsyncIterator[tuple[HttpServer, str, ssl.SSLContext]]:
    """Run a server that says hello; yield it, its URL and the context that trusts it."""

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
        listeners = await nursery.start(functools.partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield server, f"{scheme}://localhost:{listeners[0].socket.getsockname()[1]}", trusting
        nursery.cancel_scope.cancel()


async def ask(client: Client) -> float:
    """Ask once; return how long the head of the answer took."""
    began = trio.current_time()
    async with open_response(client, "agent", "POST", "/", content=b"What time is it?") as response:
        took_s = trio.current_time() - began
        assert await error_body(response) == b"Hello."
    return took_s


def exactly(seconds: float) -> object:
    return pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(("scheme", "cold_s"), [("http", 2 * ROUND_TRIP_S), ("https", 3 * ROUND_TRIP_S)])
async def test_a_connection_made_in_advance_saves_its_round_trips(
    autojump_clock: MockClock, net: MemNet, scheme: str, cold_s: float
) -> None:
    """Connecting costs a round trip and TLS another; once made in advance, only the request's own is left."""
    async with server_of(scheme) as (server, url, trusting), open_client("agent", url, verify=trusting) as client:
        assert await ask(client) == exactly(cold_s)
        await trio.sleep(10)
        server.close_idle()  # the pool drops what was idle for 4 s itself, by the real clock
        await trio.sleep(1)
        assert await ask(client) == exactly(cold_s)
        await trio.sleep(10)
        server.close_idle()
        await client.warm()
        await client.warm()
        await trio.sleep(20)
        assert await ask(client) == exactly(ROUND_TRIP_S)
        assert server.connections == 3
        assert len(server.requests) == 3, "no request goes out in advance"


async def test_no_connection_is_made_in_advance_while_one_is_in_use(autojump_clock: MockClock, net: MemNet) -> None:
    """Who spoke a moment ago has a connection."""
    async with server_of("http") as (server, url, _), open_client("agent", url) as client:
        await ask(client)
        await client.warm()
        assert await ask(client) == exactly(ROUND_TRIP_S)
        assert server.connections == 1


@pytest.mark.parametrize(("scheme", "late_s"), [("http", 2 * ROUND_TRIP_S), ("https", 3 * ROUND_TRIP_S)])
async def test_a_connection_made_in_advance_that_the_server_closed(
    autojump_clock: MockClock, net: MemNet, scheme: str, late_s: float
) -> None:
    """The server gives up waiting for a request: the request is served all the same, over a new connection."""
    async with server_of(scheme) as (server, url, trusting), open_client("agent", url, verify=trusting) as client:
        await client.warm()
        await trio.sleep(1)
        server.close_idle()
        await trio.sleep(1)
        assert await ask(client) == exactly(late_s)
        assert server.connections == 2
        assert len(server.requests) == 1


@pytest.mark.parametrize(("after_s", "times"), [(0.05, 2), (3.0, 1)])
async def test_a_kept_connection_that_dies_at_work_is_no_reason_to_ask_again(
    autojump_clock: MockClock, net: MemNet, after_s: float, times: int
) -> None:
    """Closed at once, our request came too late for it; closed after seconds, the server may have done the work."""
    asked = 0

    async def handler(_request: Request, reply: Reply) -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            await trio.sleep(after_s)
            await reply.cut()
        else:
            await reply.send(200, b"Hello.")

    server = HttpServer()
    server.route("POST", "/", handler)
    async with server.running() as running, open_client("agent", running.url) as client:
        await ask(client)
        if times == 2:
            await ask(client)
        else:
            with pytest.raises(StageProtocolError, match="without an answer"):
                await ask(client)
    assert asked == 1 + times


async def test_a_connection_made_in_advance_grows_old(autojump_clock: MockClock, net: MemNet) -> None:
    """After 45 s another one is made: servers close what never asks."""
    async with server_of("http") as (server, url, _), open_client("agent", url) as client:
        await client.warm()
        await trio.sleep(46)
        await client.warm()
        await trio.sleep(0.1)
        assert server.connections == 2
        await trio.sleep(46)
        assert await ask(client) == exactly(2 * ROUND_TRIP_S)
        await trio.sleep(1)
        assert server.open_connections == 1, "an old one is closed"


async def test_a_server_that_hangs_or_is_gone_is_not_waited_for(autojump_clock: MockClock, net: MemNet) -> None:
    """Making ready raises nothing and takes 2 s at most, also in the middle of a handshake."""

    async def silent(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, silent, 0, host="127.0.0.1"))
        url = f"https://localhost:{listeners[0].socket.getsockname()[1]}"
        async with open_client("agent", url) as client:
            began = trio.current_time()
            await client.warm()
            assert trio.current_time() - began == exactly(2.0)
        nursery.cancel_scope.cancel()
    async with open_client("agent", "http://127.0.0.1:9") as client:
        await client.warm()
        with pytest.raises(StageUnavailable, match="refused"):
            await ask(client)


@pytest.mark.parametrize("size", [10, 200_000])
async def test_request_goes_out_in_one_write_unless_it_is_large(
    autojump_clock: MockClock, net: MemNet, size: int
) -> None:
    """Head and body of a small request reach the server in one piece; a large one is not held back."""
    pieces: list[int] = []

    async def handler(stream: trio.SocketStream) -> None:
        while sum(pieces) < size:
            pieces.append(len(await stream.receive_some(1 << 20)))
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        url = f"http://localhost:{listeners[0].socket.getsockname()[1]}"
        async with (
            open_client("agent", url) as client,
            open_response(client, "agent", "POST", "/", content=b"x" * size) as response,
        ):
            assert response.status_code == 200
        nursery.cancel_scope.cancel()
    assert sum(pieces) > size
    assert (len(pieces) == 1) is (size == 10), pieces


async def test_a_refusal_before_the_whole_request_was_read_is_heard(autojump_clock: MockClock, net: MemNet) -> None:
    """A server that answers 413 and closes while we still send: its status counts, not the broken pipe."""

    async def handler(stream: trio.SocketStream) -> None:
        await stream.receive_some(100)
        await stream.send_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await stream.send_eof()
        await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        url = f"http://localhost:{listeners[0].socket.getsockname()[1]}"
        async with (
            open_client("agent", url) as client,
            open_response(client, "agent", "POST", "/", content=b"x" * 1000) as response,
        ):
            assert response.status_code == 413
        nursery.cancel_scope.cancel()
