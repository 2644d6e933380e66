"""The facts in memory, and their way to the store: what cannot be stored now holds, and is stored later.

    put --> memory (holds at once) --> store (lasts)
                                        '-- fails: one line in the log, tried again after growing pauses

All facts are in memory: a member's choice is asked for with each packet. A store that cannot be read (locked, damaged)
leaves the facts unknown, and ``is_known`` says so; what was put meanwhile holds, and stands over what is read later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import structlog
import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import GuildId
from voxbridge.errors import StorageError
from voxbridge.storage.port import Key, Store, Value

_log = structlog.get_logger(__name__)


class NoStore:
    """For who has no place to keep anything: facts hold until the daemon ends."""

    async def load(self) -> dict[Key, Value]:
        """See Store."""
        await trio.lowlevel.checkpoint()
        return {}

    async def apply(self, changes: Mapping[Key, Value | None]) -> None:  # noqa: ARG002
        """See Store."""
        await trio.lowlevel.checkpoint()


class Archive:
    """All facts. ``run`` writes what could not be written, for ever."""

    def __init__(self, store: Store, *, pauses: Backoff | None = None) -> None:
        self.trouble = ""
        """Why nothing lasts at the moment, for people; empty: all is well."""
        self.is_known = False
        """Whether the store has been read."""
        self._store = store
        self._pauses = pauses or Backoff(base_s=1.0, cap_s=60.0)
        self._facts: dict[Key, Value] = {}
        self._pending: dict[Key, Value | None] = {}
        self._one_at_a_time = trio.Lock()
        self._stirred = trio.Event()
        self._listeners: list[Callable[[], None]] = []

    def when_read(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when the store has been read, which may be late."""
        self._listeners.append(listener)

    def get(self, key: Key) -> Value | None:
        """Return a fact."""
        return self._facts.get(key)

    def on(self, shelf: str, guild_id: GuildId | None = None) -> Iterator[tuple[Key, Value]]:
        """Yield the facts of a shelf, of one guild or of all."""
        for key, value in list(self._facts.items()):
            if key.shelf == shelf and guild_id in (None, key.guild_id):
                yield key, value

    async def put(self, key: Key, value: Value | None) -> bool:
        """Change a fact, or take it away; it holds at once. Tell whether it lasts."""
        return await self.put_all({key: value})

    async def put_all(self, changes: Mapping[Key, Value | None]) -> bool:
        """Change several facts at once: all of them last, or none."""
        self.hold(changes)
        return await self.flush()

    def hold(self, changes: Mapping[Key, Value | None]) -> None:
        """Change facts without waiting until they last: ``run`` writes them, or ``flush``."""
        for key, value in changes.items():
            self._take(key, value)
            self._pending[key] = value
        self._stirred.set()

    async def flush(self) -> bool:
        """Read the store, if that is still to be done, and write what waits; tell whether all of it lasts."""
        async with self._one_at_a_time:
            batch = dict(self._pending)
            try:
                if not self.is_known:
                    self._learn(await self._store.load())
                if batch:
                    await self._store.apply(batch)
            except StorageError as error:
                self._note_trouble(error)
                return False
            for key, value in batch.items():
                if self._pending[key] is value:
                    del self._pending[key]
            self._note_well()
            return True

    async def run(self) -> None:
        """Write what waits, again and again until it is written; for ever."""
        while True:
            self._stirred = trio.Event()
            if self.is_known and not self._pending:
                await self._stirred.wait()
            elif not await self.flush():
                pause_s = self._pauses.failed(trio.current_time(), 0.0)
                assert pause_s is not None, "this rule has no circuit"
                await trio.sleep(pause_s)

    def _learn(self, stored: dict[Key, Value]) -> None:
        self._facts = stored
        for key, value in self._pending.items():
            self._take(key, value)
        self.is_known = True
        for listener in self._listeners:
            listener()

    def _take(self, key: Key, value: Value | None) -> None:
        if value is None:
            self._facts.pop(key, None)
        else:
            self._facts[key] = value

    def _note_trouble(self, error: StorageError) -> None:
        if not self.trouble:
            _log.error("nothing can be stored: what is set from now on holds until the restart", reason=str(error))
        self.trouble = str(error)
        self._stirred.set()

    def _note_well(self) -> None:
        if self.trouble:
            _log.info("everything can be stored again")
        self.trouble = ""
        self._pauses = Backoff(base_s=1.0, cap_s=60.0)
