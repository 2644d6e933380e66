"""A way to a server on which its bytes come one by one, or stop: what a hostile or a dying server does to anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal

import attrs
import trio

Manner = Literal["as it is", "slow", "slow body", "half-closed", "half-closed body", "poisoned", "poisoned body"]
HOST = "127.0.0.1"
_HEAD_END = b"\r\n\r\n"
_TOO_MANY = 1000


@attrs.define
class Trickle:
    """Passes on all that a client says, and the server's bytes in a ``manner`` that may change at any time.

    ``slow``: one byte every ``pause_s``, behind ``quick_bytes`` that come as they are; ``half-closed``: the server's
    direction ends, and it goes on listening; ``poisoned``: the ``poison`` comes instead. Of a ``body`` the head comes
    as it is.
    """

    upstream_port: int
    port: int = 0
    manner: Manner = "as it is"
    pause_s: float = 1.0
    quick_bytes: int = 0
    poison: bytes = b""
    connections: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        """Live one connection."""
        self.connections += 1
        assert self.connections < _TOO_MANY, "it is called without an end, and no time passes"
        async with (
            stream,
            await trio.open_tcp_stream(HOST, self.upstream_port) as server,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self._up, stream, server, nursery.cancel_scope)
            try:
                await self._down(server, stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                nursery.cancel_scope.cancel(reason="left")

    async def _up(self, client: trio.SocketStream, server: trio.SocketStream, whole: trio.CancelScope) -> None:
        try:
            async for data in client:
                await server.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        whole.cancel(reason="left")

    async def _down(self, server: trio.SocketStream, client: trio.SocketStream) -> None:
        seen, quick = b"", self.quick_bytes
        async for data in server:
            rest = bytes(data)
            if self.manner.endswith("body") and _HEAD_END not in seen:
                seen += rest
                head, end, rest = seen.partition(_HEAD_END)
                if not end:
                    await client.send_all(data)
                    continue
                await client.send_all((head + end)[len(seen) - len(data) :])
            if self.manner.startswith(("half-closed", "poisoned")):
                if self.manner.startswith("poisoned"):
                    await client.send_all(self.poison)
                await client.send_eof()
                await trio.sleep_forever()
            if self.manner == "as it is":
                await client.send_all(rest)
                continue
            await client.send_all(rest[:quick])
            rest, quick = rest[quick:], max(0, quick - len(rest))
            for byte in rest:
                await trio.sleep(self.pause_s)
                await client.send_all(bytes([byte]))
        await client.send_eof()
        await trio.sleep_forever()


@asynccontextmanager
async def trickling(upstream_port: int) -> AsyncIterator[Trickle]:
    """Open such a way to the server at a port of this host."""
    trickle = Trickle(upstream_port)
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(partial(trio.serve_tcp, trickle.serve, 0, host=HOST))
        trickle.port = listeners[0].socket.getsockname()[1]
        yield trickle
        nursery.cancel_scope.cancel(reason="test over")
