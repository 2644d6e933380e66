"""What a keeper asks of Discord. Each kind has a task of its own, so that whoever asks never waits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial

import aiohttp
import discord
import structlog
import trio

from voxbridge.core.call.facts import Seen
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

_SAY_LIMIT_S = 2.0  # a websocket that does not take a message for so long is dead
_LOOK_LIMIT_S = 2.0  # a good answer takes 0.1 s; later than that, the main gateway says it sooner


class Requests:
    """Where we want to be (op 4, in order), and the question where Discord has us. Trio's thread."""

    def __init__(self, guild_id: GuildId, island: Island, client: GatewayClient, seen: Callable[[Seen], None]) -> None:
        self._guild_id, self._island, self._client, self._seen = guild_id, island, client, seen
        # Few in number, and none may be lost: unbounded.
        self._say, self._to_say = trio.open_memory_channel[ChannelId | None](math.inf)
        self._look, self._to_look = trio.open_memory_channel[int](math.inf)

    def say(self, channel_id: ChannelId | None) -> None:
        """Say where we want to be."""
        self._say.send_nowait(channel_id)

    def look(self, number: int) -> None:
        """Ask where Discord has us, after the link of this number; ``seen`` is called with the answer, if one comes."""
        self._look.send_nowait(number)

    async def run(self) -> None:
        """Ask what is to be asked, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(supervise, "say where", self._say_where, backoff=unending()))
            nursery.start_soon(partial(supervise, "look where", self._look_where, backoff=unending()))

    async def _say_where(self) -> None:
        async for channel_id in self._to_say:
            with trio.move_on_after(_SAY_LIMIT_S):
                try:
                    await self._island.call(self._client.say_where, self._guild_id, channel_id)
                except (OSError, aiohttp.ClientError, discord.DiscordException, CallCancelled, AttributeError) as exc:
                    # A gateway that is going down says so itself; an answer that does not come has its limit.
                    _log.warning("the main gateway did not take a message", error=type(exc).__name__)

    async def _look_where(self) -> None:
        async for number in self._to_look:
            with trio.move_on_after(_LOOK_LIMIT_S):
                try:
                    channel_id = await self._island.call(self._client.own_channel, self._guild_id)
                except (OSError, aiohttp.ClientError, discord.DiscordException, CallCancelled) as exc:
                    _log.info("Discord did not say where it has us", error=type(exc).__name__)
                else:
                    self._seen(Seen(number, channel_id))


def unending() -> Backoff:
    """Return the pauses of a part that is never given up."""
    return Backoff(rng=random.random)
