"""Reading the voice socket from Trio, in the place of discord.py's reader thread.

    socket --collect--> datagrams with their times --hand_over--> callback: open, sort, decode, judge, in one pass

discord.py 2.7.1 reads its UDP socket in a thread that sits in ``select(old socket, 30 s)``, so that after a reconnect
the new socket is not read for up to 30 s. This stands in for it (``VoiceConnectionState._socket_reader``) and follows
a change of socket at once; datagrams do not pass through asyncio, which costs five times as much and loses bursts.

A datagram is carried all the way to the end of a turn in one call. So a step takes a few of them only, between which
others have their turn (a frame that is due to be sent), and what has come is taken out of the socket at once, whose
buffer holds less than we can bear to be late. What has waited for too long is dropped and counted.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog
import trio

from voxbridge.discord.counters import VoiceCounters

_log = structlog.get_logger(__name__)

DatagramCallback = Callable[[bytes], object]

_DATAGRAM_BYTES = 4096
# 0.45 ms each, decoding and VAD included: 4 ms until a frame that is due can leave, which nobody hears.
_DATAGRAMS_PER_STEP = 8
_COLLECTED_PER_STEP = 256  # 1 ms of a flood
# A conversation that is a second behind does not become better by hearing everything.
_WAIT_MAX_S = 1.0
_SHORTEST_BYTES = 8  # a keepalive; discord.py's own callback indexes byte 1 without asking
_MANY = 32  # so many at once: the buffer may have been full
_SO_MEMINFO, _MEMINFO_DROPS = 55, 8  # linux/asm-generic/socket.h, linux/sock_diag.h
_RECEIVE_BUFFER_BYTES = 1 << 20  # a stalled loop of 0.5 s with ten speakers; Linux cuts it to net.core.rmem_max


class HasSocket(Protocol):
    """What is read of discord.py's connection: the socket of now, which it replaces as it likes."""

    socket: socket.socket


class SocketWatch:
    """Has the methods of discord.py's ``SocketReader``; the reading itself is the Trio task ``run``."""

    def __init__(self, counters: VoiceCounters) -> None:
        self._counters = counters
        self._callbacks: list[DatagramCallback] = []
        self._connection: HasSocket | None = None
        self._socket: socket.socket | None = None
        self._wanted = trio.Event()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self.arrived_at = 0.0
        """The Trio time at which the datagram that is being handed out came."""
        self.on_unheard: Callable[[float], None] = lambda _seconds: None
        """Told for how long datagrams were dropped that nobody has looked at."""
        self._collected_at = 0.0
        self._kernel_drops = 0

    def attach(self, connection: HasSocket) -> None:
        """Say whose socket is to be read."""
        self._connection = connection

    def register(self, callback: DatagramCallback) -> None:
        """Call ``callback`` for each datagram."""
        self._callbacks.append(callback)
        self.resume()

    def unregister(self, callback: DatagramCallback) -> None:
        """Stop calling ``callback``."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def pause(self) -> None:
        """Let go of the socket; discord.py closes it right after."""
        if self._socket is not None:
            held, self._socket = self._socket, None
            if held.fileno() >= 0:
                trio.lowlevel.notify_closing(held)

    def resume(self, *, force: bool = False) -> None:  # noqa: ARG002 - discord.py's signature
        """Read the connection's socket, which may be another one than before."""
        current = self._connection.socket if self._connection is not None else None
        if not current or current.fileno() < 0 or current is self._socket:
            return
        self.pause()
        current.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self._socket, self._kernel_drops = current, 0
        self._wanted.set()

    stop = pause

    async def run(self) -> None:
        """Read until cancelled, whichever socket is the connection's."""
        while True:
            watched = self._socket
            if watched is None:
                self._wanted = trio.Event()
                await self._wanted.wait()
                continue
            try:
                if self._waiting:
                    await trio.lowlevel.checkpoint()
                else:
                    await trio.lowlevel.wait_readable(watched)
            except (trio.ClosedResourceError, OSError):
                if self._socket is watched:
                    self._socket = None
                continue
            self.collect()
            self._step()

    def hand_over(self) -> float:
        """Hand out what has come, if one step can; return the Trio time up to which everything was handed out."""
        self.collect()
        if len(self._waiting) <= _DATAGRAMS_PER_STEP:
            self._step()
        return self._waiting[0][0] if self._waiting else trio.current_time()

    def _step(self) -> None:
        for _ in range(min(_DATAGRAMS_PER_STEP, len(self._waiting))):
            self.arrived_at, datagram = self._waiting.popleft()
            self._hand_out(datagram)

    def collect(self) -> None:
        """Take what has come out of the socket, and note when."""
        watched, now = self._socket, trio.current_time()
        self._shed(now)
        if watched is None:
            return
        before = len(self._waiting)
        self._receive(watched, now)
        if len(self._waiting) - before >= _MANY:
            self._look_for_drops(watched, now)
        self._collected_at = now

    def _shed(self, now: float) -> None:
        """Drop what has waited for too long."""
        waiting = self._waiting
        if not waiting or now - waiting[0][0] <= _WAIT_MAX_S:
            return
        since = waiting[0][0]
        while waiting and now - waiting[0][0] > _WAIT_MAX_S:
            waiting.popleft()
            self._counters.datagrams_shed += 1
        self.on_unheard((waiting[0][0] if waiting else now) - since)

    def _look_for_drops(self, watched: socket.socket, now: float) -> None:
        """See whether the kernel's buffer was too small for what came since we were here last."""
        try:
            numbers = watched.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_MEMINFO_DROPS + 1))
        except OSError:
            return  # not Linux, or a kernel before 4.12
        if len(numbers) < 4 * (_MEMINFO_DROPS + 1):
            return
        (drops,) = struct.unpack_from("=I", numbers, 4 * _MEMINFO_DROPS)
        if drops > self._kernel_drops:
            self._counters.datagrams_overflowed += drops - self._kernel_drops
            self._kernel_drops = drops
            self.on_unheard(now - self._collected_at)

    def _receive(self, watched: socket.socket, now: float) -> None:
        for _ in range(_COLLECTED_PER_STEP):
            try:
                datagram = watched.recv(_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionRefusedError:
                continue  # an ICMP answer to something we sent; the socket is still good
            except OSError:
                self._socket = None
                return
            if len(datagram) >= _SHORTEST_BYTES:
                self._waiting.append((now, datagram))

    def _hand_out(self, datagram: bytes) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(datagram)
            except Exception as exc:  # noqa: BLE001 - one bad datagram must not deafen us
                self._counters.reader_errors += 1
                _log.warning("a datagram was not understood", error=type(exc).__name__)
