"""One ASGI application on one listening socket: hypercorn on Trio, without its own opinions on logs and signals."""

from __future__ import annotations

import logging
import socket

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_asgi
from starlette.applications import Starlette

# A status page that somebody looks at must not hold up the daemon's end.
_GRACE_S = 0.2


async def serve_app(
    app: Starlette, listener: socket.socket, *, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled; ``started`` is called when connections are taken. Closes the listener."""
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # hypercorn owns and closes the descriptor that it is given
    config.accesslog = None
    config.errorlog = logging.getLogger("voxbridge.ops.http")
    config.errorlog.setLevel(logging.WARNING)
    config.include_server_header = False
    config.graceful_timeout = _GRACE_S
    await serve_asgi(
        app,  # type: ignore[arg-type]
        config,
        shutdown_trigger=trio.sleep_forever,
        task_status=task_status,
    )
