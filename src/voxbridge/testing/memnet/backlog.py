"""Connections that have been made and not yet accepted."""

from __future__ import annotations

import errno
import math
from collections import deque
from typing import TYPE_CHECKING

import trio

from voxbridge.testing.memnet.lane import Link, fail

if TYPE_CHECKING:
    from voxbridge.testing.memnet.sockets import MemSocket


class Backlog:
    """The queue of one listening socket, first come first served."""

    def __init__(self, size: int) -> None:
        self._size = max(size, 1)
        self._waiting: deque[tuple[float, Link, MemSocket]] = deque()
        self._closed = False
        self._lot = trio.lowlevel.ParkingLot()

    async def wait_for_room(self) -> bool:
        """Wait while the queue is full (as SYNs are, which the kernel drops and the client repeats).

        Returns False when the listener was closed.
        """
        while len(self._waiting) >= self._size and not self._closed:
            await self._lot.park()
        return not self._closed

    def put(self, arrives_at: float, link: Link, sock: MemSocket) -> None:
        """Queue the server's end of a connection, which can be accepted at ``arrives_at``."""
        self._waiting.append((arrives_at, link, sock))
        link.watch(self._lot)
        self._lot.unpark_all()

    async def take(self) -> MemSocket:
        """Return the next connection that has arrived. Raises: OSError (EBADF) when closed meanwhile."""
        await trio.lowlevel.checkpoint()
        while True:
            if self._closed:
                fail(errno.EBADF)
            for index, (arrives_at, link, sock) in enumerate(self._waiting):
                if link.horizon() >= arrives_at:
                    del self._waiting[index]
                    self._lot.unpark_all()
                    return sock
            due = (at for at, link, _ in self._waiting if not link.is_stalled)
            with trio.move_on_at(min(due, default=math.inf)):
                await self._lot.park()

    def close(self) -> None:
        """Reset whoever waits here, and wake those who wait for them."""
        self._closed = True
        for _, _, sock in self._waiting:
            sock.abort()
        self._waiting.clear()
        self._lot.unpark_all()
