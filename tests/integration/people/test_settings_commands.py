"""/agent, /voice, /language, /mode and /settings, as members type them in the simulated Discord."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.discord_bench import Bench, Handler, open_bench, plain_desk
from voxbridge.clock import wall_iso
from voxbridge.config.people import CommandsSettings
from voxbridge.config.profiles import GuildSettings, ProfileSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.profiles.layers import Settled
from voxbridge.people.desk import Desk
from voxbridge.rehearsal.discord import Member, SimulatedDiscord
from voxbridge.rehearsal.discord.world import GUILD_ID
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.registry import open_stages
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.storage.archive import Archive
from voxbridge.storage.sqlite import SqliteStore
from voxbridge.testing.servers.chatterbox import ChatterboxServer

pytestmark = pytest.mark.integration

MANAGE_SERVER = 1 << 5
PROFILES = {"iris": ProfileSettings(voice="alice"), "otto": ProfileSettings(language="de")}


@attrs.define
class Office:
    """A running bridge, and where settings are chosen."""

    bench: Bench
    desk: Desk
    admin: Member
    file: Path

    @property
    def discord(self) -> SimulatedDiscord:
        return self.bench.discord

    async def type(self, command: str, who: Member | None = None, **options: Any) -> str:
        """Let the admin, or somebody else, use a command; return what they read."""
        answer = await self.discord.interaction(who or self.admin, command, options)
        assert answer.is_ephemeral
        assert answer.acknowledged_after_s is not None
        assert answer.acknowledged_after_s < 3.0, "Discord waits no longer"
        return answer.content or ""

    def holds(self, what: Any, channel: int | None = None) -> Settled:
        """Return what holds, and where it came from."""
        where = None if channel is None else ChannelId(channel)
        return self.desk._profiles.what_holds(GuildId(self.discord.guild_id), where).of(what)


@asynccontextmanager
async def open_office(folder: Path, discord: SimulatedDiscord | None = None, **settings: Any) -> AsyncIterator[Office]:
    """Open a bridge whose speech server has three voices."""
    discord, file = discord or SimulatedDiscord(), folder / "voxbridge.db"
    async with ChatterboxServer(voices=("alice", "bob", "carol")).running() as server:
        configuration = Settings(
            stt=WhisperXSettings(url="ws://127.0.0.1:9"),
            agent=N8nSettings(url=Secret("http://127.0.0.1:9/webhook/x")),
            tts=ChatterboxSettings(url=server.url),
            profile=PROFILES,
            **settings,
        )
        archive = Archive(SqliteStore(file, wall_iso, busy_s=0.05))
        await archive.flush()
        desk = plain_desk(configuration, archive)
        async with open_stages(configuration, engines_socket="") as stages:
            await stages.tts.probe()
            desk.stages = stages
            async with open_bench(discord, join=(), handler=Handler(desk=desk)) as bench:
                await bench.until(lambda: bool(discord.commands()))
                admin = discord.add_member("Ada", permissions=MANAGE_SERVER)
                yield Office(bench, desk, admin, file)


async def test_settings_are_offered_while_one_types_and_last(tmp_path: Path) -> None:
    """Profiles, the server's voices, languages by name and modes; a choice holds at once and is in the file."""
    async with open_office(tmp_path) as office:
        discord, admin = office.discord, office.admin
        assert await discord.completions(admin, "agent", {"agent": ""}, "agent") == ["default", "iris", "otto"]
        assert await discord.completions(admin, "voice", {"voice": "ca"}, "voice") == ["carol"]
        assert (await discord.completions(admin, "language", {"language": "german"}, "language"))[0] == "de"
        assert await discord.completions(admin, "mode", {"mode": "ev"}, "mode") == ["everyone"]

        assert await office.type("agent", agent="iris") == "Who answers: `iris`, from now on."
        assert await office.type("voice", voice="bob") == "Voice of iris: `bob`, from now on."
        assert await office.type("language", language="fr") == "Language: `fr`, from now on."
        assert await office.type("mode", mode="everyone") == "Whom I answer: everyone, from now on."
        there = discord.other_voice_channel_id
        assert f"Only in <#{there}>." in await office.type("mode", mode="lock", channel=there)

        assert office.holds("voice") == Settled("bob", "server")
        assert office.holds("mode") == Settled("everyone", "server")
        assert office.holds("mode", there) == Settled("lock", "channel")
        with sqlite3.connect(office.file) as file:
            (stored,) = file.execute("SELECT COUNT(*) FROM fact WHERE shelf = 'settings'").fetchone()
        assert stored == 5


