"""The embedded engines: speech to text, agent and text to speech on the real servers' wire protocols.

They run in a process of their own, since CPU-heavy work in the daemon makes its 20 ms frames late. Importing this
package loads none of them.
"""

from __future__ import annotations

from collections.abc import Callable

from voxbridge.config.service import EnginesSettings


async def serve(
    settings: EnginesSettings, *, listen: str, on_ready: Callable[[str], None], on_alive: Callable[[], None]
) -> None:
    """Load the engines and serve them until cancelled; see ``voxbridge.engines.server.serve``."""
    from voxbridge.engines import server  # Starlette, hypercorn and numpy are not for those who only supervise

    await server.serve(settings, listen=listen, on_ready=on_ready, on_alive=on_alive)


def run(
    settings: EnginesSettings,
    *,
    listen: str,
    parent_pipe: bool = False,
    on_ready: Callable[[str], None] = lambda _address: None,
    on_alive: Callable[[], None] = lambda: None,
) -> int:
    """Be the engines' process; return its exit code. See ``voxbridge.engines.child.run``."""
    from voxbridge.engines import child

    return child.run(settings, listen=listen, parent_pipe=parent_pipe, on_ready=on_ready, on_alive=on_alive)
