"""The voice socket's reader on real UDP sockets."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

import attrs
import pytest
import trio

from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.socket_watch import SocketWatch

pytestmark = pytest.mark.integration


@attrs.define
class Connection:
    """What the reader needs of discord.py's connection: the socket of now."""

    socket: socket.socket


class Pair:
    """A non-blocking socket as discord.py makes it, and the server's end."""

    def __init__(self) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.setblocking(False)
        self.client.connect(self.server.getsockname())
        self.server.connect(self.client.getsockname())

    def close(self) -> None:
        self.server.close()
        self.client.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [Pair(), Pair()]
    yield made
    for pair in made:
        pair.close()


async def wait_for(got: list[bytes], count: int) -> None:
    with trio.fail_after(20):
        while len(got) < count:  # noqa: ASYNC110 - the callback is synchronous, like discord.py's
            await trio.sleep(0.001)


async def test_watch_follows_a_change_of_socket(pairs, nursery):
    """The new socket is read at once, where discord.py's thread would sit in select on the old one for 30 s."""
    first, second = pairs
    counters, got = VoiceCounters(), list[bytes]()
    watch, connection = SocketWatch(counters), Connection(first.client)
    watch.attach(connection)
    nursery.start_soon(watch.run)
    watch.register(got.append)
    first.server.send(b"from the first")
    await wait_for(got, 1)
    watch.pause()
    first.client.close()
    connection.socket = second.client
    watch.resume()
    second.server.send(b"from the second")
    await wait_for(got, 2)
    assert got == [b"from the first", b"from the second"]


async def test_watch_survives_a_failing_callback_and_short_datagrams(pairs, nursery):
    """One callback's fault is counted and does not rob the others; fragments are not passed on."""
    pair = pairs[0]
    counters, got = VoiceCounters(), list[bytes]()
    watch = SocketWatch(counters)
    watch.attach(Connection(pair.client))
    nursery.start_soon(watch.run)

    def fail(_datagram: bytes) -> None:
        raise ValueError("a bad datagram")

    watch.register(fail)
    watch.register(got.append)
    for datagram in (b"", b"short", b"long enough", b"and another"):
        pair.server.send(datagram)
    await wait_for(got, 2)
    assert got == [b"long enough", b"and another"]
    assert counters.reader_errors == 2
    watch.unregister(fail)
    pair.server.send(b"the third one")
    await wait_for(got, 3)
    assert counters.reader_errors == 2


async def test_watch_survives_a_refused_port(pairs, nursery):
    """The server's port is closed for a moment: an ICMP answer is not the end of the socket."""
    pair = pairs[0]
    counters, got = VoiceCounters(), list[bytes]()
    watch = SocketWatch(counters)
    watch.attach(Connection(pair.client))
    nursery.start_soon(watch.run)
    watch.register(got.append)
    address = pair.server.getsockname()
    pair.server.close()
    pair.client.send(b"into the void")
    await trio.sleep(0.02)  # the ICMP answer comes back
    pair.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    pair.server.bind(address)
    pair.server.sendto(b"back again!", pair.client.getsockname())
    await wait_for(got, 1)
    assert got == [b"back again!"]


async def test_watch_takes_a_burst(pairs, nursery):
    """A hundred and fifty datagrams at once, more than one wake takes, arrive in order."""
    pair = pairs[0]
    got: list[bytes] = []
    watch = SocketWatch(VoiceCounters())
    watch.attach(Connection(pair.client))
    watch.register(got.append)
    sent = [number.to_bytes(8, "big") for number in range(150)]
    for datagram in sent:
        pair.server.send(datagram)
    nursery.start_soon(watch.run)
    await wait_for(got, len(sent))
    assert got == sent


async def test_watch_hands_out_a_few_at_a_time(pairs, nursery):
    """Others have their turn between the steps: after a burst of 64 no more than 8 are handed out in one."""
    pair = pairs[0]
    got: list[bytes] = []
    seen: list[int] = []
    watch = SocketWatch(VoiceCounters())
    watch.attach(Connection(pair.client))
    watch.register(got.append)
    for number in range(64):
        pair.server.send(number.to_bytes(8, "big"))

    class Counting(trio.abc.Instrument):
        def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
            seen.append(len(got))

    counting = Counting()
    trio.lowlevel.add_instrument(counting)
    nursery.start_soon(watch.run)
    await wait_for(got, 64)
    trio.lowlevel.remove_instrument(counting)
    steps = [after - before for before, after in itertools.pairwise([0, *seen])]
    assert max(steps) == 8


async def test_who_lets_time_pass_has_what_came_handed_over_first(pairs):
    """Without the reader's turn: what waits is handed out at once, or it is said since when it waits."""
    pair = pairs[0]
    got: list[bytes] = []
    watch = SocketWatch(VoiceCounters())
    watch.attach(Connection(pair.client))
    watch.register(got.append)
    before = trio.current_time()
    for number in range(8):
        pair.server.send(number.to_bytes(8, "big"))
    assert watch.hand_over() >= before
    assert len(got) == 8
    for number in range(100):
        pair.server.send(number.to_bytes(8, "big"))
    since = watch.hand_over()
    assert before <= since <= trio.current_time()
    assert len(got) == 8, "so much is the reader's to work off, in steps"


async def test_watch_drops_what_is_a_second_old(pairs, autojump_clock):
    """When the loop is so far behind, the oldest are dropped unread and counted; the newest are heard."""
    pair = pairs[0]
    got: list[tuple[float, bytes]] = []
    counters = VoiceCounters()
    watch = SocketWatch(counters)
    watch.attach(Connection(pair.client))
    watch.register(lambda datagram: got.append((watch.arrived_at, datagram)))
    unheard: list[float] = []
    watch.on_unheard = unheard.append
    for number in range(20):
        pair.server.send(number.to_bytes(8, "big"))
    assert watch.hand_over() == trio.current_time(), "the datagrams came now"
    assert not got
    await trio.sleep(1.5)
    pair.server.send(b"a new one")
    came_at = trio.current_time()
    assert watch.hand_over() == came_at
    assert got == [(came_at, b"a new one")]
    assert counters.datagrams_shed == 20
    assert unheard == [1.5]


async def test_what_the_kernel_drops_is_counted(pairs):
    """Its buffer is smaller than a long stall: an operator sees how much was lost, and the ears hear of it."""
    pair = pairs[0]
    counters = VoiceCounters()
    watch = SocketWatch(counters)
    watch.attach(Connection(pair.client))
    unheard: list[float] = []
    watch.on_unheard = unheard.append
    watch.register(lambda _: None)
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    for _ in range(500):
        pair.server.send(bytes(160))
    watch.hand_over()
    assert 100 < counters.datagrams_overflowed < 500
    assert len(unheard) == 1
