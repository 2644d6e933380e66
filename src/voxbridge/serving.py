"""ASGI applications served on Trio: hypercorn's connections on a socket of ours."""

from __future__ import annotations

import socket

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app


class _Connection(TCPServer):
    async def protocol_send(self, event: Event) -> None:
        """Send, as hypercorn does; what meets the connection's end is lost, like what comes behind it.

        hypercorn (0.18) ends its direction without the lock that it sends under. A message that was on its way in
        that very step is refused by Trio, which was an error in the application, or the end of the whole server.
        """
        try:
            await super().protocol_send(event)
        except trio.BusyResourceError:
            await self.protocol.handle(Closed())


async def serve_asgi(
    app: object,
    config: Config,
    listener: socket.socket,
    *,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; ``started`` is called when connections are taken. Closes the listener."""
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")  # type: ignore[arg-type]
    context = WorkerContext(None)

    async def converse(stream: trio.SocketStream) -> None:
        # hypercorn says that it wants TLS; it asks the stream whether it has any.
        await _Connection(wrapped, config, context, ConnectionState({}), stream).run()  # type: ignore[arg-type]

    taken = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    await trio.serve_listeners(converse, [taken], task_status=task_status)
