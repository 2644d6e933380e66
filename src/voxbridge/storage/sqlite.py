"""An SQLite file, in a worker thread, and the facts in it.

The journal is SQLite's rollback journal with ``synchronous = FULL``: a change is whole or not there, whatever ends the
process, and one file holds everything. ``secure_delete`` writes zeros over what is deleted. The schema is brought up
to date by the numbered files in ``migrations/``, each in one transaction with the version that it makes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import TypeVar

import trio

from voxbridge.core.ids import GuildId
from voxbridge.core.wire.json_text import json_value
from voxbridge.errors import StorageError
from voxbridge.storage.port import Key, Value

T = TypeVar("T")

_BUSY_S = 2.0  # another program that looks into the file holds it for milliseconds
_OWNER_ONLY = 0o600

_REASONS = {
    sqlite3.SQLITE_BUSY: "another program holds it locked",
    sqlite3.SQLITE_LOCKED: "another program holds it locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it may not be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "it may not be opened",
    sqlite3.SQLITE_IOERR: "the disk fails",
}
_DAMAGED = "it is damaged: put a copy of it back, or move it away to begin anew"
_DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SqliteFile:
    """The file. A connection that failed is closed; the next call opens another one."""

    def __init__(self, path: Path, *, busy_s: float = _BUSY_S) -> None:
        self.path, self._busy_s = path, busy_s
        self._connection: sqlite3.Connection | None = None
        self._one_at_a_time = trio.CapacityLimiter(1)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in a thread, whole or not at all; a cancel waits for its end, which comes within the wait for a
        lock.

        Raises: StorageError.
        """
        return await trio.to_thread.run_sync(lambda: self._told(work), limiter=self._one_at_a_time)

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _told(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._open()
            with _transaction(connection):
                return work(connection)
        except (sqlite3.Error, OSError, StorageError) as error:
            self.close()
            if isinstance(error, StorageError):
                raise
            raise StorageError(self.path, reason_of(error)) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
            connection = sqlite3.connect(self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False)
            self._connection = connection
            connection.executescript("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StorageError(self.path, _DAMAGED)
            migrate(connection, self.path)
        return self._connection


class SqliteStore:
    """The facts in it; see ``storage.port.Store``."""

    def __init__(self, path: Path, wall_iso: Callable[[], str], *, busy_s: float = _BUSY_S) -> None:
        self.file, self._wall_iso = SqliteFile(path, busy_s=busy_s), wall_iso

    @property
    def path(self) -> Path:
        """Return where it is."""
        return self.file.path

    async def load(self) -> dict[Key, Value]:
        """See Store."""
        return await self.file.run(_facts)

    async def apply(self, changes: Mapping[Key, Value | None]) -> None:
        """See Store."""
        now = self._wall_iso()
        await self.file.run(lambda connection: _change(connection, changes, now))

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        self.file.close()


def _facts(connection: sqlite3.Connection) -> dict[Key, Value]:
    return dict(facts_in(connection.execute("SELECT shelf, guild_id, subject, value FROM fact").fetchall()))


def _change(connection: sqlite3.Connection, changes: Mapping[Key, Value | None], now: str) -> None:
    for key, value in changes.items():
        place = (key.shelf, str(key.guild_id), key.subject)
        if value is None:
            connection.execute("DELETE FROM fact WHERE shelf = ? AND guild_id = ? AND subject = ?", place)
        else:
            row = (*place, json.dumps(value), now)
            connection.execute("REPLACE INTO fact VALUES (?, ?, ?, ?, ?)", row)


def facts_in(rows: list[tuple[object, ...]]) -> Iterator[tuple[Key, Value]]:
    """Yield the facts of the rows; one that another hand has spoilt is passed over."""
    for shelf, guild, subject, text in rows:
        value = json_value(text) if isinstance(text, str | bytes) else None
        is_key = isinstance(shelf, str) and isinstance(subject, str) and isinstance(guild, str)
        if is_key and str(guild).isdecimal() and str(guild).isascii() and isinstance(value, dict):
            yield Key(str(shelf), GuildId(int(str(guild)[:20])), str(subject)), value


def reason_of(error: sqlite3.Error | OSError) -> str:
    """Say in words what is wrong with the file."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without what is said beyond it
    if code in _DAMAGES or not isinstance(error, sqlite3.OperationalError):
        return _DAMAGED
    return _REASONS.get(code, f"SQLite refuses ({getattr(error, 'sqlite_errorname', 'unknown')})")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date. Raises: sqlite3.Error; StorageError for a file that a newer VoxBridge has made."""
    steps = sorted(resources.files("voxbridge.storage").joinpath("migrations").iterdir(), key=lambda file: file.name)
    with _transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(steps):
            raise StorageError(path, "a newer VoxBridge has written it: update this one")
        for number, step in enumerate(steps[version:], version + 1):
            for statement in _statements(step.read_text(encoding="utf-8")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> Iterator[str]:
    """Cut a script into its statements: ``executescript`` would end the transaction first."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield
            cursor.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise
