"""The watchdog: systemd is told that we live only while everything that must move has moved.

A beat is an await that returns once its side has really done something: the asyncio loop has run a callback, the
playout clock has gone round. A timer that pets on its own would keep a half-dead daemon "alive".

    |<---- WATCHDOG_USEC / 2 ---->|
    beats of all sides ... WATCHDOG=1      a side that does not beat in time: no WATCHDOG=1, and a line that names it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
import trio

from voxbridge.ops.notify import Notifier

_log = structlog.get_logger(__name__)

Beat = Callable[[], Awaitable[None]]


async def pet_watchdog(notifier: Notifier, beats: Mapping[str, Beat]) -> None:
    """Pet systemd's watchdog for ever; return at once if nobody set one.

    A stalled Trio loop needs no beat of its own: this task does not run in it.
    """
    if notifier.watchdog_s is None:
        return
    period_s = notifier.watchdog_s / 2  # as sd_watchdog_enabled(3) advises
    while True:
        began = trio.current_time()
        if not await silent_sides(beats, period_s):
            notifier.pet()
        await trio.sleep_until(began + period_s)


async def silent_sides(beats: Mapping[str, Beat], limit_s: float) -> list[str]:
    """Return the names of those that did not beat within ``limit_s``, and say so in the log."""
    waiting = dict.fromkeys(beats)

    async def feel(name: str, beat: Beat) -> None:
        await beat()
        del waiting[name]

    with trio.move_on_after(limit_s):
        async with trio.open_nursery() as nursery:
            for name, beat in beats.items():
                nursery.start_soon(feel, name, beat)
    if waiting:
        _log.error("no beat: the watchdog is not petted", sides=list(waiting), limit_ms=round(limit_s * 1000))
    return list(waiting)
