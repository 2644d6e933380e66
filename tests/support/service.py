"""The daemon's operator side without a conversation: real sockets, a small configuration, no Discord."""

from __future__ import annotations

import attrs
import trio

from voxbridge.core.ids import GuildId
from voxbridge.ops.service import Conversation
from voxbridge.session.mouth import PlayoutClock
from voxbridge.session.room import Room


@attrs.define
class Hosted:
    """Rooms as the daemon has them, and a record of what was asked of them."""

    clock: PlayoutClock = attrs.field(factory=PlayoutClock)
    rooms: dict[GuildId, Room] = attrs.field(factory=dict)
    said: list[tuple[GuildId, str]] = attrs.field(factory=list)

    def conversation(self) -> Conversation:
        """Return what a Service wants."""
        return Conversation(self.rooms, self.say, self.stop, self.clock.beat)

    async def say(self, guild_id: GuildId, text: str) -> bool:
        await trio.lowlevel.checkpoint()
        self.said.append((guild_id, text))
        room = self.rooms.get(guild_id)
        return room is not None and await room.say(text)

    async def stop(self, guild_id: GuildId) -> bool:
        await trio.lowlevel.checkpoint()
        room = self.rooms.get(guild_id)
        return room is not None and room.stop()
