"""What lasts, in a real file: whole or not at all, and a conversation that goes on without it."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.utils.helpers import wait_for_condition
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import GuildId
from voxbridge.errors import StorageError
from voxbridge.storage.archive import Archive
from voxbridge.storage.place import storage_path
from voxbridge.storage.port import Key
from voxbridge.storage.sqlite import SqliteStore

pytestmark = pytest.mark.integration

NOW = "2026-11-25T10:00:00.000+00:00"
KEY, OTHER = Key("consent", GuildId(1), "2"), Key("consent", GuildId(1), "3")
YES, NO = {"choice": "hear"}, {"choice": "ignore"}


def store_in(file: Path) -> SqliteStore:
    return SqliteStore(file, lambda: NOW, busy_s=0.05)


def archive_in(file: Path) -> Archive:
    return Archive(store_in(file), pauses=Backoff(base_s=0.02, cap_s=0.02))


async def test_what_was_put_is_there_in_the_next_life(tmp_path: Path) -> None:
    """Facts, changed facts and facts that were taken away: a second life reads what the first one left."""
    file = tmp_path / "state" / "voxbridge.db"
    first = archive_in(file)
    assert await first.flush()
    assert first.is_known
    assert await first.put_all({KEY: YES, OTHER: YES})
    assert await first.put(KEY, NO)
    assert await first.put(OTHER, None)
    assert first.get(OTHER) is None
    second = archive_in(file)
    assert await second.flush()
    assert list(second.on("consent", GuildId(1))) == [(KEY, NO)]
    assert list(second.on("consent", GuildId(2))) == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "only the owner may read it"


async def test_what_was_deleted_is_not_in_the_file(tmp_path: Path) -> None:
    """A member who has something deleted can be sure that no byte of it is left."""
    file = tmp_path / "voxbridge.db"
    store = store_in(file)
    await store.apply({KEY: {"choice": "a-word-to-look-for" * 20}})
    assert b"a-word-to-look-for" in file.read_bytes()
    await store.apply({KEY: None})
    store.close()
    assert os.listdir(tmp_path) == ["voxbridge.db"]  # noqa: PTH208
    assert b"a-word-to-look-for" not in file.read_bytes()


async def test_a_locked_file_is_waited_for(tmp_path: Path, capsys) -> None:
    """While somebody else holds it, what is set holds and is told not to last; later it is stored by itself."""
    file = tmp_path / "voxbridge.db"
    await store_in(file).apply({OTHER: NO})
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    archive = archive_in(file)
    assert not await archive.flush()
    assert not archive.is_known
    assert not await archive.put(KEY, YES)
    assert archive.get(KEY) == YES
    assert "locked" in archive.trouble
    async with trio.open_nursery() as nursery:
        nursery.start_soon(archive.run)
        holder.execute("ROLLBACK")
        holder.close()
        await wait_for_condition(lambda: not archive.trouble, timeout=10)
        nursery.cancel_scope.cancel()
    assert (archive.get(KEY), archive.get(OTHER)) == (YES, NO)
    assert await store_in(file).load() == {KEY: YES, OTHER: NO}


async def test_a_full_disk_costs_nothing_but_what_should_last(tmp_path: Path) -> None:
    """What does not fit holds in memory, all of the change or none of it is in the file, and room brings it there."""
    file = tmp_path / "voxbridge.db"
    store = store_in(file)
    archive = Archive(store)
    assert await archive.put(KEY, YES)
    store.file._open().execute("PRAGMA max_page_count = 3")  # SQLite's own word for a full disk
    big = {"text": "x" * 20_000}
    assert not await archive.put_all({KEY: NO, OTHER: big})
    assert "full" in archive.trouble
    assert (archive.get(KEY), archive.get(OTHER)) == (NO, big)
    assert await store_in(file).load() == {KEY: YES}, "a half of the change was written"
    assert await archive.flush(), "the connection that failed is not used again, and its limit went with it"
    assert await store_in(file).load() == {KEY: NO, OTHER: big}


@pytest.mark.parametrize("damage", ["no database", "cut short", "spoilt", "a folder", "a newer version"])
async def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, damage: str) -> None:
    """Whatever stands there instead of a database: one clear reason, no other exception, and the bytes are kept."""
    file = tmp_path / "voxbridge.db"
    await store_in(file).apply({Key("consent", GuildId(1), str(n)): {"text": "x" * 500} for n in range(200)})
    whole = file.read_bytes()
    match damage:
        case "no database":
            file.write_bytes(b"This is a letter to my aunt.\n" * 400)
        case "cut short":
            file.write_bytes(whole[: len(whole) // 2])
        case "spoilt":
            file.write_bytes(whole[:5000] + b"\xff" * 20_000 + whole[25_000:])
        case "a folder":
            file.unlink()
            file.mkdir()
        case "a newer version":
            with sqlite3.connect(file) as connection:
                connection.execute("PRAGMA user_version = 999")
            connection.close()
    before = file.read_bytes() if file.is_file() else b""
    archive = archive_in(file)
    assert not await archive.flush()
    assert str(file) in archive.trouble
    assert not await archive.put(KEY, YES)
    assert archive.get(KEY) == YES, "the conversation goes on with what was said"
    if file.is_file():
        assert file.read_bytes() == before


async def test_rows_of_another_hand_are_passed_over(tmp_path: Path) -> None:
    """What somebody wrote into the table by hand and cannot be read costs itself alone."""
    file = tmp_path / "voxbridge.db"
    await store_in(file).apply({KEY: YES})
    with sqlite3.connect(file) as connection:
        for guild, text in (("1", "{"), ("one", "{}"), ("1", "[]"), ("9" * 400, "{}"), ("²", "{}")):
            row = ("consent", guild, text, text, NOW)
            connection.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO fact VALUES ('consent', '1', 'blob', x'ff00', '')")
    connection.close()
    assert (await store_in(file).load())[KEY] == YES


WRITER = """
import sys, trio
from pathlib import Path
from voxbridge.core.ids import GuildId
from voxbridge.storage.port import Key
from voxbridge.storage.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), lambda: "now")
    number = max([value["n"] for value in (await store.load()).values()], default=0)
    while True:
        number += 1
        await store.apply({Key("s", GuildId(1), "a"): {"n": number}, Key("s", GuildId(1), "b"): {"n": number}})
        print(number, flush=True)

