"""The in-memory network by itself: exact times, windows, faults, and what it refuses."""

from __future__ import annotations

import errno
import functools
import math
import socket as stdsocket

import pytest
import trio

from voxbridge.testing.memnet import Connection, MemNet

pytestmark = pytest.mark.unit

PORT = 9000


def at(seconds: float) -> object:
    """Virtual instants are exact up to the last bits of a sum."""
    return pytest.approx(seconds, abs=1e-9)


class Stopwatch:
    def __init__(self) -> None:
        self.began = trio.current_time()

    def __call__(self) -> float:
        return trio.current_time() - self.began


async def pair(nursery: trio.Nursery, net: MemNet) -> tuple[trio.SocketStream, trio.SocketStream, Connection]:
    """Connect a client to a new server; return both streams and the connection."""
    send, receive = trio.open_memory_channel[trio.SocketStream](1)

    async def handler(stream: trio.SocketStream) -> None:
        await send.send(stream)
        await trio.sleep_forever()

    await nursery.start(functools.partial(trio.serve_tcp, handler, PORT, host="127.0.0.1"))
    client = await trio.open_tcp_stream("localhost", PORT)
    server = await receive.receive()
    return client, server, net.connections[-1]


async def hold(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def write_for_ever(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(b"0123456789")
        await trio.sleep(1)


async def read_for_ever(stream: trio.SocketStream, got: bytearray) -> None:
    while True:
        got += await stream.receive_some()


async def read_all(stream: trio.SocketStream) -> bytes:
    return b"".join([part async for part in stream])


async def test_connect_costs_a_round_trip_refused_or_not(autojump_clock, nursery):
    """A connect takes exactly a round trip, whether it is accepted or refused."""
    net = MemNet(latency_s=0.01).install()
    watch = Stopwatch()
    await pair(nursery, net)
    assert watch() == at(0.03), "SYN and SYN/ACK for the client, then the ACK until the server's accept returns"
    watch = Stopwatch()
    with pytest.raises(OSError, match="all attempts") as refused:
        await trio.open_tcp_stream("localhost", PORT + 1)
    assert watch() == at(0.02)
    tried = refused.value.__cause__
    assert isinstance(tried, ExceptionGroup)
    assert [each.errno for each in tried.exceptions if isinstance(each, OSError)] == [errno.ECONNREFUSED]
    assert len(tried.exceptions) == 1


async def test_bytes_and_end_of_file_arrive_one_latency_later(autojump_clock, nursery):
    """Bytes and the end arrive one latency later; the sender does not wait."""
    net = MemNet(latency_s=0.01).install()
    client, server, _ = await pair(nursery, net)
    watch = Stopwatch()
    await client.send_all(b"hello")
    assert watch() == at(0), "a send does not wait for the other end"
    assert await server.receive_some() == b"hello"
    assert watch() == at(0.01)
    await client.send_eof()
    assert await server.receive_some() == b""
    assert watch() == at(0.02)


async def test_latency_changed_under_way_does_not_reorder(autojump_clock, nursery):
    """Bytes never overtake each other, whatever becomes of the latency."""
    net = MemNet(latency_s=0.1).install()
    client, server, connection = await pair(nursery, net)
    await client.send_all(b"first ")
    connection.link.latency_s = 0.0
    await client.send_all(b"second")
    await client.send_eof()
    assert await read_all(server) == b"first second"


async def test_links_differ(autojump_clock, nursery):
    """Each host and port has a latency of its own."""
    net = MemNet().install()
    net.hosts["far.test"] = "10.1.0.1"
    net.link("far.test", PORT).latency_s = 0.25
    for host in ("localhost", "far.test"):
        await nursery.start(functools.partial(trio.serve_tcp, hold, PORT, host=host))
    for host, cost in (("localhost", 0.0), ("far.test", 0.5)):
        watch = Stopwatch()
        await trio.open_tcp_stream(host, PORT)
        assert watch() == at(cost), host


async def test_chunk_bytes_bounds_every_read(autojump_clock, nursery):
    """No read returns more than the network's chunk."""
    net = MemNet(chunk_bytes=7).install()
    client, server, _ = await pair(nursery, net)
    await client.send_all(b"x" * 20)
    assert [len(await server.receive_some()) for _ in range(3)] == [7, 7, 6]


async def test_bandwidth_spreads_a_transfer_over_time(autojump_clock, nursery):
    """A bandwidth delays each segment by its share, exactly."""
    net = MemNet(latency_s=0.05).install()
    client, server, connection = await pair(nursery, net)
    connection.link.bytes_per_s = 14_480.0  # ten frames a second
    watch = Stopwatch()
    await client.send_all(b"x" * 14_480)
    await client.send_eof()
    assert len(await server.receive_some()) == 1448
    assert watch() == at(0.15)
    assert len(await read_all(server)) == 9 * 1448
    assert watch() == at(1.05)


async def test_full_window_holds_the_sender_back(autojump_clock, nursery):
    """A sender waits until what it sent before was read."""
    net = MemNet().install()
    client, server, connection = await pair(nursery, net)
    connection.link.window_bytes = 1000
    sent_at: list[float] = []
    watch = Stopwatch()

    async def send() -> None:
        await client.send_all(b"x" * 2500)
        sent_at.append(watch())

    async with trio.open_nursery() as inner:
        inner.start_soon(send)
        for _ in range(2):
            await trio.sleep(1)
            assert not sent_at, "2500 bytes went into a window of 1000"
            assert len(await server.receive_some(5000)) == 1000
    assert sent_at == [at(2)]


async def test_stall_delivers_nothing_until_resumed(autojump_clock, nursery):
    """A stalled link delivers and connects nothing until it is resumed, and loses nothing."""
    net = MemNet(latency_s=0.01).install()
    client, server, connection = await pair(nursery, net)
    await client.send_all(b"arrived")
    await trio.sleep(0.02)
    connection.link.stall()
    watch = Stopwatch()
    await client.send_all(b"held back")
    await client.send_eof()
    assert await server.receive_some() == b"arrived"
    with trio.move_on_after(5) as waiting:
        await server.receive_some()
    assert waiting.cancelled_caught
    with trio.move_on_after(1) as connecting:
        await trio.open_tcp_stream("localhost", PORT)
    assert connecting.cancelled_caught, "a connect came through a stalled link"
    connection.link.resume()
    assert await read_all(server) == b"held back"
    assert watch() == at(6)


async def test_a_read_that_waits_is_stalled_and_resumed_under_it(autojump_clock, nursery):
    """A read that waits gets its bytes when the link is resumed."""
    net = MemNet(latency_s=0.1).install()
    client, server, connection = await pair(nursery, net)
    got: list[tuple[bytes, float]] = []
    watch = Stopwatch()

    async def read() -> None:
        got.append((await server.receive_some(), watch()))

    async with trio.open_nursery() as inner:
        inner.start_soon(read)
        await client.send_all(b"late")
        await trio.sleep(0.05)
        connection.link.stall()
        await trio.sleep(0.5)
        connection.link.resume()
    assert got == [(b"late", at(0.55))]


async def test_reset_cuts_both_ends_at_once(autojump_clock, nursery):
    """A reset ends both directions; what had arrived can still be read."""
    net = MemNet(latency_s=0.01).install()
    client, server, connection = await pair(nursery, net)
    await client.send_all(b"arrived")
    await trio.sleep(0.01)
    await client.send_all(b"under way")
    assert net.reset("localhost", PORT) == 1
    assert await server.receive_some() == b"arrived"
    for stream in (server, client):
        with pytest.raises(trio.BrokenResourceError) as cut:
            await stream.receive_some()
        assert isinstance(cut.value.__cause__, OSError)
        assert cut.value.__cause__.errno == errno.ECONNRESET
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")
    assert net.reset() == 1, "a connection counts as open until both ends have closed it"
    await client.aclose()
    await server.aclose()
    assert net.reset() == 0
    assert connection.is_closed


@pytest.mark.parametrize("count", [1, 10, 19])
async def test_reset_after_a_number_of_bytes(autojump_clock, nursery, count):
    """A reset can be set to a byte: exactly so many arrive."""
    net = MemNet(latency_s=0.01, chunk_bytes=3).install()
    client, server, connection = await pair(nursery, net)
    connection.reset_after(count, sender="client")
    with pytest.raises(trio.BrokenResourceError):
        await write_for_ever(client)
    got = bytearray()
    with pytest.raises(trio.BrokenResourceError):
        await read_for_ever(server, got)
    assert bytes(got) == (b"0123456789" * 3)[:count]


async def test_half_close_from_outside(autojump_clock, nursery):
    """One direction can be closed from outside; the other still flows."""
    net = MemNet().install()
    client, server, connection = await pair(nursery, net)
    connection.half_close("server")
    assert await client.receive_some() == b""
    await client.send_all(b"still flows")
    assert await server.receive_some() == b"still flows"
    with pytest.raises(trio.BrokenResourceError):
        await server.send_all(b"x")


async def test_refuse_spares_what_exists(autojump_clock, nursery):
    """A port that refuses leaves connections alone that exist."""
    net = MemNet().install()
    client, server, _ = await pair(nursery, net)
    net.refuse("localhost", PORT)
    with pytest.raises(OSError, match="all attempts"):
        await trio.open_tcp_stream("localhost", PORT)
    await client.send_all(b"lives")
    assert await server.receive_some() == b"lives"
    net.allow("localhost", PORT)
    await trio.open_tcp_stream("localhost", PORT)


async def test_full_backlog_makes_clients_wait(autojump_clock):
    """A client waits while the backlog is full, and gets in when there is room."""
    MemNet().install()
    [listener] = await trio.open_tcp_listeners(PORT, host="127.0.0.1", backlog=1)
    await trio.open_tcp_stream("localhost", PORT)
    with trio.move_on_after(1) as second:
        await trio.open_tcp_stream("localhost", PORT)
    assert second.cancelled_caught
    await listener.accept()
    with trio.fail_after(1):
        await trio.open_tcp_stream("localhost", PORT)


async def test_closing_a_listener_resets_those_not_accepted(autojump_clock):
    """A listener that closes resets those whom it did not accept, and the port is free again."""
    MemNet().install()
    [listener] = await trio.open_tcp_listeners(PORT, host="127.0.0.1")
    client = await trio.open_tcp_stream("localhost", PORT)
    await listener.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await client.receive_some()
    [again] = await trio.open_tcp_listeners(PORT, host="127.0.0.1")
    await trio.open_tcp_stream("localhost", PORT)
    await again.aclose()


async def test_cancelled_read_loses_nothing(autojump_clock, nursery):
    """A cancelled read leaves its bytes to the next one."""
    net = MemNet(latency_s=0.5).install()
    client, server, _ = await pair(nursery, net)
    await client.send_all(b"safe")
    with trio.move_on_after(0.5):
        await server.receive_some()
    assert await server.receive_some() == b"safe"


async def test_unix_sockets(autojump_clock):
    """Sockets in files work as others do; a missing file and a dead one fail each in its own way."""
    net = MemNet().install()
    with pytest.raises(FileNotFoundError):
        await trio.open_unix_socket("/run/engines.sock")
    with trio.socket.socket(stdsocket.AF_UNIX, stdsocket.SOCK_STREAM) as listening:
        await listening.bind("/run/engines.sock")
        listening.listen()
        client = await trio.open_unix_socket("/run/engines.sock")
        server, _ = await listening.accept()
        await client.send_all(b"hello")
        assert await server.recv(10) == b"hello"
        await client.aclose()
        server.close()
    with pytest.raises(ConnectionRefusedError):
        await trio.open_unix_socket("/run/engines.sock")
    net.assert_all_closed(listeners=True)


async def test_what_it_does_not_do_is_refused(autojump_clock):
    """What the network does not simulate is refused with the kernel's code, not half done."""
    MemNet().install()
    with pytest.raises(OSError, match="IPv4 and unix") as family:
        trio.socket.socket(stdsocket.AF_INET6)
    assert family.value.errno == errno.EAFNOSUPPORT
    with pytest.raises(OSError, match="stream sockets"):
        trio.socket.socket(type=stdsocket.SOCK_DGRAM)
    with pytest.raises(OSError, match="hosts has no"):
        await trio.open_tcp_stream("elsewhere.test", PORT)
    listeners = await trio.open_tcp_listeners(PORT, host=None)
    assert len(listeners) == 1, "a wildcard listener is IPv4 only"
    with pytest.raises(OSError, match="Address already in use"):
        await trio.open_tcp_listeners(PORT, host=None)


async def test_audit_names_what_is_open(autojump_clock, nursery):
    """The audit counts what was left open, listeners only if asked for."""
    net = MemNet().install()
    client, server, _ = await pair(nursery, net)
    await client.aclose()
    with pytest.raises(AssertionError, match="1 of 3 sockets"):
        net.assert_all_closed()
    await server.aclose()
    net.assert_all_closed()
    with pytest.raises(AssertionError, match="listening"):
        net.assert_all_closed(listeners=True)


async def test_nothing_is_due_after_a_close(autojump_clock, nursery):
    """A closed network leaves no timer behind: the clock then jumps to the test's own next event only."""
    net = MemNet(latency_s=5).install()
    client, server, _ = await pair(nursery, net)
    await client.send_all(b"x")
    await client.aclose()
    await server.aclose()
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == math.inf
