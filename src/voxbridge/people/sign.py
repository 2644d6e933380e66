"""A sign in the voice channel's status while we listen there, if the operator wants it.

It stands while somebody is heard, and is taken away before we leave: from outside Discord would not let us. Changes are
made at most once in five seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog
import trio

from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.errors import DiscordError
from voxbridge.session.room import Room

_log = structlog.get_logger(__name__)

_GAP_S = 5.0
_LIMIT_S = 2.0


class StatusPort(Protocol):
    """Sets the status of voice channels."""

    async def set_status(self, channel_id: ChannelId, text: str | None) -> None:
        """Set it, or take it away. Raises: DiscordError."""


class Signs:
    """One for all rooms."""

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self._is_wanted = is_wanted
        self._shown: dict[GuildId, tuple[ChannelId, StatusPort]] = {}
        self._complained: set[ChannelId] = set()

    async def run(self, room: Room, port: StatusPort, text: str) -> None:
        """Show in a room's channel whether somebody is heard there, until cancelled."""
        guild_id, channel_id = room.port.guild_id, room.port.channel_id
        while True:
            changed = room.people_changed
            is_heard = any(member.is_heard and not member.is_bot for member in room.members)
            if self._is_wanted() and is_heard and guild_id not in self._shown:
                if await self._set(port, channel_id, text):
                    self._shown[guild_id] = (channel_id, port)
                await trio.sleep(_GAP_S)
            elif guild_id in self._shown and not (is_heard and self._is_wanted()):
                await self.clear(guild_id)
                await trio.sleep(_GAP_S)
            await changed.wait()

    async def clear(self, guild_id: GuildId) -> None:
        """Take the sign away, if there is one; we are about to leave."""
        shown = self._shown.pop(guild_id, None)
        if shown is not None:
            await self._set(shown[1], shown[0], None)

    def forget(self, guild_id: GuildId) -> None:
        """Note that we are gone."""
        self._shown.pop(guild_id, None)

    async def _set(self, port: StatusPort, channel_id: ChannelId, text: str | None) -> bool:
        try:
            with trio.fail_after(_LIMIT_S):
                await port.set_status(channel_id, text)
        except (DiscordError, trio.TooSlowError) as error:
            if channel_id not in self._complained:
                self._complained.add(channel_id)
                _log.warning(
                    "the channel's status could not be set: does the bot have the permission Set Voice Channel Status?",
                    channel=str(channel_id),
                    reason=str(error),
                )
            return False
        return True
