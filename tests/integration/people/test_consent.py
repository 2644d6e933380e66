"""The consent proof: members of the simulated Discord who agree, object and change their minds, and what is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.support.discord_bench import Bench, frames, open_bench
from voxbridge.config.people import PrivacySettings, StorageSettings
from voxbridge.config.settings import Settings
from voxbridge.core.call.events import HearingChanged, MemberJoined
from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.messages.catalogue import OURS
from voxbridge.people.house import House
from voxbridge.rehearsal.discord import Member, SimulatedDiscord

pytestmark = pytest.mark.integration

PACKETS = 10_000


def house_in(folder: Path, **privacy: Any) -> House:
    file = StorageSettings(file=str(folder / "voxbridge.db"))
    settings = Settings(privacy=attrs.evolve(PrivacySettings(), **privacy), storage=file)
    return House(lambda: settings)


@asynccontextmanager
async def open_guest(folder: Path, discord: SimulatedDiscord, **privacy: object) -> AsyncIterator[tuple[Bench, House]]:
    """Open the bridge in a call, with a house that says who is heard."""
    house = house_in(folder, **privacy)
    await house.open()
    async with open_bench(discord, company=house, limit_s=60) as bench:
        house.consent.when_changed(bench.bridge.hearing_changed)
        yield bench, house


async def joined(discord: SimulatedDiscord, name: str) -> Member:
    member = discord.add_member(name)
    await member.join(discord.voice_channel_id)
    await member.wait_dave_ready()
    return member


async def ask(house: House, discord: SimulatedDiscord, member: Member, wish: str) -> str:
    asker = MemberJoined(member.id, member.name, False, frozenset())
    return OURS.text(await house.privacy.answer(GuildId(discord.guild_id), asker, wish))  # type: ignore[arg-type]


async def test_ten_thousand_packets_of_who_did_not_agree_are_not_opened(tmp_path: Path, capfd) -> None:
    """opt-in: nothing of them is decrypted or handed on, no file has a byte; after a yes the next word is heard."""
    discord = SimulatedDiscord()
    async with open_guest(tmp_path, discord, mode="opt-in") as (bench, house):
        ada = await joined(discord, "Ada")
        await bench.until(lambda: discord.is_dave_settled())
        counters = bench.room.counters
        for number in range(PACKETS // 50):
            await ada.speak(frames(50, salt=number), gap_s=0.0002, tail=False, announce=number % 2 == 0)
        await bench.until(lambda: counters.not_heard + counters.datagrams_shed >= PACKETS, timeout_s=30)
        assert counters.not_heard == PACKETS
        assert counters.received == 0
        assert counters.unknown_ssrc == 0, "a seal was opened to look for the owner"
        assert bench.packets_of(ada.id) == []
        assert [m.is_heard for m in bench.said if isinstance(m, MemberJoined) and m.user_id == ada.id] == [False]
        word = frames(5, salt=77)
        answer = await ask(house, discord, ada, "hear-me")
        assert answer == "I hear you in this server's voice channels: you have agreed."
        await ada.speak(word)
        await bench.until(lambda: bench.opus_of(ada.id) == word)
        assert HearingChanged(ada.id, is_heard=True) in bench.said
    shown = capfd.readouterr()
    assert str(ada.id) not in shown.out + shown.err


async def test_who_agreed_is_heard_beside_who_did_not(tmp_path: Path) -> None:
    """Streams without a name are tried with the keys of those who are heard: Bob's words come, Ada's never."""
    discord = SimulatedDiscord()
    async with open_guest(tmp_path, discord, mode="opt-in") as (bench, house):
        ada, bob = await joined(discord, "Ada"), await joined(discord, "Bob")
        await ask(house, discord, bob, "hear-me")
        await bench.until(lambda: discord.is_dave_settled())
        await ada.speak(frames(30), announce=False)
        await bob.speak(frames(30, salt=5), announce=False)
        await bench.until(lambda: bench.opus_of(bob.id) == frames(30, salt=5))
        assert bench.packets_of(ada.id) == []
        assert bench.room.counters.deaf == 0


async def test_a_no_in_mid_sentence_ends_the_hearing(tmp_path: Path) -> None:
    """From the packet after the choice on nothing is opened, and the room is told."""
    discord = SimulatedDiscord()
    async with open_guest(tmp_path, discord) as (bench, house):
        ada = await joined(discord, "Ada")
        said = frames(200)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ada.speak, said)
            await bench.until(lambda: len(bench.opus_of(ada.id)) >= 20)
            heard = len(bench.opus_of(ada.id))
            await ask(house, discord, ada, "ignore-me")
            assert HearingChanged(ada.id, is_heard=False) in bench.said
        after = bench.opus_of(ada.id)
        assert len(after) <= heard + 2, "packets that came before the choice was stored"
        assert bench.room.counters.not_heard >= len(said) - len(after)
        assert bench.room.counters.deaf == 0


async def test_a_choice_outlives_the_daemon(tmp_path: Path) -> None:
    """By user and guild: another life knows it, another guild does not."""
    guild = GuildId(1)
    first = house_in(tmp_path, mode="opt-in")
    await first.open()
    await first.consent.choose(guild, UserId(2), "hear")
    second = house_in(tmp_path, mode="opt-in")
    assert not second.is_heard(guild, UserId(2)), "not before the file was read"
    await second.open()
    assert second.is_heard(guild, UserId(2))
    assert not second.is_heard(GuildId(2), UserId(2))


async def test_an_unreadable_book_of_objections_hears_nobody_in_opt_out(tmp_path: Path) -> None:
    """An objection may be among what cannot be read; in open mode the conversation goes on as the operator wants."""
    (tmp_path / "voxbridge.db").write_bytes(b"no database" * 1000)
    for mode, is_heard in (("opt-out", False), ("opt-in", False), ("open", True)):
        house = house_in(tmp_path, mode=mode)
        await house.open()
        assert house.is_heard(GuildId(1), UserId(2)) is is_heard, mode
        told = await house.privacy.answer(GuildId(1), MemberJoined(UserId(2), "Ada", False), "hear-me")
        assert "I can't store that at the moment" in OURS.text(told)
        assert house.is_heard(GuildId(1), UserId(2)), "who agrees now is heard"


async def test_delete_keeps_nothing_but_a_no(tmp_path: Path) -> None:
    """What a member has deleted is gone; that they said no stays, since without it they would be heard again."""
    house, guild, ada = house_in(tmp_path), GuildId(1), MemberJoined(UserId(2), "Ada", False)
    await house.open()
    await house.privacy.answer(guild, ada, "hear-me")
    assert "I have deleted your choice" in OURS.text(await house.privacy.answer(guild, ada, "delete"))
    assert house.consent.choice(guild, ada.user_id) is None
    await house.privacy.answer(guild, ada, "ignore-me")
    assert "I keep that I may not hear you" in OURS.text(await house.privacy.answer(guild, ada, "delete"))
    assert not house.is_heard(guild, ada.user_id)


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "opt-in"},
        {"allow_users": ("3",)},
        {"allow_roles": ("30",)},
        {"deny_users": ("2",)},
        {"deny_roles": ("20",)},
    ],
    ids=str,
)
async def test_a_reload_holds_for_who_is_there(tmp_path: Path, change: dict[str, Any]) -> None:
    """Each option of [privacy] is looked at anew: who is there and heard is told to be so no longer, and back."""
    settings = [Settings(storage=StorageSettings(file=str(tmp_path / "voxbridge.db")))]
    house, told = House(lambda: settings[-1]), list[bool]()
    await house.open()
    house.consent.when_changed(lambda _guild, _user, is_heard: told.append(is_heard))
    ada = MemberJoined(UserId(2), "Ada", False, frozenset({20}))
    house.saw(GuildId(1), ada, None)
    assert house.is_heard(GuildId(1), ada.user_id)
    settings.append(attrs.evolve(settings[0], privacy=attrs.evolve(settings[0].privacy, **change)))
    house.review()
    assert told == [False]
    assert not house.is_heard(GuildId(1), ada.user_id)
    settings.append(settings[0])
    house.review()
    assert told == [False, True]
