"""People are told that they are listened to: a room in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.voices import GUILD
from voxbridge.config.people import PrivacySettings
from voxbridge.people.notices import SHELF, Notices
from voxbridge.storage.archive import Archive, NoStore
from voxbridge.storage.port import Key

pytestmark = pytest.mark.integration

TOLD = "I am listening here: what is said in this channel is turned into text and sent to an AI agent."


@attrs.define
class Board:
    """A room with its notices, and the rules and the day, which the test may change."""

    hall: Hall
    archive: Archive
    rules: PrivacySettings
    day: str = "2026-11-25"

    @property
    def posted(self) -> list[str]:
        return [text for _, text in self.hall.port.posted]


@asynccontextmanager
async def open_board(archive: Archive | None = None, **privacy: Any) -> AsyncIterator[Board]:
    async with open_hall() as hall:
        board = Board(hall, archive or Archive(NoStore()), PrivacySettings(**privacy))
        notices = Notices(board.archive, lambda: board.rules, lambda: f"{board.day}T10:00:00+00:00")
        hall.nursery.start_soon(notices.run, hall.room)
        yield board


async def test_who_is_there_is_told_once_and_who_comes_too(autojump_clock) -> None:
    """Those who are there together in one line, a newcomer in another; nobody twice on a day, not after a restart."""
    async with open_board() as board:
        for user, name in ((1, "Ada"), (2, "Bob")):
            board.hall.port.join(user, name)
        board.hall.port.join(3, "music", is_bot=True)
        await trio.sleep(10)
        assert len(board.posted) == 1
        assert board.posted[0].startswith(TOLD)
        cleo = board.hall.port.join(4, "Cleo")
        await trio.sleep(10)
        assert len(board.posted) == 2
        board.hall.port.leave(cleo)
        board.hall.port.join(4, "Cleo")
        await trio.sleep(10)
        assert len(board.posted) == 2
        told = {key.subject for key, _ in board.archive.on(SHELF)}
        assert told == {"1", "2", "4"}
        board.day = "2026-11-26"
        board.hall.port.join(5, "Dan")
        await trio.sleep(10)
        assert len(board.posted) == 3
        assert board.archive.get(Key(SHELF, GUILD, "1")) == {"day": "2026-11-26"}
    async with open_board(board.archive) as again:
        again.hall.port.join(1, "Ada")
        await trio.sleep(10)
        assert len(again.posted) == 1, "another day again"


async def test_opt_in_says_how_to_agree(autojump_clock) -> None:
    """Who is not heard unless they agree is told how, in the server's language."""
    async with open_board(mode="opt-in") as board:
        board.hall.port.locale = "de"
        board.hall.port.join(1, "Ada")
        await trio.sleep(10)
        (told,) = board.posted
        assert told.startswith("Ich höre nur, wer zustimmt")
        assert "/privacy hear-me" in told


async def test_told_by_voice_or_not_at_all(autojump_clock) -> None:
    """The operator chooses, and a reload holds for the next who comes."""
    async with open_board(notice="none") as board:
        board.hall.port.join(1, "Ada")
        await trio.sleep(10)
        assert board.posted == []
        assert board.hall.port.voice == []
        board.rules = PrivacySettings(notice="spoken")
        board.hall.port.join(2, "Bob")
        await trio.sleep(20)
        assert board.posted == []
        assert board.hall.port.voice != []
        assert "I am listening here." in board.hall.tts.spoken[0].fields.text
