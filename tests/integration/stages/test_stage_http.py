"""The stages' HTTP client against servers that go wrong in every way a connection can."""

from __future__ import annotations

import functools
import gc
import ssl
import traceback
import zlib
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
import trustme

from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.http import error_body, open_client, open_response, read_body
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request

pytestmark = pytest.mark.integration

PATH = "/s3cret"  # named here only: a traceback shows the lines of this file it goes through


@pytest.fixture
async def net() -> AsyncIterator[MemNet]:
    """The in-memory network; at the end no socket may be left open."""
    net = MemNet().install()
    yield net
    left = [connection for connection in net.connections if not connection.is_closed]
    assert not left, f"{len(left)} connections are still open"


def server_that(handler) -> HttpServer:
    server = HttpServer()
    server.route("POST", PATH, handler)
    return server


async def post(base_url: str, **options) -> bytes:
    body = bytearray()

    async def take(chunk: bytes) -> bool:
        body.extend(chunk)
        return False

    async with (
        open_client("agent", base_url, **options) as client,
        open_response(client, "agent", "POST", PATH, backend="test", content=b"words") as response,
    ):
        assert await read_body(response, take)
    return bytes(body)


async def fails_with(kind: type[StageError], base_url: str, **options) -> str:
    """Return the error's text, after making sure that neither it nor its causes name the path."""
    with pytest.raises(kind) as caught:
        await post(base_url, **options)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


async def test_response_body_streams_whole(autojump_clock, net):
    """A good answer passes unchanged, chunk by chunk."""

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.head()
        for piece in (b"a", b"bc", b"d"):
            await trio.sleep(1)
            await reply.chunk(piece)

    async with server_that(handler).running() as server:
        assert await post(server.url) == b"abcd"


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15), ("identity", 0)])
async def test_response_that_a_proxy_compressed_is_unpacked_as_it_comes(autojump_clock, net, encoding, wbits):
    """We ask for no compression; a proxy that compresses all the same does not make us deaf, nor late."""
    packer = zlib.compressobj(wbits=wbits) if wbits else None
    times: list[float] = []

    async def handler(request: Request, reply: Reply) -> None:
        assert request.headers["accept-encoding"] == "identity"
        await reply.head(200, [("content-encoding", encoding)])
        for word in (b"Hello ", b"there."):
            await reply.chunk(packer.compress(word) + packer.flush(zlib.Z_SYNC_FLUSH) if packer else word)
            await trio.sleep(1)

    async def take(chunk: bytes) -> bool:
        if chunk:
            times.append(trio.current_time())
            body.extend(chunk)
        return False

    body = bytearray()
    async with server_that(handler).running() as server, open_client("agent", server.url) as client:
        began = trio.current_time()
        async with open_response(client, "agent", "POST", PATH, content=b"") as response:
            assert await read_body(response, take)
    assert body == b"Hello there."
    assert [at - began for at in times] == [pytest.approx(0), pytest.approx(1)]


