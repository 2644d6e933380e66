"""What was chosen in Discord (/agent, /voice, /language, /mode): the third layer of the settings, which lasts.

A fact for each: for a server or for one of its voice channels, of one thing; of voices, by profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.profiles.layers import WHATS, Choice, Origin, What
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key, Value

SHELF = "settings"
_VALUE_CHARS_MAX = 100


@attrs.frozen
class Entry:
    """One choice that is stored. ``channel_id`` None: for the whole server; ``profile``: whose voice it is."""

    what: What
    value: str
    channel_id: ChannelId | None = None
    profile: str = ""


class Chosen:
    """The book of choices. ``version`` counts its changes, for who keeps what follows from it."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.version = 0
        self._listeners: list[Callable[[], None]] = []
        archive.when_read(self._changed)

    def when_changed(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` with each change, and when the store has been read."""
        self._listeners.append(listener)

    def _changed(self) -> None:
        self.version += 1
        for listener in self._listeners:
            listener()

    def of(self, guild_id: GuildId, channel_id: ChannelId | None) -> Choice:
        """Return what answers what was chosen for a channel: for it, else for its server."""

        def chosen(what: What, profile: str) -> tuple[str, Origin] | None:
            if channel_id is not None and (value := self._value(guild_id, channel_id, what, profile)):
                return value, "channel"
            value = self._value(guild_id, None, what, profile)
            return (value, "server") if value else None

        return chosen

    def entries(self, guild_id: GuildId) -> list[Entry]:
        """Return all choices of a server, those for all of it first."""
        found = [entry for key, value in self._archive.on(SHELF, guild_id) if (entry := _entry(key, value)) is not None]
        return sorted(found, key=lambda entry: (entry.channel_id or 0, WHATS.index(entry.what), entry.profile))

    async def choose(
        self, guild_id: GuildId, channel_id: ChannelId | None, what: What, value: str, profile: str = ""
    ) -> bool:
        """Take a choice; it holds at once. Tell whether it lasts."""
        return await self._put({_key(guild_id, channel_id, what, profile): {"value": value[:_VALUE_CHARS_MAX]}})

    async def reset(self, guild_id: GuildId, what: What | None, channel_id: ChannelId | None) -> tuple[int, bool]:
        """Take choices back: of one thing or of all, for one channel or everywhere. Return how many; if it lasts."""
        gone = [
            entry
            for entry in self.entries(guild_id)
            if what in (None, entry.what) and channel_id in (None, entry.channel_id)
        ]
        keys = [_key(guild_id, entry.channel_id, entry.what, entry.profile) for entry in gone]
        return len(gone), await self._put(dict.fromkeys(keys))

    async def _put(self, changes: Mapping[Key, Value | None]) -> bool:
        self._archive.hold(changes)
        self._changed()
        return await self._archive.flush()

    def _value(self, guild_id: GuildId, channel_id: ChannelId | None, what: What, profile: str) -> str:
        entry = _entry(key := _key(guild_id, channel_id, what, profile), self._archive.get(key))
        return "" if entry is None else entry.value


def _key(guild_id: GuildId, channel_id: ChannelId | None, what: What, profile: str) -> Key:
    return Key(SHELF, guild_id, f"{channel_id or ''}/{what}/{profile}")


def _entry(key: Key, value: Value | None) -> Entry | None:
    """Read a fact; None for one that another hand has spoilt."""
    parts = key.subject.split("/")
    text = None if value is None else value.get("value")
    if len(parts) != 3 or not isinstance(text, str) or not text:
        return None
    channel, name, profile = parts
    what = next((each for each in WHATS if each == name), None)
    if what is None or (channel and not (channel.isascii() and channel.isdecimal())):
        return None
    return Entry(what, text[:_VALUE_CHARS_MAX], ChannelId(int(channel[:20])) if channel else None, profile)
