"""The journal: a line per turn, for the operator's eyes only, and never at the conversation's cost."""

from __future__ import annotations

import json
import os
import resource
import stat
from pathlib import Path

import attrs
import pytest
import trio
from structlog.testing import capture_logs

from tests.support.reports import make_report
from voxbridge.core.ids import GuildId, UserId
from voxbridge.errors import StorageError
from voxbridge.ops.journal import Journal

pytestmark = pytest.mark.unit


def test_each_turn_is_one_line(tmp_path: Path) -> None:
    """Appended, whole, in the text's own letters."""
    file = tmp_path / "turns.jsonl"
    journal = Journal(lambda: str(file))
    journal.write(make_report())
    journal.write(make_report(turn_id="turn-2", heard="two\nlines"))
    lines = file.read_text("utf-8").splitlines()
    assert [json.loads(line)["turn_id"] for line in lines] == ["turn-1", "turn-2"]
    assert json.loads(lines[1])["heard"] == "two\nlines"
    assert "“so”" in lines[0]


def test_only_the_operator_may_read_it(tmp_path: Path) -> None:
    """What people said is in it."""
    file = tmp_path / "turns.jsonl"
    Journal(lambda: str(file)).write(make_report())
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def test_nothing_is_written_unless_a_file_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech is kept only where it was asked for."""
    monkeypatch.chdir(tmp_path)
    Journal(lambda: "").write(make_report())
    assert list(tmp_path.iterdir()) == []


def test_a_reload_may_name_another_file(tmp_path: Path) -> None:
    """The file is asked for each time; one that was moved away (rotation) is made anew."""
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    journal = Journal(lambda: str(files[0]))
    journal.write(make_report())
    files[0].rename(tmp_path / "a.jsonl.1")
    journal.write(make_report())
    files.reverse()
    journal.write(make_report())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.1", "b.jsonl"]


def test_a_file_that_cannot_be_written_costs_the_record_only(tmp_path: Path) -> None:
    """A full disk or a missing directory is told in the log, without a word of what was said."""
    report = attrs.evolve(make_report(), heard="a secret", answer="another")
    with capture_logs() as logs:
        Journal(lambda: str(tmp_path / "missing" / "turns.jsonl")).write(report)
    (line,) = logs
    assert line["log_level"] == "error"
    assert "secret" not in str(line)
    assert "another" not in str(line)


def test_a_line_for_half_of_which_there_is_room_is_not_begun(tmp_path: Path) -> None:
    """A part of a line would spoil the next one as well: what was there stays, and the loss is told."""
    file = tmp_path / "turns.jsonl"
    journal = Journal(lambda: str(file))
    journal.write(make_report())
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))
    try:
        with capture_logs() as logs:
            journal.write(make_report())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [line["event"] for line in logs] == ["a turn was not written to the journal"]
    assert file.read_bytes() == before
    journal.write(make_report())
    assert file.read_bytes() == before * 2


async def test_a_member_has_all_turns_erased(tmp_path: Path) -> None:
    """Only that member's, in that guild; what others said, and what is no turn at all, stays as it was."""
    file = tmp_path / "turns.jsonl"
    journal, report = Journal(lambda: str(file)), make_report()
    others = [attrs.evolve(report, user_id=UserId(77)), attrs.evolve(report, guild_id=GuildId(88))]
    for each in (report, *others, report):
        journal.write(each)
    with file.open("ab") as raw:
        raw.write(b"\xff not JSON\n")
    before = file.read_bytes().splitlines()
    assert await journal.count(report.guild_id, report.user_id) == 2
    assert await journal.erase(report.guild_id, report.user_id) == 2
    assert file.read_bytes().splitlines() == [before[1], before[2], before[4]]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await journal.erase(report.guild_id, report.user_id) == 0
    assert os.listdir(tmp_path) == ["turns.jsonl"]  # noqa: PTH208


async def test_a_turn_that_ends_while_others_are_erased_is_kept(tmp_path: Path) -> None:
    """The file is copied in a thread; what is written meanwhile is taken over."""
    file = tmp_path / "turns.jsonl"
    journal, report = Journal(lambda: str(file)), make_report()
    for _ in range(2000):
        journal.write(report)
    other = attrs.evolve(report, user_id=UserId(77))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.erase, report.guild_id, report.user_id)
        await trio.lowlevel.checkpoint()
        for _ in range(100):
            journal.write(other)
            await trio.lowlevel.checkpoint()
    assert await journal.count(report.guild_id, report.user_id) == 0
    assert await journal.count(other.guild_id, other.user_id) == 100


async def test_what_cannot_be_erased_is_told(tmp_path: Path) -> None:
    """A file out of reach is an error of ours, with its name."""
    journal, report = Journal(lambda: str(tmp_path)), make_report()
    with pytest.raises(StorageError, match="directory"):
        await journal.erase(report.guild_id, report.user_id)
