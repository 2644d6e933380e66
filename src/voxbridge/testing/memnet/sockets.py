"""The socket of the in-memory network: the part of Trio's socket interface that stream clients and servers use."""

from __future__ import annotations

import errno
import itertools
import socket as stdsocket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import trio

from voxbridge.testing.memnet.backlog import Backlog
from voxbridge.testing.memnet.lane import Lane, fail, nobody_told

if TYPE_CHECKING:
    from voxbridge.testing.memnet.net import Key, MemNet

_file_numbers = itertools.count(1_000_000)  # far from any real descriptor


class MemSocket(trio.socket.SocketType):
    """A stream socket (TCP over IPv4, or unix) that lives in a ``MemNet``.

    Errors are OSErrors with the kernel's errno, so Trio, httpcore and trio-websocket map them as usual.
    """

    def __init__(self, net: MemNet, family: int, proto: int) -> None:
        super().__init__()
        self._net = net
        self._family, self._proto = stdsocket.AddressFamily(family), proto
        self._fileno = next(_file_numbers)
        self._key: Key | None = None
        self._peer_key: Key | None = None
        self._is_shut_down = False
        self._rx: Lane | None = None
        self._tx: Lane | None = None
        self._owns_key = False  # an accepted socket shares the listener's address
        self.backlog: Backlog | None = None  # listening if not None
        self.on_abort: Callable[[float], None] = nobody_told  # RST to the peer, arriving then

    def __repr__(self) -> str:
        state = "closed" if self._fileno == -1 else "listening" if self.is_listening else "open"
        return f"<MemSocket {self._key} -> {self._peer_key}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def family(self) -> stdsocket.AddressFamily:
        return self._family

    @property
    def type(self) -> stdsocket.SocketKind:
        return stdsocket.SOCK_STREAM

    @property
    def proto(self) -> int:
        return self._proto

    @property
    def did_shutdown_SHUT_WR(self) -> bool:  # noqa: N802 -- Trio's name
        return self._is_shut_down

    @property
    def is_listening(self) -> bool:
        """Tell whether this socket takes connections."""
        return self.backlog is not None and self._fileno != -1

    def fileno(self) -> int:
        return self._fileno

    def getsockname(self) -> Any:
        self._check_open()
        return self._net.address(self._family, self._key)

    def getpeername(self) -> Any:
        self._check_open()
        if self._peer_key is None:
            fail(errno.ENOTCONN)
        return self._net.address(self._family, self._peer_key)

    def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> Any:
        self._check_open()
        if (level, optname) == (stdsocket.SOL_SOCKET, stdsocket.SO_ACCEPTCONN):
            return int(self.is_listening)  # trio.SocketListener asks
        return 0 if buflen is None else bytes(buflen)

    def setsockopt(self, *args: Any) -> None:  # noqa: ARG002 -- see below
        """Accept and ignore any option: none of them changes what this network does."""
        self._check_open()

    # -- server side --

    async def bind(self, address: Any) -> None:
        await trio.lowlevel.checkpoint()
        self._check_open()
        if self._key is not None:
            fail(errno.EINVAL)
        self._claim(self._net.key(self._family, address))

    def listen(self, backlog: int = 128) -> None:
        self._check_open()
        if self._key is None:
            self._claim(self._net.key(self._family, ("0.0.0.0", 0)))  # noqa: S104 -- as the kernel does
        self.backlog = Backlog(backlog)
        self._net.listening(self._key, self)

    async def accept(self) -> tuple[MemSocket, Any]:
        self._check_open()
        if self.backlog is None:
            fail(errno.EINVAL)
        sock = await self.backlog.take()
        return sock, sock.getpeername()

    # -- client side --

    async def connect(self, address: Any) -> None:
        """Connect; costs one round trip of the link, refused or not. A full backlog makes the client wait."""
        self._check_open()
        if self._rx is not None:
            fail(errno.EISCONN)
        key = self._net.key(self._family, address)
        link = self._net.link_of(key)
        await link.arrival(trio.current_time() + link.latency_s)
        backlog = None if link.refusing else self._net.find(key)
        is_welcome = backlog is not None and await backlog.wait_for_room()
        self._check_open()
        now = trio.current_time()
        if backlog is None or not is_welcome:
            await link.arrival(now + link.latency_s)
            fail(self._net.why_not(self._family, key))
        if self._key is None:
            self._claim(self._net.client_key(self._family))
        server = self._net.join(self, key)
        # The server's accept returns with the client's ACK, one way after the client's connect has returned.
        backlog.put(now + 2 * link.latency_s, link, server)
        await link.arrival(now + link.latency_s)

    def _claim(self, key: Key) -> None:
        self._key, self._owns_key = self._net.claim(key), True

    def plug(self, own: Key, peer: Key, rx: Lane, tx: Lane) -> None:
        """Become one end of a connection."""
        self._key, self._peer_key, self._rx, self._tx = own, peer, rx, tx

    @property
    def key(self) -> Key | None:
        """Return where this socket is, if anywhere."""
        return self._key

    # -- data --

    async def send(self, data: Any, flags: int = 0, /) -> int:
        return await self._lane(self._tx, flags, errno.EPIPE).send(data)

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        return await self._lane(self._rx, flags, errno.ENOTCONN).recv(buflen)

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = await self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def is_readable(self) -> bool:
        return self._rx is not None and self._rx.is_readable()

    async def wait_writable(self) -> None:
        await self._lane(self._tx, 0, errno.EPIPE).wait_writable()

    def shutdown(self, flag: int) -> None:
        """Finish one or both directions. SHUT_RD alone changes nothing, as nobody here relies on it."""
        self._check_open()
        if self._tx is None:
            fail(errno.ENOTCONN)
        if flag in {stdsocket.SHUT_WR, stdsocket.SHUT_RDWR}:
            self._is_shut_down = True
            self._tx.finish()

    def receive_reset(self, at: float, *, lose_unarrived: bool = False) -> None:
        """Let a RST reach this end at ``at``."""
        if self._rx is None or self._tx is None:
            return
        self._rx.reset_reader(at, lose_unarrived=lose_unarrived)
        # Linux, tcp_reset(): a socket that has had the peer's FIN reports EPIPE.
        self._tx.reset_writer(at, errno.EPIPE if self._rx.fin_sent else errno.ECONNRESET)

    def close(self) -> None:
        """Close, waking whoever waits on this socket. Unread bytes make it a RST instead of a FIN, as in Linux."""
        self._close(with_reset=False)

    def abort(self) -> None:
        """Close with a RST, as with SO_LINGER of zero seconds."""
        self._close(with_reset=True)

    def _close(self, *, with_reset: bool) -> None:
        if self._fileno == -1:
            return
        self._fileno = -1
        if self._key is not None and self._owns_key:
            self._net.release(self._key)
        if self.backlog is not None:
            self.backlog.close()
        if self._rx is not None and self._tx is not None:
            with_reset = self._rx.close_reader() or with_reset
            self._tx.close_writer(with_fin=not with_reset)
            if with_reset:
                self.on_abort(trio.current_time() + self._tx.link.latency_s)

    def _lane(self, lane: Lane | None, flags: int, code: int) -> Lane:
        self._check_open()
        if flags:
            raise NotImplementedError("MemNet knows no flags of send and recv")
        if lane is None:
            fail(code)
        return lane

    def _check_open(self) -> None:
        if self._fileno == -1:
            fail(errno.EBADF)
