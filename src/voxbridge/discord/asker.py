"""Where somebody who types a command sits. The command may overtake the main gateway's word of it, by seconds."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from voxbridge.discord.client import VocalChannel

_LIMIT_S = 1.0  # a good answer takes 0.1 s; whoever typed waits for us


async def channel_of(asker: discord.Member) -> VocalChannel | None:
    """Return the voice channel in which a member is now, as Discord answers; as it last told us, if it does not."""
    state = asker.voice
    try:
        state = await asyncio.wait_for(asker.fetch_voice(), _LIMIT_S)
    except discord.NotFound:
        return None
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError):
        pass
    return state.channel if state is not None else None
