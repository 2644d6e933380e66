"""A response whose body is written while it is being made, and given up when the client leaves.

Starlette's own streams an async generator and leaves it open when the client goes (1.x), which Trio rightly
complains about; a function that writes has no such end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import trio
from starlette.responses import Response

Write = Callable[[bytes], Awaitable[None]]


class StreamedResponse(Response):
    """A 200 in chunks: each ``write`` of ``body_writer`` is one, and the first leaves with the headers at once.

    A failure of ``body_writer`` cuts the body, so that the client can tell it from an end.
    """

    def __init__(self, body_writer: Callable[[Write], Awaitable[None]], headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._body_writer = body_writer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - the signature is ASGI's
        """Answer one request; Starlette calls this."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

            async def write(data: bytes) -> None:
                await send({"type": "http.response.body", "body": data, "more_body": True})

            await self._body_writer(write)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            nursery.cancel_scope.cancel()


async def _cancel_when_gone(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]], scope: trio.CancelScope
) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel(reason="left")
