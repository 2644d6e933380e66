"""Connections for httpcore on which a request leaves in one write.

httpcore writes the head and the body of a request apart: two system calls, two packets, and a server that wakes up
twice. Here what is written waits until an answer is read, which is when the request is whole, or until it is too much
to hold.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

# An utterance that is uploaded is larger, a request of an agent or a voice is not.
_HELD_BYTES_MAX = 64 * 1024


class OneWriteBackend(httpcore.AsyncNetworkBackend):
    """Trio's connections, with their writes held together."""

    def __init__(self) -> None:
        self._trio = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; see httpcore."""
        return _Stream(await self._trio.connect_tcp(host, port, timeout, local_address, socket_options))

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; see httpcore."""
        return _Stream(await self._trio.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Sleep; see httpcore."""
        await self._trio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._held += buffer
        if len(self._held) > _HELD_BYTES_MAX:
            await self._flush(timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._held:
            # A server may refuse before it has read all: what it said stands in the answer.
            with contextlib.suppress(httpcore.WriteError):
                await self._flush(timeout)
        return await self._stream.read(max_bytes, timeout)

    async def _flush(self, limit_s: float | None) -> None:
        held, self._held = bytes(self._held), bytearray()
        await self._stream.write(held, limit_s)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
