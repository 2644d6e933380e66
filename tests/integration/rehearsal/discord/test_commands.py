"""Slash commands, messages and threads of unmodified discord.py in the simulated Discord."""

import asyncio

import discord
import pytest

from tests.support.discord_py import aio, client_ready, island, logged_in, started
from voxbridge.rehearsal.discord import Knobs

pytestmark = pytest.mark.integration


def command_tree(client, guild_id=None) -> discord.app_commands.CommandTree:
    """Register one command of each kind of answer, as an application would."""
    tree = discord.app_commands.CommandTree(client)
    guild = discord.Object(guild_id) if guild_id else None

    @tree.command(name="join", description="Come into a voice channel", guild=guild)
    async def join(interaction: discord.Interaction, channel: discord.VoiceChannel, loudly: bool = False):
        await interaction.response.send_message(f"joining {channel.name} {loudly}", ephemeral=True)
        await interaction.followup.send("joined")

    @tree.command(name="think", description="Take a while", guild=guild)
    async def think(interaction: discord.Interaction, about: str):
        await interaction.response.defer(ephemeral=True, thinking=True)
        await asyncio.sleep(0.05)
        await interaction.followup.send(f"thought about {about}")

    @tree.command(name="edit", description="Think again", guild=guild)
    async def edit(interaction: discord.Interaction):
        await interaction.response.defer()
        await interaction.edit_original_response(content="first")
        await interaction.edit_original_response(content="second")

    @tree.command(name="who", description="Say who asks", guild=guild)
    async def who(interaction: discord.Interaction, member: discord.Member, times: int):
        allowed = interaction.permissions.manage_guild
        await interaction.response.send_message(f"{interaction.user.name} {member.name} {times} {allowed}")

    @tree.command(name="mute", description="Say nothing at all", guild=guild)
    async def mute(interaction: discord.Interaction):
        """Let the 3 s pass."""

    voice = discord.app_commands.Group(name="voice", description="Voices")

    @voice.command(name="set", description="Take a voice")
    async def voice_set(interaction: discord.Interaction, name: str):
        assert isinstance(interaction.channel, discord.abc.GuildChannel)
        await interaction.response.send_message(f"voice {name} in {interaction.channel.name}")

    tree.add_command(voice, guild=guild)
    return tree


async def test_command_sync_registers_global_and_guild_commands(nursery):
    """What CommandTree.sync puts is what the server has, and what it gets back."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        tree, guild = command_tree(client), discord.Object(simulated.guild_id)
        synced = await aio(tree.sync)()
        names = {"join", "think", "edit", "who", "mute", "voice"}
        assert {command.name for command in synced} == names
        assert {command["name"] for command in simulated.commands()} == names
        assert simulated.commands(guild=simulated.guild_id) == []
        tree.copy_global_to(guild=guild)
        tree.remove_command("mute", guild=guild)
        await aio(tree.sync)(guild=guild)
        assert {command["name"] for command in simulated.commands(guild=simulated.guild_id)} == names - {"mute"}
        assert {command.name for command in await aio(tree.fetch_commands)()} == names


async def test_command_is_answered_ephemerally_and_followed_up(nursery):
    """Options arrive resolved; the answer is seen with its flag, and so is what follows."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        await aio(command_tree(client).sync)()
        options = {"channel": simulated.voice_channel_id, "loudly": True}
        result = await simulated.interaction(alice, "join", options)
        assert result.is_acknowledged
        assert 0 < result.acknowledged_after_s < 1
        assert (result.content, result.is_ephemeral, result.is_deferred) == ("joining Stage door True", True, False)
        await simulated.wait_until(lambda: bool(result.followups), timeout_s=20)
        assert [message.content for message in result.followups] == ["joined"]


@pytest.mark.parametrize(
    ("command", "options", "content", "ephemeral"),
    [("think", {"about": "life"}, "thought about life", True), ("edit", {}, "second", False)],
)
async def test_deferred_command_is_completed(nursery, command, options, content, ephemeral):
    """A deferred answer is completed by its first follow-up, or by editing the original."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        await aio(command_tree(client).sync)()
        result = await simulated.interaction(alice, command, options)
        await simulated.wait_until(lambda: result.content == content, timeout_s=20)
        assert result.is_deferred
        assert result.is_ephemeral is ephemeral
        assert not result.followups


@pytest.mark.parametrize("permissions", [0, 1 << 5])
async def test_command_carries_who_asks_and_with_which_permissions(nursery, permissions):
    """The member, a resolved user option and the permissions reach the command."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice", permissions=permissions)
    bob = simulated.add_member("bob")
    async with logged_in(simulated) as client:
        await aio(command_tree(client).sync)()
        result = await simulated.interaction(alice, "who", {"member": bob.id, "times": 3})
        assert result.content == f"alice bob 3 {bool(permissions)}"


async def test_subcommand_of_a_guild_tree_runs_in_the_channel_it_was_typed_in(nursery):
    """ "voice set" reaches the subcommand; the channel is the one given."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        await aio(command_tree(client, simulated.guild_id).sync)(guild=discord.Object(simulated.guild_id))
        result = await simulated.interaction(alice, "voice set", {"name": "low"}, channel=simulated.voice_channel_id)
        assert result.content == "voice low in Stage door"


async def test_command_without_an_answer_is_not_acknowledged(nursery):
    """After the response limit (3 s at Discord) the member is told that the application did not respond."""
    simulated = await started(nursery, knobs=Knobs(response_limit_s=0.2))
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        await aio(command_tree(client).sync)()
        result = await simulated.interaction(alice, "mute")
        assert not result.is_acknowledged
        assert result.content is None


async def test_unknown_command_or_option_is_a_mistake_of_the_test(nursery):
    """Nobody can type a command that is not registered."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        await aio(command_tree(client).sync)()
        with pytest.raises(LookupError, match="leave"):
            await simulated.interaction(alice, "leave")
        with pytest.raises(LookupError, match="softly"):
            await simulated.interaction(alice, "join", {"softly": True})


