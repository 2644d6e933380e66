"""The journal of turns: one JSON line per turn, speech included, in a file the operator asked for."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import structlog
import trio

from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.wire.json_text import json_value
from voxbridge.errors import StorageError
from voxbridge.session.report import TurnReport

_log = structlog.get_logger(__name__)


class Journal:
    """Appends reports to a file that only the operator can read. Nothing is written unless a file is set.

    ``file`` is asked for each report, since a reload may name another one. A member's turns can be counted and erased
    (see ``people.privacy.Records``).
    """

    holds = "records_journal"

    def __init__(self, file: Callable[[], str]) -> None:
        self._file = file
        self._erasing = trio.Lock()

    def write(self, report: TurnReport) -> None:
        """Append one line and hand it to the kernel at once. A line is short: the loop does not feel it.

        A full disk costs the record, not the conversation.
        """
        file = self._file()
        if not file:
            return
        line = json.dumps(report.to_json(), ensure_ascii=False) + "\n"
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                _append(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.error("a turn was not written to the journal", file=file, reason=error.strerror)

    async def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how many turns of a member stand in the file. Raises: StorageError."""
        file = Path(self._file())
        if not self._file():
            return 0
        try:
            return await trio.to_thread.run_sync(lambda: sum(mine for mine, _ in _lines(file, guild_id, user_id)))
        except OSError as error:
            raise StorageError(file, error.strerror or type(error).__name__) from error

    async def erase(self, guild_id: GuildId, user_id: UserId) -> int:
        """Write the file anew without a member's turns, and put it in the old one's place; return how many they were.

        What is written meanwhile is taken over. Raises: StorageError.
        """
        file = Path(self._file())
        if not self._file():
            return 0
        async with self._erasing:
            copy = file.with_name(f"{file.name}.new")
            try:
                erased, size = await trio.to_thread.run_sync(_copy_without, file, copy, guild_id, user_id)
                if erased:
                    _take_the_place(copy, file, size)
                else:
                    copy.unlink(missing_ok=True)
            except OSError as error:
                raise StorageError(file, error.strerror or type(error).__name__) from error
            return erased


def _append(descriptor: int, line: bytes) -> None:
    """Write a whole line or nothing: a part of one would spoil the next as well. Raises: OSError."""
    size = os.fstat(descriptor).st_size
    if os.write(descriptor, line) < len(line):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_of(line: bytes, guild_id: GuildId, user_id: UserId) -> bool:
    match json_value(line):
        case {"guild_id": guild, "user_id": user}:
            return (guild, user) == (str(guild_id), str(user_id))
        case _:
            return False


def _lines(file: Path, guild_id: GuildId, user_id: UserId) -> Iterator[tuple[bool, bytes]]:
    """Yield each line, and whether it is a turn of the member's."""
    try:
        with file.open("rb") as lines:
            for line in lines:
                yield _is_of(line, guild_id, user_id), line
    except FileNotFoundError:
        return


def _copy_without(file: Path, copy: Path, guild_id: GuildId, user_id: UserId) -> tuple[int, int]:
    """Copy the other lines; return how many were left out, and how much of the file was read."""
    erased = size = 0
    with _private(copy) as out:
        for is_mine, line in _lines(file, guild_id, user_id):
            size += len(line)
            erased += is_mine
            if not is_mine:
                out.write(line)
        os.fsync(out.fileno())
    return erased, size


def _take_the_place(copy: Path, file: Path, size: int) -> None:
    """Add what was written since, and replace the file: in one step of the loop, so that no turn comes between."""
    with file.open("rb") as old, copy.open("ab") as out:
        old.seek(size)
        out.write(old.read())
    copy.replace(file)


def _private(file: Path) -> BinaryIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
