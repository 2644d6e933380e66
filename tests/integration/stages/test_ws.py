"""The WebSocket client of the stages, against peers that are scripted frame by frame."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
import wsproto
from wsproto import events as ws_events

from voxbridge.errors import ConfigError, StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.ws import WebSocket, WsAddress, open_websocket
from voxbridge.testing.memnet import MemNet

pytestmark = pytest.mark.integration

PORT = 4901
ADDRESS = WsAddress.parse("stt", f"ws://127.0.0.1:{PORT}/ear?room=1")


class Peer:
    """The server's end: raw wsproto on a stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self.request: ws_events.Request  # once it was accepted

    async def accept(self) -> None:
        request = await self.next_event()
        assert isinstance(request, ws_events.Request)
        self.request = request
        await self.send(ws_events.AcceptConnection())

    async def send(self, event: ws_events.Event) -> None:
        await self.stream.send_all(self.protocol.send(event))

    async def next_event(self) -> ws_events.Event:
        while True:
            for event in self.protocol.events():
                return event
            self.protocol.receive_data(await self.stream.receive_some())


async def serve(nursery: trio.Nursery, script: Callable[[Peer], Awaitable[object]]) -> None:
    async def handler(stream: trio.SocketStream) -> None:
        async with stream:
            peer = Peer(stream)
            await peer.accept()
            await script(peer)

    MemNet(latency_s=0.01, chunk_bytes=4093).install()
    await nursery.start(functools.partial(trio.serve_tcp, handler, PORT, host="127.0.0.1"))


def connect() -> AbstractAsyncContextManager[WebSocket]:
    return open_websocket(ADDRESS, stage="stt", limit_s=5.0)


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("ws://host", ("host", 80, "/", False, "host")),
        ("wss://host/a?b=c", ("host", 443, "/a?b=c", True, "host")),
        ("ws://host:4901/x", ("host", 4901, "/x", False, "host:4901")),
        ("ws://[::1]:9/", ("::1", 9, "/", False, "[::1]:9")),
    ],
)
def test_addresses(url, means):
    """An address is taken apart as browsers do it: default ports, IPv6, path and query."""
    address = WsAddress.parse("stt", url)
    assert (address.host, address.port, address.target, address.is_tls, address.host_header) == means


@pytest.mark.parametrize("url", ["", "host:4901", "http://host/", "ws:///x", "ws://host:http/", "ws://host:99999/x"])
def test_unusable_addresses_name_the_key_and_not_the_value(url):
    """An address that cannot be used is told by its key only: it may hold a token."""
    with pytest.raises(ConfigError, match=r"^stt\.url: ") as wrong:
        WsAddress.parse("stt", url)
    assert not url or url not in str(wrong.value), "the URL may hold a token"


async def test_request_and_fragments(autojump_clock, nursery):
    """A message in several frames is one message, also with a ping in the middle, which is answered."""
    seen: list[Any] = []

    async def script(peer: Peer) -> None:
        seen.append(peer.request.target)
        await peer.send(ws_events.TextMessage(data="hel", message_finished=False))
        await peer.send(ws_events.Ping(payload=b"there?"))
        await peer.send(ws_events.TextMessage(data="lo"))
        await peer.send(ws_events.BytesMessage(data=b"\1\2", message_finished=False))
        await peer.send(ws_events.BytesMessage(data=b"\3"))
        seen.append(await peer.next_event())
        await trio.sleep_forever()

    await serve(nursery, script)
    async with connect() as ws:
        assert await ws.receive() == "hello"
        assert await ws.receive() == b"\1\2\3"
        await trio.sleep(0.1)
    assert seen == ["/ear?room=1", ws_events.Pong(payload=b"there?")]


async def test_close_code_is_told(autojump_clock, nursery):
    """A peer that closes is told as unavailable with its code, and nothing can be sent any more."""
    await serve(nursery, lambda peer: peer.send(ws_events.CloseConnection(code=1013)))
    async with connect() as ws:
        with pytest.raises(StageUnavailable, match="code 1013"):
            await ws.receive()
        with pytest.raises(StageUnavailable):
            await ws.send("too late")


async def test_end_of_stream_without_a_close_is_a_loss(autojump_clock, nursery):
    """A stream that ends without a close is a loss."""
    await serve(nursery, lambda peer: peer.stream.aclose())
    async with connect() as ws:
        with pytest.raises(StageUnavailable, match="was lost"):
            await ws.receive()