async def test_second_answer_is_refused(nursery):
    """An interaction is acknowledged once; the second callback is error 40060."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    errors = []
    async with logged_in(simulated) as client:
        tree = command_tree(client)

        @tree.command(name="twice", description="Answer twice")
        async def twice(interaction: discord.Interaction):
            await interaction.response.send_message("once")
            interaction.response._response_type = None
            try:
                await interaction.response.send_message("twice")
            except discord.HTTPException as error:
                errors.append(error.code)

        await aio(tree.sync)()
        result = await simulated.interaction(alice, "twice")
        await simulated.wait_until(lambda: bool(errors), timeout_s=20)
        assert (result.content, errors) == ("once", [40060])


async def test_messages_and_threads_are_kept(nursery):
    """Posts, edits, deletions and threads show in the record; limits are Discord's."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        channel = client.get_channel(simulated.text_channel_id)
        message = await aio(channel.send)("hello")
        await aio(message.edit)(content="hello there")
        thread = await aio(message.create_thread)(name="talk")
        await aio(thread.send)("in the thread")
        await aio(client.get_channel(simulated.voice_channel_id).send)("in the voice channel")
        kept = [(m.channel_id, m.content) for m in simulated.messages]
        assert kept == [
            (simulated.text_channel_id, "hello there"),
            (thread.id, "in the thread"),
            (simulated.voice_channel_id, "in the voice channel"),
        ]
        await aio(message.delete)()
        assert simulated.messages[0].is_deleted
        with pytest.raises(discord.HTTPException, match="50035"):
            await aio(channel.send)("x" * 2001)
        with pytest.raises(discord.NotFound):
            await aio(client.fetch_channel)(1)


async def test_bot_without_the_token_of_an_interaction_cannot_answer_it(nursery):
    """A callback with a wrong token is not found."""
    simulated = await started(nursery)
    async with island(), client_ready(simulated) as client:
        route = discord.http.Route("POST", "/interactions/1/wrong/callback")
        with pytest.raises(discord.NotFound):
            await aio(client.http.request)(route, json={"type": 4, "data": {"content": "x"}})


async def test_followups_can_be_edited_and_deleted(nursery):
    """Every message of an interaction has its own fate in the record."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        tree = command_tree(client)

        @tree.command(name="fuss", description="Say and unsay")
        async def fuss(interaction: discord.Interaction):
            await interaction.response.send_message("original")
            message = await interaction.followup.send("more", wait=True, ephemeral=True)
            await message.edit(content="less")
            await message.delete()
            shown = await interaction.original_response()
            await interaction.edit_original_response(content=shown.content + " edited")

        await aio(tree.sync)()
        result = await simulated.interaction(alice, "fuss")
        await simulated.wait_until(lambda: result.content == "original edited", timeout_s=20)
        assert [(m.content, m.is_deleted) for m in result.followups] == [("less", True)]
        assert result.followups_ephemeral == [True]


async def test_single_commands_come_and_go(nursery):
    """POST replaces a command of the same name, DELETE takes it away."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        http, bot_id, guild_id = client.http, simulated.bot_id, simulated.guild_id
        for description in ("first", "second"):
            made = await aio(http.upsert_global_command)(bot_id, {"name": "one", "description": description})
            await aio(http.upsert_guild_command)(bot_id, guild_id, {"name": "two", "description": description})
        assert [c["description"] for c in simulated.commands()] == ["second"]
        (guild_command,) = simulated.commands(guild=guild_id)
        await aio(http.delete_global_command)(bot_id, made["id"])
        await aio(http.delete_guild_command)(bot_id, guild_id, guild_command["id"])
        assert simulated.commands() == simulated.commands(guild=guild_id) == []
        with pytest.raises(discord.NotFound):
            await aio(http.delete_global_command)(bot_id, made["id"])


async def test_things_can_be_looked_up(nursery):
    """Users, members, guilds, channels and messages are found by id, and others are not."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as client:
        guild = await aio(client.fetch_guild)(simulated.guild_id)
        assert (await aio(client.fetch_user)(alice.id)).name == "alice"
        assert (await aio(guild.fetch_member)(alice.id)).name == "alice"
        assert len(await aio(guild.fetch_channels)()) == 3
        assert (await aio(client.fetch_channel)(simulated.text_channel_id)).name == "notices"
        assert (await aio(client.application_info)()).id == simulated.bot_id
        channel = client.get_channel(simulated.text_channel_id)
        sent = await aio(channel.send)("hello")
        assert (await aio(channel.fetch_message)(sent.id)).content == "hello"
        await aio(channel._state.http.send_typing)(channel.id)
        await aio(sent.delete)()
        for nothing in (
            lambda: aio(channel.fetch_message)(sent.id),
            lambda: aio(client.fetch_user)(1),
            lambda: aio(client.fetch_guild)(1),
            lambda: aio(guild.fetch_member)(1),
        ):
            with pytest.raises(discord.NotFound):
                await nothing()
        answer = await aio(client.http.get_bot_gateway)()
        assert "gateway.discord.gg" in str(answer)
