"""ASGI on a socket: clients that leave in any step are no error of the server's."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import trio
from hypercorn.config import Config
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Ping, Request, TextMessage

from voxbridge.serving import serve_asgi

pytestmark = pytest.mark.integration

_CLIENTS = 100

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def _says_goodbye(_: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Close at the client's first word."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.close", "code": 1000})


def _config() -> Config:
    config = Config()
    config.errorlog = logging.getLogger("voxbridge.here")
    return config


def _listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


async def _leaves(path: Path, pings: int) -> None:
    """Say in one packet: a word, which is answered with a goodbye, some pings, and a goodbye of our own."""
    ws = WSConnection(ConnectionType.CLIENT)
    async with await trio.open_unix_socket(path) as stream:
        await stream.send_all(ws.send(Request(host="here", target="/")))
        ws.receive_data(bytes(await stream.receive_some()))
        assert len(list(ws.events())) == 1
        said = [TextMessage("bye"), *[Ping()] * pings, CloseConnection(1000)]
        await stream.send_all(b"".join(map(ws.send, said)))
        while await stream.receive_some():
            pass


async def test_clients_that_leave_during_a_send(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Goodbyes of both sides meet in the same step: no traceback in the log, and the next client is served."""
    path = tmp_path / "here.sock"
    with caplog.at_level(logging.WARNING):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_asgi, _says_goodbye, _config(), _listening(path))
            for client in range(_CLIENTS):
                await _leaves(path, client % 8)
            nursery.cancel_scope.cancel()
    assert [record.getMessage() for record in caplog.records] == []
