"""One direction of a connection, and the link (the way to one listening address) that it runs on.

Nothing here runs by itself. A byte, a FIN and a RST each carry the instant at which they reach the other end, and
whoever waits compares those instants with the link's horizon, which is now, or the instant at which a stall began.

    writer                                lane                                  reader
    send() ---> waits for window room --> [(arrives_at, bytes) ... (arrives_at, FIN)] --> recv()
"""

from __future__ import annotations

import errno
import math
import os
import weakref
from collections import deque
from collections.abc import Callable
from typing import NoReturn

import attrs
import trio

_SEGMENT_BYTES = 1448  # an Ethernet frame's worth of TCP payload: with a bandwidth limit, bytes arrive in such steps


def fail(code: int) -> NoReturn:
    """Raise the OSError that the kernel would report."""
    raise OSError(code, os.strerror(code))


def nobody_told(at: float) -> None:
    """Ignore a RST: what a socket without a connection does."""


@attrs.define(eq=False)
class Link:
    """The way to one listening address, both directions. Every attribute may be changed at any time.

    ``latency_s`` is one way: a connect costs two, a request and its answer two more. ``chunk_bytes`` is the most a
    single read returns. ``bytes_per_s`` limits each direction of each connection. ``window_bytes`` is how much may be
    unread before the sender has to wait. ``refusing`` turns new connections away though somebody listens.
    """

    latency_s: float = 0.0
    chunk_bytes: int | None = None
    bytes_per_s: float | None = None
    window_bytes: int = 65_536
    refusing: bool = False
    _stalled_at: float | None = attrs.field(default=None, init=False)
    _lot: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _watching: weakref.WeakSet[trio.lowlevel.ParkingLot] = attrs.field(factory=weakref.WeakSet, init=False)

    @property
    def is_stalled(self) -> bool:
        """Tell whether the link delivers nothing at present."""
        return self._stalled_at is not None

    def stall(self) -> None:
        """Deliver nothing from now on: no byte, no FIN, no RST, no connect. What has arrived stays readable."""
        if self._stalled_at is None:
            self._stalled_at = trio.current_time()

    def resume(self) -> None:
        """Deliver again, beginning with what was due during the stall (as TCP's retransmission does)."""
        self._stalled_at = None
        for lot in (self._lot, *self._watching):
            lot.unpark_all()

    def horizon(self) -> float:
        """Return the instant up to which things that were under way have arrived."""
        return trio.current_time() if self._stalled_at is None else self._stalled_at

    async def arrival(self, at: float) -> None:
        """Wait until something that is due at ``at`` has arrived."""
        await trio.lowlevel.checkpoint()
        while self.horizon() < at:
            with trio.move_on_at(math.inf if self.is_stalled else at):
                await self._lot.park()

    def watch(self, lot: trio.lowlevel.ParkingLot) -> None:
        """Wake those who wait in ``lot`` whenever the link is resumed."""
        self._watching.add(lot)


