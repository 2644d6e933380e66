"""What moderators do to us: the gate is shut while nobody can hear us, and the channel is told once."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import discord
import structlog
import trio

from voxbridge.core.call.moderated import AUDIENCE, facts, is_silenced
from voxbridge.core.call.said import VoiceState
from voxbridge.core.ids import GuildId
from voxbridge.core.messages.catalogue import Line, Messages
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.discord.link import VoiceLink
from voxbridge.discord.port import DiscordVoicePort

_log = structlog.get_logger(__name__)

_REQUEST_LIMIT_S = 5.0


class Moderation:
    """One guild's. ``heed`` never waits; ``run`` asks for the microphone and writes the news."""

    def __init__(
        self,
        guild_id: GuildId,
        island: Island,
        client: GatewayClient,
        messages_now: Callable[[], Messages],
        *,
        require_e2ee: bool,
    ) -> None:
        self._guild_id, self._island, self._client = guild_id, island, client
        self._messages_now, self._require_e2ee = messages_now, require_e2ee
        self._tell, self._to_tell = trio.open_memory_channel[tuple[Line, DiscordVoicePort]](math.inf)  # one per change

    def heed(self, own: VoiceState | None, link: VoiceLink, port: DiscordVoicePort) -> None:
        """Take what Discord says of ourselves, for a link that stands."""
        link.is_silenced = is_silenced(own)
        if own is None:
            return
        is_plain = self._require_e2ee and not link.end_to_end.version
        for told, is_so in facts(own, is_plain=is_plain):
            if port.is_news(told.key, is_so=is_so):
                _log.warning("moderated by the server", guild_id=str(self._guild_id), what=told.key)
                self._tell.send_nowait((told, port))

    async def run(self) -> None:
        """Tell the news, until cancelled."""
        async for told, port in self._to_tell:
            if told is AUDIENCE:
                with (
                    contextlib.suppress(discord.DiscordException, OSError, CallCancelled),
                    trio.move_on_after(_REQUEST_LIMIT_S),
                ):
                    await self._island.call(self._client.ask_to_speak, self._guild_id)
            await port.post_text(self._messages_now().text(told, port.locale))
