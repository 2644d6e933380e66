"""Another life of the daemon, after kill -9, with the same files in the same Discord."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from voxbridge.config.settings import Settings
from voxbridge.rehearsal.call import SimulatedCall, clean_environ, rehearsal_tables
from voxbridge.rehearsal.daemon_process import daemon_process
from voxbridge.rehearsal.discord.world import BOT_ID, VOICE_CHANNEL_ID

START_S = 90.0


@asynccontextmanager
async def next_life(
    call: SimulatedCall,
    settings: Settings,
    folder: Path,
    *,
    channel: int | None = VOICE_CHANNEL_ID,
    left: int = VOICE_CHANNEL_ID,
    is_sent: bool = True,
) -> AsyncIterator[SimulatedCall]:
    """Kill the daemon and start another one; wait until it is in ``channel`` (None: until it is logged in).

    ``settings`` point at the servers. ``left`` is where the old one sat. ``is_sent``: they have it sit in its usual
    channel, whatever happens.
    """
    await call.daemon.stop(signal.SIGKILL)
    await call.discord.wait_until(lambda: not call.discord.is_in_call(BOT_ID, left), timeout_s=START_S)
    tables = rehearsal_tables(settings, call.discord, folder)
    if not is_sent:
        tables["discord"]["join"] = []
    async with daemon_process(tables, folder, environ=clean_environ()) as daemon:
        if channel is None:
            await daemon.wait_for(lambda: "ready" in daemon.tail(400), "ready", timeout_s=START_S)
        else:
            await daemon.wait_for(lambda: call.discord.is_in_call(BOT_ID, channel), "back", timeout_s=START_S)
        if channel is not None and call.ada.is_in_call:
            await call.ada.wait_dave_ready(timeout_s=START_S)
        yield SimulatedCall(settings, call.discord, daemon, call.ada)
