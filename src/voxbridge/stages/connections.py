"""Connections for httpcore: a request leaves in one write, and a connection can be there before its request.

httpcore writes the head and the body of a request apart: two system calls, two packets, and a server that wakes up
twice. Here what is written waits until an answer is read, which is when the request is whole, or until it is too much
to hold.

The pool drops what was idle for 4 s, and a conversation pauses for longer than that. A new connection costs 0.5 ms on
loopback and 2.7 ms with TLS (measured), and over a network one round trip, or three with TLS and the look-up of the
name: time that an utterance leaves to spare. So one is opened when somebody begins to speak, TLS and all, and lies
ready. No request goes over it, so that it costs the server nothing, whatever its routes may do.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore
import trio

# An utterance that is uploaded is larger, a request of an agent or a voice is not.
_HELD_BYTES_MAX = 64 * 1024
# What is read at once is taken apart in one step: 64 KiB of "103 Early Hints" were 35 ms of it.
_READ_BYTES_MAX = 8 << 10

# Node and nginx wait 60 s for a first request unless told otherwise (documented). Who closes sooner is noticed, or the
# request is sent again.
_SPARE_S_MAX = 45.0

HAS_CONNECTED: ContextVar[bool] = ContextVar("HAS_CONNECTED", default=False)
"""Whether the task's request had a connection made for it. Else it went over one that the server may have closed."""


class Connections(httpcore.AsyncNetworkBackend):
    """Trio's connections to one server, with their writes held together, and one of them made in advance.

    ``context`` is given if the server speaks TLS, ``uds`` if it listens on a unix socket.
    """

    def __init__(self, host: str, port: int, *, context: ssl.SSLContext | None = None, uds: str = "") -> None:
        self._host, self._port, self._context, self._uds = host, port, context, uds
        self._trio = httpcore.TrioBackend()
        self._spare: Stream | None = None
        self._spare_until = 0.0

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect, or return the spare; see httpcore."""
        if (spare := await self._take_spare()) is not None:
            return spare
        HAS_CONNECTED.set(True)
        return Stream(await self._trio.connect_tcp(host, port, timeout, local_address, socket_options))

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect, or return the spare; see httpcore."""
        if (spare := await self._take_spare()) is not None:
            return spare
        HAS_CONNECTED.set(True)
        return Stream(await self._trio.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Sleep; see httpcore."""
        await self._trio.sleep(seconds)

    async def prepare(self) -> None:
        """Have a connection ready for the next request. Raises: httpcore's errors."""
        if (spare := await self._take_spare()) is None:
            spare = await self._open()
            self._spare_until = trio.current_time() + _SPARE_S_MAX
        self._spare = spare

    async def _open(self) -> Stream:
        if self._uds:
            return Stream(await self._trio.connect_unix_socket(self._uds))
        stream = await self._trio.connect_tcp(self._host, self._port)
        if self._context is None:
            return Stream(stream)
        try:
            return Stream(await stream.start_tls(self._context, self._host), is_secured=True)
        except BaseException:
            await stream.aclose()
            raise

    async def aclose(self) -> None:
        """Close the spare."""
        spare, self._spare = self._spare, None
        if spare is not None:
            await spare.aclose()

    async def _take_spare(self) -> Stream | None:
        """Return the spare if it is any good."""
        spare = self._spare
        if spare is None or trio.current_time() >= self._spare_until or spare.is_closed_by_peer:
            await self.aclose()
            return None
        self._spare = None
        return spare


class Stream(httpcore.AsyncNetworkStream):
    """One connection; see httpcore. ``is_secured``: it was made in advance, TLS and all."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, *, is_secured: bool = False) -> None:
        self._stream, self._is_secured = stream, is_secured
        self._held = bytearray()

    @property
    def is_closed_by_peer(self) -> bool:
        """Tell whether the server has closed a spare. With TLS it cannot be told: its tickets lie there to be read."""
        return not self._is_secured and bool(self.get_extra_info("is_readable"))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold data to be written with what follows."""
        self._held += buffer
        if len(self._held) > _HELD_BYTES_MAX:
            await self._flush(timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Write what is held, and read."""
        if self._held:
            # A server may refuse before it has read all: what it said stands in the answer.
            with contextlib.suppress(httpcore.WriteError):
                await self._flush(timeout)
        return await self._stream.read(min(max_bytes, _READ_BYTES_MAX), timeout)

    async def _flush(self, limit_s: float | None) -> None:
        held, self._held = bytes(self._held), bytearray()
        await self._stream.write(held, limit_s)

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Speak TLS from now on."""
        if self._is_secured:  # in advance, with the same context and for the same host
            return self
        return Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._stream.get_extra_info(info)
