"""It comes, follows and leaves by itself, in the simulated Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.support.discord_bench import Bench, open_bench
from voxbridge.config.discord import DiscordSettings
from voxbridge.config.people import PresenceSettings, StorageSettings
from voxbridge.config.settings import Settings
from voxbridge.core.ids import GuildId
from voxbridge.people.house import House
from voxbridge.people.presence import SHELF
from voxbridge.rehearsal.discord import SimulatedDiscord

pytestmark = pytest.mark.integration


@attrs.define
class Home:
    """A bridge with a house, whose settings the test may change as a reload would."""

    bench: Bench
    house: House
    settings: list[Settings]

    @property
    def discord(self) -> SimulatedDiscord:
        return self.bench.discord

    def reload(self, **presence: Any) -> None:
        now = self.settings[-1]
        self.settings.append(attrs.evolve(now, presence=attrs.evolve(now.presence, **presence)))
        self.house.review()

    async def until_in(self, channel_id: int | None) -> None:
        def is_there() -> bool:
            channel = self.discord.channel_of(self.discord.bot_id)
            return (None if channel is None else channel.id) == channel_id

        await self.bench.until(is_there, timeout_s=10)


@asynccontextmanager
async def open_home(
    folder: Path,
    discord: SimulatedDiscord,
    *,
    join: tuple[str, ...] = (),
    **presence: Any,
) -> AsyncIterator[Home]:
    file = StorageSettings(file=str(folder / "voxbridge.db"))
    first = Settings(discord=DiscordSettings(join=join), presence=PresenceSettings(**presence), storage=file)
    settings = [first]
    house = House(lambda: settings[-1])
    await house.open()
    async with open_bench(discord, company=house, limit_s=60, join=join) as bench, trio.open_nursery() as nursery:
        nursery.start_soon(house.presence.run, bench.bridge)
        yield Home(bench, house, settings)
        house.presence.end()
        await house.archive.flush()
        nursery.cancel_scope.cancel()


async def test_it_follows_somebody_through_three_channels(tmp_path: Path) -> None:
    """Comes after Ada, moves along, and leaves when she has left voice; why is told."""
    discord = SimulatedDiscord()
    attic = discord.add_channel("Attic").id
    ada = discord.add_member("Ada")
    async with open_home(tmp_path, discord, follow=(str(ada.id),)) as home:
        for channel in (discord.voice_channel_id, discord.other_voice_channel_id, attic):
            await ada.join(channel)
            await home.until_in(channel)
        told = home.house.presence.why(GuildId(discord.guild_id))
        assert told is not None
        assert told.key == "here_follow"
        await ada.leave()
        await home.until_in(None)


async def test_it_comes_where_people_are_and_leaves_when_all_have_left(tmp_path: Path) -> None:
    """Occupied, then alone; a member's /leave gives peace; a reload changes what it may."""
    discord = SimulatedDiscord()
    hall, room = discord.voice_channel_id, discord.other_voice_channel_id
    async with open_home(tmp_path, discord, leave_alone_ms=1) as home:
        bob = discord.add_member("Bob")
        await bob.join(hall)
        home.reload(join="occupied", channels=(str(room),))
        await bob.join(room)
        await home.until_in(room)
        await home.bench.bridge.leave(GuildId(discord.guild_id))
        await home.until_in(None)
        await bob.join(hall)
        home.reload(channels=())
        await home.until_in(hall)
        await bob.leave()
        await home.until_in(None)


async def test_who_asked_for_it_finds_it_again_after_a_restart(tmp_path: Path) -> None:
    """The seat is stored; another life goes there again; who had sent it away is left alone."""
    first = SimulatedDiscord()
    guild = GuildId(first.guild_id)
    async with open_home(tmp_path, first) as home:
        ada = first.add_member("Ada")
        await ada.join(first.voice_channel_id)
        await home.bench.bridge.join(guild, first.voice_channel_id)
        await home.bench.until(lambda: bool(list(home.house.archive.on(SHELF))))
    second = SimulatedDiscord()
    async with open_home(tmp_path, second) as home:
        await home.until_in(second.voice_channel_id)
        await home.bench.bridge.leave(guild)
        await home.until_in(None)
        await home.bench.until(lambda: not list(home.house.archive.on(SHELF)))
    third = SimulatedDiscord()
    async with open_home(tmp_path, third) as home:
        await home.bench.until(lambda: home.bench.bridge.status().is_logged_in)
        assert home.house.presence.why(guild) is None


async def test_a_channel_of_the_configuration_is_kept_when_everybody_has_left(tmp_path: Path) -> None:
    """``discord.join`` means always, and is not stored."""
    discord = SimulatedDiscord()
    join = (f"{discord.guild_id}:{discord.voice_channel_id}",)
    async with open_home(tmp_path, discord, join=join, leave_alone_ms=1) as home:
        ada = discord.add_member("Ada")
        await home.until_in(discord.voice_channel_id)
        await ada.join(discord.voice_channel_id)
        await ada.leave()
        told = home.house.presence.why(GuildId(discord.guild_id))
        assert told is not None
        assert told.key == "here_always"
        assert list(home.house.archive.on(SHELF)) == []
