"""Limits of an operator in a room: what members hear and read, what the agent is asked, what lasts. Virtual time."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from voxbridge.config.limits import LimitSettings
from voxbridge.core.ids import GuildId, UserId
from voxbridge.people.limits import Limits
from voxbridge.storage.archive import Archive, NoStore
from voxbridge.storage.port import Store
from voxbridge.storage.sqlite import SqliteStore

pytestmark = pytest.mark.integration

GUILD, ADA = GuildId(7), UserId(1)


@attrs.define
class Clock:
    """A wall clock that goes with the virtual one."""

    began: dt.datetime = dt.datetime(2026, 11, 30, 12, 0, tzinfo=dt.UTC)
    began_at: float = attrs.field(factory=trio.current_time)

    def iso(self) -> str:
        return (self.began + dt.timedelta(seconds=trio.current_time() - self.began_at)).isoformat()


@asynccontextmanager
async def limited_hall(settings: LimitSettings, store: Store | None = None) -> AsyncIterator[tuple[Hall, Limits]]:
    """A room with limits, in UTC."""
    archive, wall = Archive(store or NoStore()), Clock()
    limits = Limits(archive, lambda: attrs.evolve(settings, time_zone="UTC"), wall.iso)
    await archive.flush()
    async with open_hall(change=lambda tools: attrs.evolve(tools, allowance_of=limits.of)) as hall:
        yield hall, limits
    await archive.flush()


async def ask(hall: Hall, user, number: int):
    """Let somebody ask, and wait for the report and for silence."""
    await hall.say(user)
    report = await hall.wait_report(number)
    await hall.port.wait_for(lambda: hall.room.mouth.is_idle, 60.0, recheck_s=1.0)
    return report


def texts(hall: Hall) -> list[str]:
    """What the speech server was asked to say."""
    return [spoken.fields.text for spoken in hall.tts.spoken]


async def test_a_member_who_asks_too_much_is_told_once(autojump_clock):
    """Two turns a minute: the third is told so aloud, the fourth is not answered, and after a minute all is well."""
    async with limited_hall(LimitSettings(member_turns_per_minute=2)) as (hall, _):
        ada = hall.port.join(1, "Ada")
        outcomes = [(await ask(hall, ada, number)).outcome for number in range(4)]
        assert outcomes == ["answered", "answered", "limited", "limited"]
        assert len(hall.agent.questions) == 2
        assert sum("Ada, you have asked a lot" in text for text in texts(hall)) == 1, "told once"
        assert hall.port.posted == [], "what is said need not be written"
        await trio.sleep(60)
        assert (await ask(hall, ada, 4)).outcome == "answered"


async def test_calls_of_the_agent_are_counted_for_the_day(autojump_clock):
    """Whoever asked: the second call is the last one, until midnight."""
    async with limited_hall(LimitSettings(agent_calls_per_day=2)) as (hall, limits):
        ada, bob = hall.port.join(1, "Ada"), hall.port.join(2, "Bob")
        outcomes = [(await ask(hall, who, number)).outcome for number, who in enumerate((ada, bob, ada, bob))]
        assert outcomes == ["answered", "answered", "limited", "limited"]
        assert limits.book(hall.port.guild_id).calls == len(hall.agent.questions) == 2
        assert sum("I go on tomorrow" in text for text in texts(hall)) == 1
        await trio.sleep(12 * 3600)
        assert (await ask(hall, ada, 4)).outcome == "answered"


async def test_spoken_seconds_end_in_writing(autojump_clock):
    """Who has spoken all that is allowed says so in the chat, and also nothing that a command wants said."""
    async with limited_hall(LimitSettings(spoken_seconds_per_day=1)) as (hall, limits):
        ada = hall.port.join(1, "Ada")
        assert (await ask(hall, ada, 0)).outcome == "answered"
        heard_s = limits.book(hall.port.guild_id).spoken_s
        assert heard_s > 1.0
        assert (await ask(hall, ada, 1)).outcome == "limited"
        assert not await hall.room.say("Good evening.")
        assert [text for _, text in hall.port.posted] == ["I have spoken as much as I may for today. I go on tomorrow."]
        assert limits.book(hall.port.guild_id).spoken_s == heard_s


async def test_quiet_hours_are_silent(autojump_clock):
    """Nothing is asked or said from 12 to 13 h; that is written once, and at 13 h it answers."""
    async with limited_hall(LimitSettings(quiet_hours=("12:00-13:00",))) as (hall, _):
        ada = hall.port.join(1, "Ada")
        for number in range(3):
            assert (await ask(hall, ada, number)).outcome == "limited"
        assert hall.agent.questions == []
        assert hall.port.voice == []
        assert [text for _, text in hall.port.posted] == [
            "It is quiet time here until 13:00: I don't answer and don't speak."
        ]
        await trio.sleep(3600)
        assert (await ask(hall, ada, 3)).outcome == "answered"


async def test_an_error_in_quiet_hours_is_not_apologised_for_aloud(autojump_clock):
    """What cannot be understood then is no reason to speak."""
    async with limited_hall(LimitSettings(quiet_hours=("12:00-13:00",))) as (hall, _):
        ada = hall.port.join(1, "Ada")
        hall.stt.script.finalize_errors = 99
        await ask(hall, ada, 0)
        assert hall.port.voice == []


async def test_the_days_counts_are_found_again(tmp_path: Path):
    """Another daemon on the same file goes on counting, and tells nobody twice."""
    settings = LimitSettings(agent_calls_per_day=1)
    outcomes = []
    for _ in range(2):
        store = SqliteStore(tmp_path / "voxbridge.db", lambda: "2026-11-30T12:00:00Z")
        archive, wall = Archive(store), Clock()
        limits = Limits(archive, lambda: attrs.evolve(settings, time_zone="UTC"), wall.iso)
        await archive.flush()
        allowance = limits.of(GUILD)
        outcomes.append((allowance.refusal(ADA), allowance.refusal(ADA)))
        allowance.asked()
        outcomes.append((allowance.refusal(ADA), allowance.refusal(ADA)))
        assert await archive.flush()
        store.close()
    free, full, again, still = outcomes
    assert free == (None, None)
    assert [refusal is not None and refusal.is_first for refusal in full] == [True, False]
    assert [refusal is not None and refusal.is_first for refusal in again] == [False, False]
    assert still == again


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("member_turns_per_minute", 1),
        ("server_turns_per_minute", 1),
        ("agent_calls_per_day", 1),
        ("spoken_seconds_per_day", 1),
        ("quiet_hours", ("12:00-13:00",)),
    ],
)
async def test_a_limit_that_is_set_while_it_runs_counts_what_was_before(autojump_clock, option, value):
    """A reload between two turns: the second one is refused."""
    settings, wall = LimitSettings(time_zone="UTC"), Clock()
    limits = Limits(Archive(NoStore()), lambda: settings, wall.iso)
    async with open_hall(change=lambda tools: attrs.evolve(tools, allowance_of=limits.of)) as hall:
        ada = hall.port.join(1, "Ada")
        assert (await ask(hall, ada, 0)).outcome == "answered"
        settings = attrs.evolve(settings, **{option: value})
        assert (await ask(hall, ada, 1)).outcome == "limited"


async def test_the_time_zone_can_be_changed_while_it_runs():
    """Noon in London is 21 h in Tokyo."""
    settings, wall = LimitSettings(time_zone="UTC", quiet_hours=("20:00-22:00",)), Clock()
    limits = Limits(Archive(NoStore()), lambda: settings, wall.iso)
    assert limits.of(GUILD).silence() is None
    settings = attrs.evolve(settings, time_zone="Asia/Tokyo")
    refusal = limits.of(GUILD).silence()
    assert refusal is not None
    assert f"{refusal.until:%H:%M}" == "22:00"
