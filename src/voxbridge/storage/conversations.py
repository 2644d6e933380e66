"""Conversations in the SQLite file: each session is written as a whole, so that it is as it was after some turn."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from voxbridge.core.agents.conversation import Place
from voxbridge.core.agents.history import Exchange
from voxbridge.storage.sqlite import SqliteFile

_COLUMNS = "scope, session, turn_id, guild_id, user_id, asked, shown, answer, was_cut, ended_at"
_TEXTS = 8  # of the columns
Kept = dict[Place, list[Exchange]]


class ConversationStore:
    """What is kept of conversations. ``Exchange.at`` is in seconds of Unix time here. All raise: StorageError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def load(self) -> Kept:
        """Return all conversations, each in its order."""
        query = f"SELECT {_COLUMNS} FROM exchange ORDER BY scope, session, number"  # noqa: S608 - our own words

        def rows(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        kept: Kept = {}
        for place, exchange in exchanges_in(await self._file.run(rows)):
            kept.setdefault(place, []).append(exchange)
        return kept

    async def write(self, changed: Mapping[Place, Sequence[Exchange]]) -> None:
        """Write conversations over what was kept of them; an empty one goes."""

        def write(connection: sqlite3.Connection) -> None:
            for place, exchanges in changed.items():
                connection.execute("DELETE FROM exchange WHERE scope = ? AND session = ?", attrs.astuple(place))
                rows = (_row(place, number, one) for number, one in enumerate(exchanges))
                connection.executemany("INSERT INTO exchange VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

        await self._file.run(write)

    async def count(self, guild: str, user: str) -> int:
        """Return how many exchanges of a member are kept."""
        query = "SELECT scope, COUNT(*) AS number FROM exchange WHERE guild_id = ? AND user_id = ? GROUP BY scope"

        def counts(connection: sqlite3.Connection) -> list[tuple[str, int]]:
            return connection.execute(query, (guild, user)).fetchall()

        return max((number for _, number in await self._file.run(counts)), default=0)

    async def erase(self, guild: str, user: str) -> None:
        """Delete what a member said in a guild, and the answers to it."""

        def erase(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM exchange WHERE guild_id = ? AND user_id = ?", (guild, user))

        await self._file.run(erase)

    async def clear(self) -> None:
        """Delete everything."""

        def clear(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM exchange")

        await self._file.run(clear)


def _row(place: Place, number: int, one: Exchange) -> tuple[object, ...]:
    said = (one.asked, one.shown, one.answer)
    texts = (one.turn_id, one.guild, one.user, *(text.encode("utf-8", "replace").decode() for text in said))
    return (place.scope, place.session, number, *texts, int(one.was_cut), one.at)


def exchanges_in(rows: Iterable[tuple[object, ...]]) -> Iterator[tuple[Place, Exchange]]:
    """Yield the exchanges of the rows; one that another hand has spoilt is passed over."""
    for row in rows:
        texts = [each for each in row[:_TEXTS] if isinstance(each, str)]
        was_cut, ended_at = row[_TEXTS:]
        if len(texts) < _TEXTS or not isinstance(ended_at, float) or not math.isfinite(ended_at):
            continue
        scope, session, turn_id, guild, user, asked, shown, answer = texts
        yield (
            Place(scope, session),
            Exchange(turn_id, user, asked, shown, ended_at, answer, is_open=False, was_cut=bool(was_cut), guild=guild),
        )