async def test_settings_can_be_listed_and_reset(tmp_path: Path) -> None:
    """/settings show says of each value where it came from; /settings reset gives it back to the file."""
    async with open_office(tmp_path) as office:
        there = office.discord.other_voice_channel_id
        await office.type("agent", agent="otto")
        await office.type("mode", mode="lock", channel=there)
        told = (await office.type("settings show")).splitlines()
        assert told[0] == "What holds here:"
        assert "- Who answers: `otto` (chosen for this server)" in told
        assert "- Voice of iris: `alice` (from the profile)" in told
        assert "- Voice: the server's own (from my configuration)" in told
        assert "- Language: `de` (from the profile)" in told
        assert told[-1].endswith(f"(chosen for <#{there}>)")
        assert "(chosen for this channel)" in await office.type("settings show", channel=there)

        assert await office.type("settings reset", what="mode", channel=there) == "Choices taken back: 1."
        assert await office.type("settings reset") == "Choices taken back: 1."
        assert await office.type("settings reset") == "Nothing has been chosen here."
        assert office.holds("agent") == Settled("default", "file")


async def test_what_cannot_be_is_refused_with_a_word(tmp_path: Path) -> None:
    """No profile, voice, language or mode of that name, and none that the operator keeps out of the server."""
    async with open_office(tmp_path, guild=(GuildSettings(str(GUILD_ID), ("otto",)),)) as office:
        for command, name in (("agent", "iris"), ("voice", "dave"), ("language", "xx"), ("mode", "nobody")):
            assert await office.type(command, None, **{command: name}) == (
                f"I do not have that here: {name}. Choose one of those that I offer while you type."
            )
        assert "I do not have that here: auto." in await office.type("language", language="auto")
        assert office.holds("agent") == Settled("otto", "file")
        assert await office.discord.completions(office.admin, "agent", {"agent": ""}, "agent") == ["otto"]


async def test_who_may_change_settings_is_discord_s_affair_or_a_role_s(tmp_path: Path) -> None:
    """Without roles, who may manage the server, or whom an admin permits; with roles, who has one, and nobody else."""
    async with open_office(tmp_path) as office:
        bob = office.discord.add_member("Bob")
        with pytest.raises(LookupError, match="not shown"):
            await office.type("mode", bob, mode="queue")
        office.discord.permit(bob, "mode", on=True)
        assert "from now on" in await office.type("mode", bob, mode="queue")
    discord = SimulatedDiscord()
    bob, eve = discord.add_member("Bob"), discord.add_member("Eve")
    role = discord.add_role("helpers", bob)
    async with open_office(tmp_path, discord, commands=CommandsSettings(roles=(str(role),))) as office:
        assert "from now on" in await office.type("mode", bob, mode="queue")
        refused = "Only members with certain roles may change that here."
        assert await office.type("mode", eve, mode="lock") == refused
        assert await office.type("settings reset", eve) == refused
        assert office.holds("mode") == Settled("queue", "server")
        assert "queue" in str(office.desk._chosen.entries(GuildId(office.discord.guild_id)))


async def test_answers_are_in_the_language_of_whoever_types(tmp_path: Path) -> None:
    """In five languages, the names of languages and modes among them."""
    async with open_office(tmp_path) as office:
        office.admin.user.locale = "de"
        assert await office.type("mode", mode="everyone") == "Wem ich antworte: allen, ab jetzt."
        for locale, typed in (("de", "franz"), ("fr", "fran"), ("es-ES", "franc"), ("ja", "フランス")):
            office.admin.user.locale = locale
            offered = await office.discord.completions(office.admin, "language", {"language": typed}, "language")
            assert offered[:1] == ["fr"], locale


async def test_a_choice_that_cannot_be_stored_holds_and_says_so(tmp_path: Path, capsys: Any) -> None:
    """The file is locked by another program: one line in the log, and the choice holds until the restart."""
    async with open_office(tmp_path) as office:
        lock = sqlite3.connect(office.file, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        told = await office.type("mode", mode="everyone")
        await office.type("language", language="fr")
        assert told.startswith("Whom I answer: everyone, from now on. I can't store that")
        assert office.holds("mode") == Settled("everyone", "server")
        lock.execute("ROLLBACK")
        lock.close()
        assert "can't store" not in await office.type("mode", mode="queue")
        with sqlite3.connect(office.file) as file:
            (stored,) = file.execute("SELECT COUNT(*) FROM fact WHERE shelf = 'settings'").fetchone()
        assert stored == 2, "what waited is stored as well"
    assert capsys.readouterr().out.count("nothing can be stored") == 1