async def test_a_bomb_is_refused_and_holds_up_nobody(net):
    """50 kB that unpack to 50 MB: 32 MiB of them are looked at, and others have their turn every few milliseconds."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(50)) + packer.flush()
    turns_of_others = 0

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.send(200, bomb, headers=[("content-encoding", "gzip")])

    async def live() -> None:
        nonlocal turns_of_others
        while True:
            await trio.lowlevel.checkpoint()
            turns_of_others += 1

    async with server_that(handler).running() as server, trio.open_nursery() as nursery:
        nursery.start_soon(live)
        assert "over 32 MiB" in await fails_with(StageProtocolError, server.url)
        nursery.cancel_scope.cancel()
    assert turns_of_others >= 5, "32 MiB take 20 ms at the very least"


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 60_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    ],
    ids=["chunks of a byte", "informational answers"],
)
async def test_a_flood_of_small_things_is_refused_and_holds_up_nobody(net, flood):
    """Much of what HTTP allows is work of a kind that brings nothing: others have their turn all the while."""
    turns_of_others = 0

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.raw(flood)

    async def live() -> None:
        nonlocal turns_of_others
        while True:
            await trio.lowlevel.checkpoint()
            turns_of_others += 1

    async with server_that(handler).running() as server, trio.open_nursery() as nursery:
        nursery.start_soon(live)
        with pytest.raises(StageError):
            await post(server.url)
        nursery.cancel_scope.cancel()
    assert turns_of_others >= len(flood) // (8 << 10) // 2, "a step took more than 16 KiB of it"


async def test_what_one_answer_sets_is_not_sent_with_the_next_request(autojump_clock, net):
    """One client serves all speakers: a cookie of one is not sent for another, and no redirect is prepared."""
    cookies: list[str | None] = []

    async def handler(request: Request, reply: Reply) -> None:
        cookies.append(request.headers.get("cookie"))
        await reply.send(307, b"", headers=[("set-cookie", "session=1; Path=/"), ("location", "http://[no/address")])

    async with server_that(handler).running() as server, open_client("agent", server.url) as client:
        for _ in range(2):
            async with open_response(client, "agent", "POST", PATH, content=b"words") as response:
                assert response.status_code == 307
    assert cookies == [None, None]


@pytest.mark.parametrize("how", ["raises", "is cancelled"])
async def test_a_reader_that_breaks_off_leaves_no_generator_half_run(
    autojump_clock: trio.testing.MockClock, net: MemNet, how: str
) -> None:
    """The taker of the body fails, or is cancelled while it passes a piece on: httpx is unwound in order."""

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.head()
        for _ in range(100):
            await reply.chunk(b"piece")
            await trio.sleep(1)

    async def take(_chunk: bytes) -> bool:
        if how == "raises":
            raise KeyError
        await trio.sleep_forever()
        raise AssertionError

    async with (
        server_that(handler).running() as server,
        open_client("agent", server.url) as client,
    ):
        with trio.move_on_after(0.5) as scope:
            try:
                async with open_response(client, "agent", "POST", PATH, backend="test", content=b"x") as response:
                    await read_body(response, take)
            except KeyError:
                assert how == "raises"
        assert scope.cancelled_caught == (how == "is cancelled")
        del response
        gc.collect()  # a generator that is left makes a warning, which is an error here


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("cut", StageProtocolError, "in the middle"),
        ("reset", StageProtocolError, "lost"),
        ("early cut", StageProtocolError, "without an answer"),
        ("no http", StageProtocolError, "proper HTTP"),
        ("bad gzip", StageProtocolError, "cannot be read"),
        ("brotli", StageProtocolError, "cannot be read"),
        ("bad header", StageProtocolError, "proper HTTP"),
    ],
)
async def test_response_broken_dialogue_is_a_protocol_error(autojump_clock, net, fault, kind, words):
    """Each way of breaking off has its sentence."""

    async def handler(_request: Request, reply: Reply) -> None:
        match fault:
            case "no http":
                await reply.raw(b"220 mail.example ESMTP\r\n\r\n")
            case "bad header":
                await reply.raw(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")
            case "bad gzip":
                await reply.send(200, b"not compressed at all", headers=[("content-encoding", "gzip")])
            case "brotli":
                await reply.send(200, b"who knows", headers=[("content-encoding", "br")])
            case "early cut":
                await reply.cut()
            case _:
                await reply.head()
                await reply.chunk(b"half")
                await trio.sleep(0.1)
                await (reply.cut() if fault == "cut" else reply.reset())

    async with server_that(handler).running() as server:
        assert words in await fails_with(kind, server.url)


async def test_response_silence_meets_the_backstop(autojump_clock, net):
    """A stage that forgot its own deadline is not hung for ever."""

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.hang()

    async with server_that(handler).running() as server:
        began = trio.current_time()
        assert "stopped" in await fails_with(StageUnavailable, server.url, read_backstop_s=7.5)
        assert trio.current_time() - began == pytest.approx(7.5, abs=1e-9)


async def test_connect_that_hangs_is_given_up(autojump_clock, net):
    """A firewall that drops packets costs 10 s at most, and is named."""
    async with server_that(None).running() as server:
        link = net.link("127.0.0.1", server.port)
        link.latency_s = 0.01
        link.stall()
        assert "firewall" in await fails_with(StageUnavailable, server.url)


async def test_connect_to_nobody(autojump_clock, net):
    """Refused and unknown are told apart."""
    assert "refused" in await fails_with(StageUnavailable, "http://127.0.0.1:9")
    assert "resolved" in await fails_with(StageUnavailable, "http://nowhere.invalid")


async def test_request_that_http_cannot_carry(autojump_clock, net):
    """A header with a line break is our configuration's fault: final, and its value is in no traceback."""
    headers = {"X-Key": "s3cret\r\nX: y"}  # not in the line that fails, which the traceback shows
    async with server_that(None).running() as server, open_client("agent", server.url) as client:
        with pytest.raises(StageRefused) as caught:
            async with open_response(client, "agent", "POST", "/x", headers=headers):
                pass
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("speaks_tls", "words"), [(True, "not trusted"), (False, "handshake failed")])
async def test_connect_tls_faults_are_named(autojump_clock, net, speaks_tls, words):
    """An unknown authority and a server without TLS get different advice."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def handler(stream: trio.abc.Stream) -> None:
        try:
            if speaks_tls:
                await trio.SSLStream(stream, context, server_side=True).do_handshake()
            else:
                await stream.receive_some()
                await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        except trio.BrokenResourceError:
            pass
        await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        assert words in await fails_with(StageUnavailable, f"https://localhost:{port}")
        nursery.cancel_scope.cancel()


async def test_connect_tls_with_a_trusted_authority(autojump_clock, net):
    """With the authority known, an https backend is served like any other."""
    authority = trustme.CA()
    serving, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(trusting)

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.send(200, b"Hello.")

    server = server_that(handler)

    async def over_tls(stream: trio.abc.Stream) -> None:
        await server.handle(trio.SSLStream(stream, serving, server_side=True, https_compatible=True))

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, over_tls, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        assert await post(f"https://localhost:{port}", verify=trusting) == b"Hello."
        nursery.cancel_scope.cancel()


async def test_read_body_can_be_left_early(autojump_clock, net):
    """Who has enough leaves: the connection is closed at once, and the client serves the next request."""

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.head()
        while True:
            await reply.chunk(b"x" * 1000)
            await trio.sleep(0.1)

    async def enough(_chunk: bytes) -> bool:
        return True

    async with server_that(handler).running() as server, open_client("agent", server.url) as client:
        for _ in range(2):
            async with open_response(client, "agent", "POST", PATH, content=b"") as response:
                assert not await read_body(response, enough)
        await trio.testing.wait_all_tasks_blocked()
        assert server.disconnects == 2
        assert trio.current_time() < 0.01, "leaving took time"


async def test_error_body_is_bounded_in_size_and_time(autojump_clock, net):
    """Of an error 2 KiB are read; one that stalls in its body costs a second; one that is cut gives what came."""
    sizes = {"long": 100_000, "stalled": 10, "cut": 10}

    async def handler(request: Request, reply: Reply) -> None:
        which = request.body.decode()
        await reply.head(500)
        await reply.chunk(b"e" * sizes[which])
        if which == "cut":
            await reply.cut()
        else:
            await reply.hang()

    async with server_that(handler).running() as server, open_client("agent", server.url) as client:
        for which, size, seconds in (("long", 2048, 0.0), ("stalled", 10, 1.0), ("cut", 10, 0.0)):
            began = trio.current_time()
            async with open_response(client, "agent", "POST", PATH, content=which.encode()) as response:
                assert len(await error_body(response)) == size, which
            assert trio.current_time() - began == pytest.approx(seconds, abs=1e-9), which