async def test_huge_messages_and_broken_frames_are_protocol_errors(autojump_clock, nursery):
    """A message over 1 MiB and bytes that are no frame are errors of the peer."""
    garbage = [True, False]

    async def script(peer: Peer) -> None:
        if garbage.pop():
            await peer.stream.send_all(b"\xff\xff\xff")
        else:
            await peer.send(ws_events.TextMessage(data="x" * (1 << 20) + "x"))
        await trio.sleep_forever()

    await serve(nursery, script)
    for says in ("larger than 1 MiB", "broke the WebSocket protocol"):
        async with connect() as ws:
            with pytest.raises(StageProtocolError, match=says):
                await ws.receive()


async def test_compression_is_not_negotiated_and_a_bomb_is_refused_unread(autojump_clock, nursery):
    """We offer no permessage-deflate; a frame that is compressed all the same (RSV1) breaks the protocol at once."""

    async def script(peer: Peer) -> None:
        assert peer.request is not None
        assert not peer.request.extensions
        packer = zlib.compressobj(9, wbits=-15)
        bomb = packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
        # FIN, RSV1 and text; a length of 64 bits (RFC 6455 section 5.2, RFC 7692 section 6)
        await peer.stream.send_all(b"\xc1\x7f" + len(bomb).to_bytes(8, "big") + bomb)
        await trio.sleep_forever()

    await serve(nursery, script)
    async with connect() as ws:
        with pytest.raises(StageProtocolError, match="broke the WebSocket protocol"):
            await ws.receive()


async def test_compression_that_nobody_offered_is_refused(autojump_clock, nursery):
    """A server that takes up permessage-deflate unasked has broken the protocol before its first bomb can come."""

    async def handler(stream: trio.SocketStream) -> None:
        async with stream:
            head = bytes(await stream.receive_some())
            assert b"permessage-deflate" not in head
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", head, re.IGNORECASE)
            assert key is not None
            token = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            await stream.send_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + token + b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
            )
            await trio.sleep_forever()

    MemNet().install()
    await nursery.start(functools.partial(trio.serve_tcp, handler, PORT, host="127.0.0.1"))
    with pytest.raises(StageProtocolError):
        async with connect():
            pytest.fail("the connection is open")


async def test_ping_waits_for_its_pong(autojump_clock, nursery):
    """A ping ends with its own answer, not with another one's."""

    async def script(peer: Peer) -> None:
        ping = await peer.next_event()
        assert isinstance(ping, ws_events.Ping)
        await trio.sleep(0.5)
        await peer.send(ws_events.Pong(payload=b"another's"))
        await trio.sleep(0.5)
        await peer.send(ping.response())
        await trio.sleep_forever()

    async def read(ws: WebSocket) -> None:
        await ws.receive()

    await serve(nursery, script)
    async with connect() as ws, trio.open_nursery() as reading:
        reading.start_soon(read, ws)
        began = trio.current_time()
        await ws.ping()
        assert trio.current_time() - began == pytest.approx(1.02, abs=1e-9)
        reading.cancel_scope.cancel()


async def test_a_cancelled_send_tears_the_connection_and_nothing_follows(autojump_clock, nursery):
    """Half a frame is on the wire: whatever came after it would be read as the rest of it."""
    got = bytearray()

    async def script(peer: Peer) -> None:
        await trio.sleep(1)
        while data := await peer.stream.receive_some():
            got.extend(data)

    await serve(nursery, script)
    async with connect() as ws:
        with trio.move_on_after(0.5) as scope:
            await ws.send(b"\1" * 1_000_000)
        assert scope.cancelled_caught
        sent = len(got)
        with pytest.raises(StageUnavailable):
            await ws.send("one")
        began = trio.current_time()
    assert trio.current_time() - began < 0.3, "a torn connection is not closed politely"
    await trio.sleep(2)
    assert sent < len(got) < 1_000_000
    assert b"one" not in got


async def test_a_pong_between_two_halves_of_a_long_write_waits_for_its_turn(autojump_clock, nursery):
    """The library answers a ping while a write of many frames is under way: every frame arrives whole."""
    got: list[ws_events.Event] = []

    async def script(peer: Peer) -> None:
        await trio.sleep(0.5)  # the write fills the window
        await peer.send(ws_events.Ping(payload=b"still there?"))
        await trio.sleep(0.5)
        while True:
            got.append(await peer.next_event())

    await serve(nursery, script)
    async with connect() as ws, trio.open_nursery() as reading:
        reading.start_soon(ws.receive)
        await ws.send(*[bytes([n]) * 10_000 for n in range(20)])
        await trio.sleep(1)
        reading.cancel_scope.cancel()
    assert sum(len(event.data) for event in got if isinstance(event, ws_events.BytesMessage)) == 200_000
    assert ws_events.Pong(payload=b"still there?") in got