trio.run(main)
"""


async def test_killed_in_a_loop_no_change_is_lost_or_half(tmp_path: Path) -> None:
    """kill -9 in the middle of writing, again and again: what was reported as written is there, and never one half."""
    file = tmp_path / "voxbridge.db"
    for round_number in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE) as writer:  # noqa: ASYNC220
            assert writer.stdout is not None
            for _ in range(20 + 7 * round_number):
                last = writer.stdout.readline()
            os.kill(writer.pid, signal.SIGKILL)
            last = (last + writer.stdout.read()).splitlines()[-1] if last else last
        facts = await store_in(file).load()
        first, second = (facts[Key("s", GuildId(1), name)]["n"] for name in "ab")
        assert first == second, "half of a change"
        assert first >= int(last), f"{int(last)} was reported as written, {first} is there"


def test_the_place_follows_systemd_then_the_user() -> None:
    """The setting, then StateDirectory=, then the user's state directory."""
    assert storage_path("/x/y.db", {"STATE_DIRECTORY": "/s"}) == Path("/x/y.db")
    assert storage_path("", {"STATE_DIRECTORY": "/s:/t", "HOME": "/h"}) == Path("/s/voxbridge.db")
    assert storage_path("", {"XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/x/voxbridge/voxbridge.db")
    assert storage_path("", {"HOME": "/h"}) == Path("/h/.local/state/voxbridge/voxbridge.db")
    assert storage_path("", {}) is None


async def test_an_error_names_the_file(tmp_path: Path) -> None:
    """Who reads the log knows which file is meant and what to do."""
    (tmp_path / "voxbridge.db").write_bytes(b"x" * 4096)
    with pytest.raises(StorageError, match=r"voxbridge\.db: it is damaged: put a copy of it back"):
        await store_in(tmp_path / "voxbridge.db").load()
