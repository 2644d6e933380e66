"""The unit's status line follows what goes on: sent when it changes, at most once a second."""

from __future__ import annotations

from collections.abc import Callable

import trio

from voxbridge.ops.notify import Notifier

_PERIOD_S = 1.0


async def follow_status(notifier: Notifier, line: Callable[[], str]) -> None:
    """Send ``line()`` whenever it is another one, for ever; return at once if nobody listens.

    Looked at once a second rather than told of each change: a room of ten changes it that often.
    """
    if not notifier.is_heard:
        return
    shown = ""
    while True:
        now = line()
        if now != shown:
            notifier.status(now)
            shown = now
        await trio.sleep(_PERIOD_S)
