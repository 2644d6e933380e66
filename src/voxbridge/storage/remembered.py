"""Keeps conversations over the end of the process: from the agent's memory to the store, never in a turn's way.

    turn ends -> memory (holds at once) --changed--> run: one write, in a thread
    start     <- restored, as old as it is by now

A session is written as a whole soon after each of its turns, so a killed process has lost the last turn at most. What
cannot be written is written later. What has become too old is deleted within a minute, whether somebody speaks or not.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import structlog
import trio

from voxbridge.core.agents.conversation import AgentMemories
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import GuildId, UserId
from voxbridge.errors import StorageError
from voxbridge.storage.conversations import ConversationStore, Kept

_log = structlog.get_logger(__name__)

SWEEP_S = 60.0
_LAST_WRITE_S = 1.0  # a write takes milliseconds; a locked file must not hold up the end


class Remembered:
    """What agent stages remember, made to last; ``people.privacy.Records`` of what members said to it.

    Without a store, or not ``lasting``, it is there until the process ends; what the store has is deleted then.
    ``wall_s`` is Unix time. ``is_told`` says whether the log has a line already on why nothing can be stored.
    """

    holds = "records_agent"

    def __init__(
        self,
        conversations: AgentMemories,
        store: ConversationStore | None,
        *,
        lasting: bool = True,
        wall_s: Callable[[], float],
        is_told: Callable[[], bool] = lambda: False,
        pauses: Backoff | None = None,
    ) -> None:
        self._conversations, self._store, self._wall_s, self._is_told = conversations, store, wall_s, is_told
        self._lasting = lasting
        self._pauses = pauses or Backoff(base_s=1.0, cap_s=60.0)
        self._is_read = store is None
        self._has_trouble = False
        self._stirred = trio.Event()
        self._one_at_a_time = trio.Lock()
        conversations.when_changed(self._stir)

    def _stir(self) -> None:
        self._stirred.set()

    async def open(self) -> None:
        """Remember what is stored. If it cannot be read now, that is tried again by ``run``."""
        await self._try_to_store()

    async def run(self) -> None:
        """Store what changes, for ever, and once more at the end."""
        try:
            while True:
                self._stirred = trio.Event()
                if not await self._try_to_store():
                    pause_s = self._pauses.failed(trio.current_time(), 0.0)
                    assert pause_s is not None, "this rule has no circuit"
                    await trio.sleep(pause_s)
                    continue
                with trio.move_on_after(SWEEP_S):
                    await self._stirred.wait()
                self._conversations.expire(trio.current_time())
        finally:
            with trio.move_on_after(_LAST_WRITE_S, shield=True):
                await self._try_to_store()

    async def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how many exchanges of a member are remembered. Raises: StorageError."""
        found = self._conversations.count(str(guild_id), str(user_id))
        return found if self._store is None else max(found, await self._store.count(str(guild_id), str(user_id)))

    async def erase(self, guild_id: GuildId, user_id: UserId) -> int:
        """Forget a member's exchanges, here and in the store; return how many they were. Raises: StorageError."""
        guild, user = str(guild_id), str(user_id)
        found = self._conversations.forget(guild, user)
        if self._store is not None:
            async with self._one_at_a_time:  # what is being written just now may hold them
                found = max(found, await self._store.count(guild, user))
                await self._store.erase(guild, user)
        return found

    async def _try_to_store(self) -> bool:
        async with self._one_at_a_time:
            try:
                await self._store_all()
            except StorageError as error:
                if not (self._has_trouble or self._is_told()):
                    _log.error("conversations cannot be stored: they last until the restart", reason=str(error))
                self._has_trouble = True
                return False
            if self._has_trouble:
                _log.info("conversations can be stored again")
                self._pauses = Backoff(base_s=1.0, cap_s=60.0)
            self._has_trouble = False
            return True

    async def _store_all(self) -> None:
        """Read what is stored, if that is still to be done, and write what has changed. Raises: StorageError."""
        if self._store is None:
            await trio.lowlevel.checkpoint()
            return
        if not self._is_read:
            await (self._read(self._store) if self._lasting else self._store.clear())
            self._is_read = True
        changed = self._conversations.changed()
        if not (changed and self._lasting):
            return
        try:
            await self._store.write(self._shifted(changed, self._wall_s() - trio.current_time()))
        except BaseException:
            self._conversations.touch(changed)
            raise

    async def _read(self, store: ConversationStore) -> None:
        kept = await store.load()
        now, wall_s = trio.current_time(), self._wall_s()
        # a machine without a battery may wake up in the past: what is stored is then as good as new
        aged = {
            place: [attrs.evolve(one, at=now - max(0.0, wall_s - one.at)) for one in exchanges]
            for place, exchanges in kept.items()
        }
        orphans = self._conversations.restore(aged, now)
        self._conversations.touch(place for place in kept if place not in orphans)
        if orphans:
            await store.write(dict.fromkeys(orphans, ()))

    @staticmethod
    def _shifted(kept: Kept, by_s: float) -> Kept:
        return {place: [attrs.evolve(one, at=one.at + by_s) for one in each] for place, each in kept.items()}
