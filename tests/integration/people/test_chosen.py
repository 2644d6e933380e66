"""The book of choices on a real file: over kill -9, and with a file that is locked, full or damaged."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from voxbridge.clock import wall_iso
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.people.chosen import SHELF, Chosen, Entry
from voxbridge.storage.archive import Archive, NoStore
from voxbridge.storage.port import Key
from voxbridge.storage.sqlite import SqliteStore

pytestmark = pytest.mark.integration

GUILD, CHANNEL = GuildId(1), ChannelId(10)

WRITER = """
import sys, trio
from pathlib import Path
from voxbridge.core.ids import GuildId
from voxbridge.people.chosen import Chosen
from voxbridge.storage.archive import Archive
from voxbridge.storage.sqlite import SqliteStore

async def main():
    archive = Archive(SqliteStore(Path(sys.argv[1]), lambda: "now"))
    await archive.flush()
    chosen = Chosen(archive)
    number = max((int(entry.value) for entry in chosen.entries(GuildId(1))), default=0)
    while True:
        number += 1
        assert await chosen.choose(GuildId(1), None, "voice", str(number), "iris")
        print(number, flush=True)

trio.run(main)
"""


async def open_book(file: Path) -> tuple[Chosen, Archive]:
    archive = Archive(SqliteStore(file, wall_iso, busy_s=0.05))
    await archive.flush()
    return Chosen(archive), archive


async def test_killed_in_a_loop_no_choice_is_lost(tmp_path: Path) -> None:
    """kill -9 in the middle of writing, five times: what was told to last is there, and the next life goes on."""
    file, last = tmp_path / "voxbridge.db", b""
    for life in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE) as writer:  # noqa: ASYNC220
            assert writer.stdout is not None
            for _ in range(10 + 7 * life):
                last = writer.stdout.readline()
            os.kill(writer.pid, signal.SIGKILL)
            last = (last + writer.stdout.read()).splitlines()[-1]
        chosen, _ = await open_book(file)
        (entry,) = chosen.entries(GUILD)
        assert (entry.what, entry.profile) == ("voice", "iris")
        assert int(entry.value) >= int(last), f"{int(last)} was told to last, {entry.value} is there"


@pytest.mark.parametrize("trouble", ["locked", "damaged", "no database"])
async def test_a_file_in_trouble_costs_nothing_but_what_should_last(tmp_path: Path, trouble: str, capsys) -> None:
    """One clear line; nothing is known of earlier choices, new ones hold, and nobody waits for more than the lock."""
    file = tmp_path / "voxbridge.db"
    chosen, _ = await open_book(file)
    assert await chosen.choose(GUILD, None, "mode", "lock")
    lock = sqlite3.connect(file, isolation_level=None)
    match trouble:
        case "locked":
            lock.execute("BEGIN EXCLUSIVE")
        case "damaged":
            lock.close()
            file.write_bytes(file.read_bytes()[:512] + b"x" * 8192)
        case _:
            lock.close()
            file.write_bytes(b"no database at all" * 500)
    capsys.readouterr()
    chosen, archive = await open_book(file)
    assert chosen.of(GUILD, CHANNEL)("mode", "") is None, "the file's own value holds"
    assert not await chosen.choose(GUILD, CHANNEL, "mode", "queue")
    assert not await chosen.choose(GUILD, None, "language", "de")
    assert chosen.of(GUILD, CHANNEL)("mode", "") == ("queue", "channel")
    assert chosen.of(GUILD, CHANNEL)("language", "") == ("de", "server")
    told = [line for line in capsys.readouterr().out.splitlines() if "nothing can be stored" in line]
    assert len(told) == 1
    assert "voxbridge.db" in told[0]
    lock.close()
    if trouble == "locked":
        assert await archive.flush(), "the lock is gone"
        assert chosen.of(GUILD, ChannelId(11))("mode", "") == ("lock", "server"), "what was stored before is known now"
        assert chosen.of(GUILD, CHANNEL)("mode", "") == ("queue", "channel")


async def test_a_full_disk_is_told_once_and_the_choice_holds(tmp_path: Path, capsys) -> None:
    """What does not fit holds until the restart; what was stored before is still there then."""
    store = SqliteStore(tmp_path / "voxbridge.db", wall_iso)
    archive = Archive(store)
    chosen = Chosen(archive)
    assert await chosen.choose(GUILD, None, "mode", "lock")
    store.file._open().execute("PRAGMA max_page_count = 3")  # SQLite's own word for a full disk
    channel, lasts = 0, True
    while lasts and channel < 1000:
        channel += 1
        lasts = await chosen.choose(GUILD, ChannelId(channel), "voice", "x" * 100, "iris")
    assert not lasts
    assert chosen.of(GUILD, ChannelId(channel))("voice", "iris") == ("x" * 100, "channel")
    assert capsys.readouterr().out.count("nothing can be stored") == 1
    again, _ = await open_book(tmp_path / "voxbridge.db")
    assert again.of(GUILD, None)("mode", "") == ("lock", "server")
    assert len(again.entries(GUILD)) == channel, "all but the last one"


async def test_what_another_hand_has_written_is_passed_over() -> None:
    """No setting of ours, no value, no number: none of it is a choice."""
    archive = Archive(NoStore())
    chosen = Chosen(archive)
    for subject, value in (
        ("/agent/", {"value": 5}),
        ("/nothing/", {"value": "x"}),
        ("x/agent/", {"value": "x"}),
        ("agent", {"value": "x"}),
        ("/voice/iris", {}),
    ):
        await archive.put(Key(SHELF, GUILD, subject), value)
    assert chosen.entries(GUILD) == []
    await chosen.choose(GUILD, CHANNEL, "agent", "x" * 500)
    assert chosen.entries(GUILD) == [Entry("agent", "x" * 100, CHANNEL)]
    assert await chosen.reset(GUILD, "voice", None) == (0, True)
    assert await chosen.reset(GUILD, None, CHANNEL) == (1, True)
