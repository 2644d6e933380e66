"""The scripted HTTP server: what it puts on the wire byte by byte, and what it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.listening import reset_stream

pytestmark = pytest.mark.integration

GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED_HEAD = b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(params=["memory", "loopback"])
async def network(request: pytest.FixtureRequest) -> str:
    """Run the test on the in-memory network and on kernel sockets, both in real time."""
    if request.param == "memory":
        MemNet().install()
    return str(request.param)


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    net = MemNet().install()
    yield net
    net.assert_all_closed(listeners=True)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


def served(handler: object, method: str = "GET") -> HttpServer:
    server = HttpServer()
    server.route(method, "/x", handler)  # type: ignore[arg-type]
    return server


async def connect(server: HttpServer) -> trio.SocketStream:
    return await trio.open_tcp_stream(server.host, server.port)


async def read_until(stream: trio.SocketStream, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = bytes(await stream.receive_some())
        assert piece, f"closed after {data!r}, wanted {end!r}"
        data += piece
    return data


async def read_all(server: HttpServer, data: bytes = GET) -> bytes:
    async with await connect(server) as stream:
        await stream.send_all(data)
        return b"".join([bytes(piece) async for piece in stream])


async def test_head_and_chunks_leave_when_they_are_sent(autojump_clock: MockClock, net: MemNet) -> None:
    """The head goes alone, then one HTTP chunk per call, each at its own time."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.head()
        for word in (b"one", b"", b"three"):
            await trio.sleep(0.25)
            await reply.chunk(word)
        await trio.sleep(0.25)

    async with served(script).running() as server, await connect(server) as stream:
        began, arrivals = trio.current_time(), list[tuple[float, bytes]]()
        await stream.send_all(GET)
        while not arrivals or not arrivals[-1][1].endswith(b"0\r\n\r\n"):
            data = bytes(await stream.receive_some())
            arrivals.append((trio.current_time() - began, data))
    assert arrivals == [
        (exactly(0.0), CHUNKED_HEAD),
        (exactly(0.25), b"3\r\none\r\n"),
        (exactly(0.75), b"5\r\nthree\r\n"),
        (exactly(1.0), b"0\r\n\r\n"),
    ]


async def test_writes_can_be_joined_and_cut(autojump_clock: MockClock, net: MemNet) -> None:
    """Several calls can share one write, and one call can take many."""

    async def joined(request: Request, reply: Reply) -> None:
        async with reply.coalesced():
            await reply.head()
            await trio.sleep(1)
            async with reply.coalesced():
                await reply.chunk(b"abc")
        reply.piece_bytes, reply.piece_gap_s = 2, 0.5

    async with served(joined).running() as server, await connect(server) as stream:
        began = trio.current_time()
        await stream.send_all(GET)
        assert await stream.receive_some() == CHUNKED_HEAD + b"3\r\nabc\r\n"
        assert trio.current_time() - began == pytest.approx(1.0, abs=1e-9)
        assert [bytes(await stream.receive_some()) for _ in range(3)] == [b"0\r", b"\n\r", b"\n"]
        assert trio.current_time() - began == pytest.approx(2.0, abs=1e-9)


