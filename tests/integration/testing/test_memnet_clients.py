"""Unmodified clients over the in-memory network, and the network held against the kernel's own sockets."""

from __future__ import annotations

import errno
import functools
import ssl
from collections.abc import Awaitable, Callable

import h11
import httpx
import pytest
import trio
import trio_websocket
import trustme

from voxbridge.testing.memnet import MemNet

pytestmark = pytest.mark.integration


@pytest.fixture(params=["memnet", "kernel"])
async def network(request: pytest.FixtureRequest) -> MemNet | None:
    return MemNet().install() if request.param == "memnet" else None


async def serve(nursery: trio.Nursery, handler: Callable[[trio.SocketStream], Awaitable[object]]) -> int:
    listeners = await nursery.start(functools.partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
    return int(listeners[0].socket.getsockname()[1])


async def write_for_ever(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(b"x")


def cause(caught: pytest.ExceptionInfo[BaseException]) -> int:
    assert isinstance(caught.value.__cause__, OSError)
    return caught.value.__cause__.errno or 0


# -- the same promises on both networks: whatever passes here is how Linux behaves --


async def socket_pair() -> tuple[trio.SocketStream, trio.SocketStream, trio.SocketListener]:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    return client, await listener.accept(), listener


async def test_refused(network):
    """Where nobody listens a connect is refused, in memory as in the kernel."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with pytest.raises(ConnectionRefusedError), trio.socket.socket() as sock:
        await sock.connect(("127.0.0.1", port))


async def test_errno_of_unconnected_sockets(network):
    """A socket that is not connected, or closed, fails with the kernel's own codes."""
    with trio.socket.socket() as sock:
        for call, code in (
            (lambda: sock.recv(1), errno.ENOTCONN),
            (lambda: sock.send(b"x"), errno.EPIPE),
            (lambda: sock.accept(), errno.EINVAL),
        ):
            with pytest.raises(OSError) as caught:
                await call()
            assert caught.value.errno == code
        with pytest.raises(OSError) as caught:
            sock.getpeername()
        assert caught.value.errno == errno.ENOTCONN
    with pytest.raises(OSError) as caught:
        sock.getsockname()
    assert caught.value.errno == errno.EBADF


async def test_addresses(network):
    """Both ends know the same two addresses."""
    client, server, listener = await socket_pair()
    assert client.socket.getpeername() == server.socket.getsockname() == listener.socket.getsockname()
    assert client.socket.getsockname() == server.socket.getpeername()
    for each in (client, server, listener):
        await each.aclose()


async def test_clean_close_is_end_of_file_and_then_a_broken_pipe(network):
    """The first write to a peer that has gone is swallowed; its RST breaks the next one."""
    client, server, listener = await socket_pair()
    await client.aclose()
    assert await server.receive_some() == b""
    await server.send_all(b"swallowed")
    with pytest.raises(trio.BrokenResourceError) as caught, trio.fail_after(5):
        await write_for_ever(server)
    assert cause(caught) == errno.EPIPE
    assert await server.receive_some() == b""
    await server.aclose()
    await listener.aclose()


async def test_close_with_unread_bytes_is_a_reset(network):
    """A close that leaves bytes unread is a reset for the other end."""
    client, server, listener = await socket_pair()
    await server.send_all(b"never read")
    while not client.socket.is_readable():
        await trio.lowlevel.checkpoint()
    await client.aclose()
    with pytest.raises(trio.BrokenResourceError) as caught:
        await server.receive_some()
    assert cause(caught) == errno.ECONNRESET
    await server.aclose()
    await listener.aclose()


async def test_half_close(network):
    """An end that was closed one way still receives."""
    client, server, listener = await socket_pair()
    await client.send_eof()
    assert await server.receive_some() == b""
    await server.send_all(b"the other way is open")
    assert await client.receive_some() == b"the other way is open"
    with pytest.raises(trio.ClosedResourceError):
        await client.send_all(b"x")
    with pytest.raises(BrokenPipeError):
        await client.socket.send(b"x")
    for each in (client, server, listener):
        await each.aclose()


@pytest.mark.parametrize("waiting", ["read", "accept", "write"])
async def test_close_wakes_the_local_waiter(network, waiting):
    """Who waits on a socket that is closed under him is woken with Trio's error."""
    client, server, listener = await socket_pair()
    woken: list[str] = []

    async def wait() -> None:
        try:
            match waiting:
                case "read":
                    await client.receive_some()
                case "accept":
                    await listener.accept()
                case "write":
                    while True:
                        await client.send_all(b"x" * 1_000_000)
        except trio.ClosedResourceError:
            woken.append(waiting)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            (listener.socket if waiting == "accept" else client.socket).close()
    assert woken == [waiting]
    await client.aclose()
    await server.aclose()
    await listener.aclose()


# -- clients, unmodified --


async def one_answer(stream: trio.SocketStream) -> None:
    """Answer each request with its own body, half a second later (HTTP/1.1, h11)."""
    connection = h11.Connection(h11.SERVER)
    body = b""
    async with stream:
        while True:
            event = connection.next_event()
            match event:
                case h11.NEED_DATA:
                    connection.receive_data(await stream.receive_some())
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    await trio.sleep(0.5)
                    headers = [("content-length", str(len(body)))]
                    await stream.send_all(connection.send(h11.Response(status_code=200, headers=headers)) or b"")
                    await stream.send_all(connection.send(h11.Data(data=body)) or b"")
                    connection.send(h11.EndOfMessage())
                    connection.start_next_cycle()
                    body = b""
                case h11.ConnectionClosed():
                    return


async def test_httpx_cold_and_warm(autojump_clock, nursery):
    """httpx pays for its connect once, its timeouts are exact, and nothing stays open."""
    net = MemNet(latency_s=0.01, chunk_bytes=5).install()
    port = await serve(nursery, one_answer)
    async with httpx.AsyncClient(verify=ssl.create_default_context()) as client:
        for cost in (0.54, 0.52):  # a connect and a round trip, then the round trip alone
            began = trio.current_time()
            response = await client.post(f"http://localhost:{port}/", content=b"x" * 3000)
            assert response.content == b"x" * 3000
            assert trio.current_time() - began == pytest.approx(cost, abs=1e-9)
        began = trio.current_time()
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://localhost:{port}/", timeout=0.25)
        assert trio.current_time() - began == pytest.approx(0.25, abs=1e-9)
        for url in (f"http://localhost:{port + 1}/", "http://nowhere.test/"):
            with pytest.raises(httpx.ConnectError):
                await client.get(url)
    await trio.sleep(1)
    net.assert_all_closed()


async def test_trio_websocket(autojump_clock, nursery):
    """trio-websocket connects and echoes in the exact time of its round trips."""
    net = MemNet(latency_s=0.01, chunk_bytes=3).install()

    async def echo(request: trio_websocket.WebSocketRequest) -> None:
        ws = await request.accept()
        try:
            while True:
                await ws.send_message(await ws.get_message())
        except trio_websocket.ConnectionClosed:
            pass

    server = await nursery.start(trio_websocket.serve_websocket, echo, "127.0.0.1", 0, None)
    began = trio.current_time()
    async with trio_websocket.open_websocket_url(f"ws://localhost:{server.port}/") as ws:
        assert trio.current_time() - began == pytest.approx(0.04, abs=1e-9)
        await ws.send_message(b"x" * 500)
        assert await ws.get_message() == b"x" * 500
        assert trio.current_time() - began == pytest.approx(0.06, abs=1e-9)
    await trio.sleep(0.1)
    net.assert_all_closed()


async def test_tls_on_top(autojump_clock, nursery):
    """A TLS handshake costs its round trip in virtual time; its cost in CPU does not show."""
    net = MemNet(latency_s=0.01).install()
    net.hosts["whisper.test"] = "10.1.0.1"
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("whisper.test").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)

    async def handler(stream: trio.SSLStream[trio.SocketStream]) -> None:
        async with stream:
            await stream.send_all(await stream.receive_some())

    await nursery.start(
        functools.partial(trio.serve_ssl_over_tcp, handler, 443, server_side, host="10.1.0.1", https_compatible=True)
    )
    began = trio.current_time()
    stream = await trio.open_ssl_over_tcp_stream("whisper.test", 443, ssl_context=client_side, https_compatible=True)
    async with stream:
        await stream.send_all(b"sealed")
        assert await stream.receive_some() == b"sealed"
    assert trio.current_time() - began == pytest.approx(0.06, abs=1e-9)
    await trio.sleep(0.1)
    net.assert_all_closed()
