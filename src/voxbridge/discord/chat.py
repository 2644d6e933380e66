"""Text channels, as the written conversation needs them (``people.chat.ChatPort``).

Nobody is called by what is written: mentions are off for each message (``allowed_mentions``), and it makes no noise.
discord.py waits where Discord's rate limit wants it, a 429 with its ``Retry-After`` included.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
import discord

from voxbridge.core.ids import ChannelId
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.errors import DiscordError

T = TypeVar("T")

_NOBODY = discord.AllowedMentions.none()
_THREAD_NAME_CHARS = 100


class DiscordChat:
    """Writes into chats. ``side_now`` returns client and island, or None while there are none."""

    def __init__(self, side_now: Callable[[], tuple[GatewayClient, Island] | None]) -> None:
        self._side_now = side_now

    async def write(self, channel_id: ChannelId, text: str) -> int:
        """Write a message; return its id. Raises: DiscordError."""

        async def send(client: GatewayClient) -> int:
            channel = client.get_partial_messageable(channel_id)
            message = await channel.send(text, silent=True, suppress_embeds=True, allowed_mentions=_NOBODY)
            return message.id

        return await self._call(send)

    async def edit(self, channel_id: ChannelId, message_id: int, text: str) -> None:
        """Change a message. Raises: DiscordError."""

        async def change(client: GatewayClient) -> None:
            message = client.get_partial_messageable(channel_id).get_partial_message(message_id)
            await message.edit(content=text, allowed_mentions=_NOBODY)

        await self._call(change)

    async def remove(self, channel_id: ChannelId, message_id: int) -> None:
        """Take a message away. Raises: DiscordError."""

        async def delete(client: GatewayClient) -> None:
            await client.get_partial_messageable(channel_id).get_partial_message(message_id).delete()

        await self._call(delete)

    async def open_thread(self, channel_id: ChannelId, name: str) -> ChannelId:
        """Open a public thread in a text channel; return its id. Raises: DiscordError."""

        async def create(client: GatewayClient) -> ChannelId:
            channel = client.get_channel(channel_id)
            if not isinstance(channel, discord.TextChannel):
                raise DiscordError("threads are for text channels: name one in chat.channels")
            shown = name[:_THREAD_NAME_CHARS]
            thread = await channel.create_thread(name=shown, type=discord.ChannelType.public_thread)
            return ChannelId(thread.id)

        return await self._call(create)

    async def attach(self, channel_id: ChannelId, text: str, file_name: str, content: str) -> None:
        """Write a message with a file. Raises: DiscordError."""

        async def send(client: GatewayClient) -> None:
            file = discord.File(io.BytesIO(content.encode()), file_name)
            await client.get_partial_messageable(channel_id).send(text, file=file, allowed_mentions=_NOBODY)

        await self._call(send)

    async def set_status(self, channel_id: ChannelId, text: str | None) -> None:
        """Set the status of a voice channel in which we are, or take it away. Raises: DiscordError."""

        async def put(client: GatewayClient) -> None:
            await client.http.edit_voice_channel_status(text, channel_id=channel_id)

        await self._call(put)

    async def _call(self, work: Callable[[GatewayClient], Coroutine[Any, Any, T]]) -> T:
        side = self._side_now()
        if side is None:
            raise DiscordError("not logged in to Discord")
        client, island = side
        try:
            return await island.call(work, client)
        except discord.HTTPException as error:
            raise DiscordError(f"Discord answers with HTTP {error.status} (code {error.code})") from error
        except (discord.DiscordException, aiohttp.ClientError, OSError, CallCancelled) as error:
            raise DiscordError(f"Discord could not be reached ({type(error).__name__})") from error