async def test_one_connection_carries_many_requests(network: str) -> None:
    """Keep-alive works, and a pipelined request waits for its turn."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send(200, request.query["n"].encode())

    async with served(script).running() as server, await connect(server) as stream:
        for number in (b"1", b"2"):
            await stream.send_all(GET.replace(b"/x", b"/x?n=" + number))
            assert (await read_until(stream, number)).startswith(b"HTTP/1.1 200")
        await stream.send_all(GET.replace(b"/x", b"/x?n=3") + GET.replace(b"/x", b"/x?n=4"))
        answers = await read_until(stream, b"\r\n\r\n4")
        assert answers.count(b"HTTP/1.1 200") == 2, answers
        assert [(request.query["n"], request.connection) for request in server.requests] == [
            ("1", 1),
            ("2", 1),
            ("3", 1),
            ("4", 1),
        ]
    assert server.disconnects == 0


async def test_connection_close_is_honoured(network: str) -> None:
    """After an answer to ``Connection: close`` the server closes."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send_json({"a": "ü"}, 201, [("x-y", "z")])

    async with served(script).running() as server:
        answer = await read_all(server, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 201")
    assert answer.endswith('\r\n\r\n{"a":"ü"}'.encode())
    assert b"x-y: z\r\n" in answer
    assert b"content-length: 10\r\n" in answer.lower()


@pytest.mark.parametrize("is_known", [True, False])
async def test_cut_leaves_the_body_unfinished(network: str, is_known: bool) -> None:
    """A cut closes without the last chunk, or before the promised length."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.head(length=10 if is_known else None)
        await reply.chunk(b"half")
        await reply.cut()
        await reply.chunk(b"never")

    async with served(script).running() as server:
        answer = await read_all(server)
        assert answer.endswith(b"\r\n\r\nhalf" if is_known else b"4\r\nhalf\r\n")
        assert (server.disconnects, server.requests[0].path) == (0, "/x"), "our own cut is no client's leaving"


async def test_reset_is_a_reset(network: str) -> None:
    """The client of a reset connection gets an error, not an end."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.reset()

    async with served(script).running() as server:
        with pytest.raises(trio.BrokenResourceError):
            await read_all(server)
        assert server.disconnects == 0


async def test_raw_bytes_need_not_be_http(network: str) -> None:
    """Anything can be sent; the connection's end is then the answer's."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.raw(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")
        await reply.raw(b"\0\1")

    async with served(script).running() as server:
        assert await read_all(server) == b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n\0\1"


async def test_a_client_that_leaves_is_noticed_at_once(autojump_clock: MockClock, net: MemNet) -> None:
    """Its handler is cancelled in the same instant and it is counted, also while nothing is being sent."""
    ended_at = []

    async def script(request: Request, reply: Reply) -> None:
        try:
            await reply.head()
            await reply.chunk(b"x")
            await reply.hang()
        finally:
            ended_at.append(trio.current_time())

    async with served(script).running() as server:
        async with await connect(server) as stream:
            await stream.send_all(GET)
            await trio.sleep(2)
            assert server.in_flight == server.open_connections == 1
        left_at = trio.current_time()
        await wait_all_tasks_blocked()
        assert ended_at == [left_at]
        assert (server.disconnects, server.in_flight, server.open_connections) == (1, 0, 0)


async def test_a_client_that_leaves_a_stream_on_loopback() -> None:
    """The same on kernel sockets, in the middle of a stream."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.head()
        while True:
            await reply.chunk(b"x" * 1000)
            await trio.sleep(0.001)

    async with served(script).running() as server:
        async with await connect(server) as stream:
            await stream.send_all(GET)
            await read_until(stream, b"\r\n")
        with trio.fail_after(2):
            while server.in_flight:  # noqa: ASYNC110  # the server has no event for what only this test waits for
                await trio.sleep(0.001)
        assert server.disconnects == 1


async def test_a_client_that_resets_is_a_disconnect(network: str) -> None:
    """An RST instead of an end is noticed as well."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.head()
        await reply.hang()

    async with served(script).running() as server:
        stream = await connect(server)
        await stream.send_all(GET)
        await read_until(stream, b"\r\n\r\n")
        await reset_stream(stream)
        with trio.fail_after(2):
            while server.open_connections:  # noqa: ASYNC110  # the server has no event for what only tests wait for
                await trio.sleep(0.001)
        assert (server.disconnects, server.in_flight) == (1, 0)


async def test_overlapping_requests_are_counted(autojump_clock: MockClock, net: MemNet) -> None:
    """The high-water mark tells how many requests were under way at one time."""

    async def script(request: Request, reply: Reply) -> None:
        await trio.sleep(1)
        await reply.send()

    async def ask() -> None:
        async with await connect(server) as stream:
            await stream.send_all(GET)
            await read_until(stream, b"\r\n\r\n")

    async with served(script).running() as server:
        await ask()
        assert server.in_flight_max == 1
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        assert (server.in_flight_max, server.in_flight, server.connections) == (3, 0, 4)


async def test_it_stops_and_starts_on_the_same_port(network: str) -> None:
    """After stop clients are refused and open connections end; after start they are served again, same port."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send()

    async with served(script).running() as server:
        port = server.port
        async with await connect(server) as stream:
            await stream.send_all(GET)
            await read_until(stream, b"\r\n\r\n")
            assert server.is_running
            await server.stop()
            assert not server.is_running
            assert await stream.receive_some() == b""
        with pytest.raises(OSError, match="failed"):
            await connect(server)
        await server.stop()
        await server.start()
        assert server.port == port
        async with await connect(server) as stream:
            await stream.send_all(GET)
            assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_idle_connections_end_on_time_and_on_command(autojump_clock: MockClock, net: MemNet) -> None:
    """A server with a short keep-alive closes a waiting connection, never a busy one."""

    async def script(request: Request, reply: Reply) -> None:
        await trio.sleep(10)
        await reply.send()

    server = served(script)
    server.keep_alive_s = 5
    async with server.running():
        async with await connect(server) as stream:
            await stream.send_all(GET)
            await read_until(stream, b"\r\n\r\n")
            answered_at = trio.current_time()
            assert await stream.receive_some() == b""
            assert trio.current_time() - answered_at == pytest.approx(5, abs=1e-9)
        async with await connect(server) as idle, await connect(server) as busy:
            await busy.send_all(GET)
            await wait_all_tasks_blocked()
            server.close_idle()
            assert await idle.receive_some() == b""
            await read_until(busy, b"\r\n\r\n")


@pytest.mark.parametrize("fault", ["hang", "close", "reset"])
async def test_connections_can_be_spoilt(network: str, fault: str) -> None:
    """The port is open but nobody serves: nothing, an end, or a reset."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send()

    server = served(script)
    server.connection_fault = fault  # type: ignore[assignment]
    async with server.running(), await connect(server) as stream:
        with trio.move_on_after(0.05) as patience:
            if fault == "reset":
                with pytest.raises(trio.BrokenResourceError):
                    await stream.receive_some()
            else:
                assert await stream.receive_some() == b""
        assert patience.cancelled_caught == (fault == "hang")
    assert server.requests == []


async def test_unknown_routes_are_refused_as_fastapi_does(network: str) -> None:
    """404 for a path, 405 for a method."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send()

    async with served(script, "POST").running() as server:
        close = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        missing, wrong = await read_all(server, b"GET /y" + close), await read_all(server, b"GET /x" + close)
    assert missing.startswith(b"HTTP/1.1 404")
    assert missing.endswith(b'{"detail":"Not Found"}')
    assert wrong.startswith(b"HTTP/1.1 405")
    assert wrong.endswith(b'{"detail":"Method Not Allowed"}')


async def test_what_is_no_http_is_refused(network: str) -> None:
    """Nonsense gets a 400 and a closed connection, and is counted."""
    async with HttpServer().running() as server:
        assert (await read_all(server, b"\x16\x03\x01 what?\r\n\r\n")).startswith(b"HTTP/1.1 400")
        assert (server.bad_requests, server.requests) == (1, [])


async def test_forms_and_paths_are_decoded(network: str) -> None:
    """Urlencoded and multipart fields, the name of a file, JSON, percent signs."""
    multipart = (
        b'--B\r\nContent-Disposition: form-data; name="input"\r\n\r\nh\xc3\xa9\r\n'
        b'--B\r\nContent-Disposition: form-data; name="voice_file"; filename="me.wav"\r\n\r\nRIFF\r\n--B--\r\n'
    )
    bodies = [
        (b"application/x-www-form-urlencoded", b"input=h%C3%A9+there&voice="),
        (b"multipart/form-data; boundary=B", multipart),
        (b"application/json", b'{"a":1}'),
    ]

    async def script(request: Request, reply: Reply) -> None:
        await reply.send()

    server = HttpServer()
    server.route("POST", "/ä b", script)
    async with server.running(), await connect(server) as stream:
        for kind, body in bodies:
            head = b"POST /%%C3%%A4%%20b?q=1&q=2 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            head = head.replace(b"%%", b"%") + b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
            await stream.send_all(head)
            assert await read_until(stream, b"\r\n\r\n") == b"HTTP/1.1 100 \r\n\r\n"
            await stream.send_all(body)
            assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    first, second, third = server.requests
    assert first.form() == {"input": "hé there", "voice": ""}
    assert second.form() == {"input": "hé", "voice_file": "me.wav"}
    assert (third.form(), third.json()) == ({}, {"a": 1})
    assert (third.query, third.content_type) == ({"q": "2"}, "application/json")


async def test_a_fault_of_the_script_is_loud(autojump_clock: MockClock, net: MemNet) -> None:
    """A handler that raises, or that sends nothing, ends the run instead of looking like a server's fault."""

    async def silent(request: Request, reply: Reply) -> None:
        pass

    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="sent nothing"), flatten_subgroups=True):
        async with served(silent).running() as server:
            await read_all(server)


async def test_it_serves_a_unix_socket(autojump_clock: MockClock, net: MemNet) -> None:
    """The embedded engines' way: a path instead of a port."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send(200, b"hello")

    async with served(script).running(uds="/run/voxbridge/engines.sock") as server:
        async with await trio.open_unix_socket("/run/voxbridge/engines.sock") as stream:
            await stream.send_all(GET)
            await read_until(stream, b"hello")
        assert server.url == "http://engines"