class Lane:
    """One direction: bytes become readable the link's latency after they were sent, in order, within a window."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.sent_bytes = 0
        self.reset_after_bytes: int | None = None
        self.on_reset: Callable[[float], None] = nobody_told  # the connection: RST to both ends, arriving then
        self.on_lost: Callable[[float], None] = nobody_told  # the writer's end: RST comes back then
        self._segments: deque[tuple[float, bytearray | None]] = deque()  # None is the FIN
        self._unread_bytes = 0
        self._last_arrival = -math.inf
        self._line_free_at = -math.inf
        self.fin_sent = self._writer_closed = self._reader_closed = False
        self._reader_reset_at = self._writer_reset_at = math.inf
        self._writer_errno = errno.ECONNRESET
        self._lot = trio.lowlevel.ParkingLot()
        link.watch(self._lot)

    # -- the writer's end --

    async def send(self, data: bytes | bytearray | memoryview) -> int:
        """Take as much as the window has room for, at least one byte; return how much.

        Raises: OSError with EBADF (closed here), EPIPE (shut down here, or the peer had finished before it reset us),
        ECONNRESET.
        """
        await trio.lowlevel.checkpoint()
        while (room := self._room()) <= 0:
            await self._wait(self._writer_reset_at)
        part = bytes(data[:room])
        if self.reset_after_bytes is not None and self.sent_bytes + len(part) >= self.reset_after_bytes:
            self._put(part[: self.reset_after_bytes - self.sent_bytes])
            self.on_reset(self._last_arrival)
        elif self._reader_closed:
            self.sent_bytes += len(part)
            self.on_lost(trio.current_time() + 2 * self.link.latency_s)
        else:
            self._put(part)
        return len(part)

    async def wait_writable(self) -> None:
        """Return when a send would not wait."""
        await trio.lowlevel.checkpoint()
        while self._room() <= 0:
            await self._wait(self._writer_reset_at)

    def finish(self) -> None:
        """Send the FIN: the reader gets what is under way, then end of file."""
        if not self.fin_sent:
            self.fin_sent = True
            self._last_arrival = max(self._last_arrival, trio.current_time() + self.link.latency_s)
            self._segments.append((self._last_arrival, None))
        self._lot.unpark_all()

    def close_writer(self, *, with_fin: bool) -> None:
        """Close the writing end; whoever waits in ``send`` gets EBADF."""
        self._writer_closed = True
        if with_fin:
            self.finish()
        self._lot.unpark_all()

    def _room(self) -> int:
        if self._writer_closed:
            fail(errno.EBADF)
        if self.link.horizon() >= self._writer_reset_at:
            fail(self._writer_errno)
        if self.fin_sent:
            fail(errno.EPIPE)
        return self.link.window_bytes - self._unread_bytes

    def _put(self, data: bytes) -> None:
        """Put bytes under way: at once, or at the line's speed, one frame after the other."""
        now, speed = trio.current_time(), self.link.bytes_per_s
        step = _SEGMENT_BYTES if speed else max(len(data), 1)
        for start in range(0, len(data), step):
            piece = bytearray(data[start : start + step])
            self._line_free_at = max(self._line_free_at, now) + (len(piece) / speed if speed else 0.0)
            self._last_arrival = max(self._last_arrival, self._line_free_at + self.link.latency_s)
            self._segments.append((self._last_arrival, piece))
        self.sent_bytes += len(data)
        self._unread_bytes += len(data)
        self._lot.unpark_all()

    # -- the reader's end --

    async def recv(self, limit: int) -> bytes:
        """Return what has arrived, up to ``limit`` bytes; b"" at end of file. Raises: OSError (EBADF, ECONNRESET)."""
        await trio.lowlevel.checkpoint()
        while not self.is_readable():
            head_at = self._segments[0][0] if self._segments else math.inf
            await self._wait(min(head_at, self._reader_reset_at))
        if self._reader_closed:
            fail(errno.EBADF)
        if not self._has_arrived():
            fail(errno.ECONNRESET)
        piece = self._segments[0][1]
        if piece is None:
            return b""  # the FIN stays: every further read says the same
        out = bytes(piece[: min(limit, self.link.chunk_bytes or limit)])
        del piece[: len(out)]
        if not piece:
            self._segments.popleft()
        self._unread_bytes -= len(out)
        self._lot.unpark_all()
        return out

    def is_readable(self) -> bool:
        """Tell whether a read would return (or raise) at once."""
        return self._reader_closed or self._has_arrived() or self.link.horizon() >= self._reader_reset_at

    def close_reader(self) -> bool:
        """Close the reading end, losing what is unread; tell whether anything was. A waiting reader gets EBADF."""
        lost = self._unread_bytes > 0
        self._reader_closed = True
        self._segments.clear()
        self._unread_bytes = 0
        self._lot.unpark_all()
        return lost

    def _has_arrived(self) -> bool:
        return bool(self._segments) and self._segments[0][0] <= self.link.horizon()

    # -- both --

    def reset_reader(self, at: float, *, lose_unarrived: bool = False) -> None:
        """Let a RST reach the reading end at ``at``: it reads what came before, then ECONNRESET."""
        self._reader_reset_at = min(self._reader_reset_at, at)
        if lose_unarrived:
            horizon = self.link.horizon()
            self._segments = deque(segment for segment in self._segments if segment[0] <= horizon)
            self._unread_bytes = sum(len(piece) for _, piece in self._segments if piece)
        self._lot.unpark_all()

    def reset_writer(self, at: float, code: int = errno.ECONNRESET) -> None:
        """Let a RST reach the writing end at ``at``."""
        if at < self._writer_reset_at:
            self._writer_reset_at, self._writer_errno = at, code
        self._lot.unpark_all()

    async def _wait(self, until: float) -> None:
        """Wait for a change of state, or until ``until`` unless the link is stalled."""
        with trio.move_on_at(math.inf if self.link.is_stalled else until):
            await self._lot.park()
