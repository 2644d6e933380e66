"""One ASGI application on one listening socket: hypercorn on Trio, without its own opinions on logs and signals."""

from __future__ import annotations

import logging
import socket

import trio
from hypercorn.config import Config
from starlette.applications import Starlette

from voxbridge.serving import serve_asgi


async def serve_app(
    app: Starlette, listener: socket.socket, *, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled; ``started`` is called when connections are taken. Closes the listener."""
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("voxbridge.ops.http")
    config.errorlog.setLevel(logging.WARNING)
    config.include_server_header = False
    await serve_asgi(app, config, listener, task_status=task_status)
