"""The daemon's control socket, asked from Trio: its events as they happen, and a few commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11
import trio

from voxbridge.core.wire.json_text import json_value
from voxbridge.errors import VoxBridgeError

_LINE_BYTES_MAX = 1 << 20  # an answer of 20,000 characters, escaped, is far below
_READ_BYTES = 65_536
_ASK_S = 10.0


class ControlLost(VoxBridgeError):
    """The daemon does not answer on its control socket."""


class ControlClient:
    """Asks the daemon behind a control socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, target: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return the answer. Raises: ControlLost."""
        pieces: list[bytes] = []
        with trio.move_on_after(_ASK_S) as scope:
            await self._exchange("POST", target, json.dumps(body).encode(), pieces.append)
        answer = json_value(b"".join(pieces))
        if scope.cancelled_caught or not isinstance(answer, dict):
            raise ControlLost(f"{self._path}: the daemon gave no answer to {target}")
        return answer

    async def follow(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        """Hand over the daemon's events as they happen, until it ends. Raises: ControlLost."""
        pending = b""

        def read(piece: bytes) -> None:
            nonlocal pending
            *lines, pending = (pending + piece).split(b"\n")
            if len(pending) > _LINE_BYTES_MAX:
                raise ControlLost(f"{self._path}: what answers there is not a VoxBridge daemon")
            for line in lines:
                if isinstance(event := json_value(line), dict):
                    on_event(event)

        await self._exchange("GET", "/v1/events?follow=1", b"", read)

    async def _exchange(self, method: str, target: str, body: bytes, on_piece: Callable[[bytes], object]) -> None:
        client = h11.Connection(h11.CLIENT)
        headers = [("host", "voxbridge"), ("connection", "close"), ("content-length", str(len(body)))]
        request: list[h11.Event] = [h11.Request(method=method, target=target, headers=headers)]
        request += [h11.Data(body), h11.EndOfMessage()]
        try:
            async with await trio.open_unix_socket(self._path) as stream:
                await stream.send_all(b"".join(client.send(event) or b"" for event in request))
                while True:
                    event = client.next_event()
                    if event is h11.NEED_DATA:
                        client.receive_data(await stream.receive_some(_READ_BYTES))
                    elif isinstance(event, h11.Data):
                        on_piece(bytes(event.data))
                    elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                        return
        except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError) as error:
            raise ControlLost(f"{self._path}: the daemon does not answer") from error
