"""Keeps over a restart which conversation on an agent's own server is whose, among the facts.

A member who has everything deleted begins a new conversation there. What the server has of the old one is its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from voxbridge.core.agents.threads import Thread, Threads
from voxbridge.core.ids import GuildId, UserId
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key

SHELF = "thread"
_BETWEEN = "\x1f"
_NO_GUILD = GuildId(0)  # a session may be of a member everywhere


class KeptThreads:
    """``people.privacy.Records`` of the conversations that servers keep. Not ``lasting``: what is stored is deleted."""

    holds = "records_threads"

    def __init__(self, archive: Archive, threads: Iterable[Threads], *, lasting: bool) -> None:
        self._archive, self._threads = archive, tuple(threads)
        if lasting:
            for each in self._threads:
                each.when_changed(partial(self._changed, each.name))
        take = self._restore if lasting else self._clear
        archive.when_read(take)
        if archive.is_known:
            take()

    async def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how many conversations a member has there."""
        return sum(len(each.of(str(guild_id), str(user_id))) for each in self._threads)

    async def erase(self, guild_id: GuildId, user_id: UserId) -> int:
        """Go on with none of them; return how many they were."""
        found = 0
        for each in self._threads:
            for session in each.of(str(guild_id), str(user_id)):
                each.forget(session)
                found += 1
        await self._archive.flush()
        return found

    def _changed(self, name: str, session: str, thread: Thread | None) -> None:
        key = Key(SHELF, _NO_GUILD, f"{name}{_BETWEEN}{session}")
        value = None if thread is None else {"id": thread.id, "guild": thread.guild, "user": thread.user}
        self._archive.hold({key: value})

    def _restore(self) -> None:
        for key, value in self._archive.on(SHELF):
            name, _, session = key.subject.partition(_BETWEEN)
            match value:
                case {"id": str(found), "guild": str(guild), "user": str(user)}:
                    for each in self._threads:
                        if each.name == name:
                            each.restore(session, Thread(found, guild, user))
                case _:
                    pass  # another hand has written it

    def _clear(self) -> None:
        self._archive.hold({key: None for key, _ in self._archive.on(SHELF)})
