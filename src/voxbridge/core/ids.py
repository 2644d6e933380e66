"""Discord's ids, told apart by type. Strings in JSON and logs: JavaScript loses 64-bit integers."""

from __future__ import annotations

from typing import NewType

UserId = NewType("UserId", int)
GuildId = NewType("GuildId", int)
ChannelId = NewType("ChannelId", int)