async def test_headers_go_with_the_request(autojump_clock, nursery):
    """Headers of the operator go with the request, and it says who we are."""
    seen: list[tuple[bytes, bytes]] = []

    async def script(peer: Peer) -> None:
        seen.extend(peer.request.extra_headers)

    await serve(nursery, script)
    async with open_websocket(ADDRESS, stage="stt", limit_s=5.0, headers={"Authorization": "Token x"}) as ws:
        with pytest.raises(StageUnavailable):
            await ws.receive()
    fields = {name.lower(): value for name, value in seen}
    assert fields[b"authorization"] == b"Token x"
    assert fields[b"user-agent"].startswith(b"VoxBridge/")


async def test_what_the_block_raises_comes_out_as_it_is(autojump_clock, nursery):
    """An error of the user's own passes through the connection unchanged."""
    await serve(nursery, lambda peer: peer.next_event())
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with connect():
            raise mine
    assert caught.value is mine


async def answer_raw(nursery: trio.Nursery, *pieces: bytes | float, then_close: bool = True) -> MemNet:
    """Serve an answer to the upgrade from raw pieces; a number is a pause in seconds."""

    async def handler(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            for piece in pieces:
                if isinstance(piece, bytes):
                    await stream.send_all(piece)
                else:
                    await trio.sleep(piece)
            if not then_close:
                await trio.sleep_forever()

    net = MemNet(latency_s=0.01, chunk_bytes=7).install()
    await nursery.start(functools.partial(trio.serve_tcp, handler, PORT, host="127.0.0.1"))
    return net


HEAD_503 = b"HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    ("pieces", "error", "says", "after_s"),
    [
        ([HEAD_503 + b"\r\n"], StageUnavailable, "HTTP 503", 0.04),  # the body is ended by the close only
        ([HEAD_503 + b"Content-Length: 9\r\n\r\n", 99.0], StageUnavailable, "HTTP 503", 0.04),  # it never comes
        ([HEAD_503, 1.0, b"\r\n", 99.0], StageUnavailable, "HTTP 503", 1.04),
        ([b"HTTP/1.0 404 Nothing\r\n\r\n"], StageRefused, "HTTP 404", 0.04),
        ([b"HTTP/1.1 401 No\r\n\r\n", 99.0], StageRefused, "credentials", 0.04),
        ([b"HTTP/1.1 101 Switching\r\n\r\n", 99.0], StageProtocolError, "no WebSocket server", 0.04),
        ([b"HTTP/1.1 200"], StageUnavailable, "instead of answering", 0.04),
        ([], StageUnavailable, "instead of answering", 0.04),
        ([99.0], StageTimeout, "upgrade was not answered", 5.0),
        ([b"HTTP/1.1 1", 99.0], StageTimeout, "upgrade was not answered", 5.0),
        ([b"x" * 200_000], StageProtocolError, "no WebSocket server", None),
    ],
)
async def test_answers_to_the_upgrade(autojump_clock, nursery, pieces, error, says, after_s):
    """Whatever answers the upgrade ends in the right error, with its socket closed and no task left."""
    net = await answer_raw(nursery, *pieces)
    tasks, began = trio.lowlevel.current_statistics().tasks_living, trio.current_time()
    with pytest.raises(error, match=says) as caught:
        async with connect():
            pytest.fail("the connection is open")
    assert type(caught.value) is error
    if after_s is not None:
        assert trio.current_time() - began == pytest.approx(after_s, abs=1e-9)
    assert net.connections[0].client.fileno() == -1, "the socket is still open"
    await trio.sleep(100)  # virtual: the peer's script ends
    assert trio.lowlevel.current_statistics().tasks_living <= tasks, "a task was left behind"


async def test_retry_after_is_passed_on(autojump_clock, nursery):
    """A time that the server names is passed on."""
    await answer_raw(nursery, b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n\r\n")
    with pytest.raises(StageUnavailable) as caught:
        async with connect():
            pass
    assert caught.value.retry_after_s == 7


async def test_a_cancel_at_the_instant_of_a_refusal_is_a_cancel(autojump_clock, nursery):
    """Whichever comes first, nothing but a StageError or the cancel itself comes out."""
    await answer_raw(nursery, HEAD_503 + b"\r\n")
    for when_s in (0.01, 0.02, 0.03, 0.04, 0.05):
        with trio.move_on_after(when_s) as scope:
            try:
                async with connect():
                    pass
            except StageError:
                continue
        assert scope.cancelled_caught, f"at {when_s} s"
