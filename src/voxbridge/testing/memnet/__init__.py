"""An in-memory network under Trio's public, per-run hooks, so that real protocol bytes run in virtual time.

``MemNet().install()`` calls ``trio.socket.set_custom_socket_factory`` and ``set_custom_hostname_resolver``. From
then on, in this ``trio.run`` only, ``trio.serve_tcp``, ``trio.open_tcp_stream``, ``trio.open_unix_socket``, httpx
and trio-websocket work unmodified and without a kernel socket. Nothing waits for the operating system, so an
autojump clock moves only when every task really waits for time. (On real sockets an autojump clock works nearly
always and fails in CI: a task that waits for the kernel looks idle to Trio.)

Who makes stdlib sockets of his own, threads or child processes is outside: do not mix them with an autojump clock.
"""

from voxbridge.testing.memnet.lane import Link
from voxbridge.testing.memnet.net import Connection, MemNet
from voxbridge.testing.memnet.sockets import MemSocket

__all__ = ["Connection", "Link", "MemNet", "MemSocket"]
