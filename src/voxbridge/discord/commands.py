"""The slash commands: /join, /leave, /status, /stop, /say. Answers are seen by the asker only.

Discord wants an answer within 3 s, so whatever may take longer is deferred first. Who may use which command is the
server's own affair (Server settings, Integrations).
"""

from __future__ import annotations

from typing import Protocol

import discord
import structlog
from discord import app_commands

from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.discord.client import VocalChannel
from voxbridge.discord.island import Island
from voxbridge.errors import VoiceHandshakeError

_log = structlog.get_logger(__name__)

_SAY_CHARS_MAX = 500
_ANSWER_CHARS_MAX = 2000


class CommandHandler(Protocol):
    """What the slash commands need from the daemon. All of it runs on Trio."""

    def status_text(self, guild_id: GuildId) -> str:
        """Return a few lines for people: what runs, what is slow or down."""
        ...

    async def stop(self, guild_id: GuildId) -> bool:
        """Fall silent; False if nothing was being said."""
        ...

    async def say(self, guild_id: GuildId, text: str) -> bool:
        """Say the text aloud; False if there is no room to say it in."""
        ...


class Seats(Protocol):
    """What the slash commands need from the bridge."""

    def seat(self, guild_id: GuildId) -> ChannelId | None:
        """Return the channel we sit in, or mean to."""
        ...

    def is_seated(self, guild_id: GuildId, channel_id: ChannelId) -> bool:
        """Tell whether we are connected to this channel now."""
        ...

    def refusal(self, guild_id: GuildId, channel_id: ChannelId) -> str:
        """Say what keeps us out of a channel, in words for the asker; empty if nothing does."""
        ...

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        """Join; Trio side. Raises VoiceHandshakeError."""

    async def leave(self, guild_id: GuildId) -> None:
        """Leave; Trio side."""


class Commands:
    """The commands themselves; each returns the sentence to answer with."""

    def __init__(self, seats: Seats, handler: CommandHandler, island: Island) -> None:
        self._seats, self._handler, self._island = seats, handler, island

    async def join(self, asker: discord.Member, chosen: VocalChannel | None) -> str:
        """Join the chosen channel, or the asker's."""
        channel = chosen
        if channel is None:
            there = asker.voice.channel if asker.voice is not None else None
            if there is None:
                return "You are not in a voice channel. Join one first, or name it: `/join channel:`"
            channel = there
        guild_id, channel_id = GuildId(channel.guild.id), ChannelId(channel.id)
        if self._seats.is_seated(guild_id, channel_id):
            return f"I am already in {channel.mention}."
        if refusal := self._seats.refusal(guild_id, channel_id):
            return f"I can't join {channel.mention}: {refusal}."
        try:
            await self._island.trio_call(self._seats.join, guild_id, channel_id)
        except VoiceHandshakeError as exc:
            return f"I could not join {channel.mention}: {exc}."
        return f"I am in {channel.mention}. Just speak."

    async def leave(self, guild_id: GuildId) -> str:
        """Leave the channel."""
        if self._seats.seat(guild_id) is None:
            return "I am not in a voice channel."
        await self._island.trio_call(self._seats.leave, guild_id)
        return "I have left."

    def status(self, guild_id: GuildId) -> str:
        """Return how things are."""
        return self._handler.status_text(guild_id)[:_ANSWER_CHARS_MAX] or "Nothing to report."

    async def stop(self, guild_id: GuildId) -> str:
        """Fall silent."""
        stopped = await self._island.trio_call(self._handler.stop, guild_id)
        return "Stopped." if stopped else "I was not saying anything."

    async def say(self, guild_id: GuildId, text: str) -> str:
        """Say something aloud."""
        if self._seats.seat(guild_id) is None:
            return "I am not in a voice channel. `/join` first."
        said = await self._island.trio_call(self._handler.say, guild_id, text)
        return "Said." if said else "I can't speak just now."


def build_tree(client: discord.Client, commands: Commands) -> app_commands.CommandTree[discord.Client]:
    """Return the command tree; it still has to be synced with Discord."""
    tree = app_commands.CommandTree(client)

    @tree.command(description="Come into a voice channel and listen")
    @app_commands.guild_only()
    @app_commands.describe(channel="Which channel; yours if you choose none")
    async def join(interaction: discord.Interaction, channel: VocalChannel | None = None) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = interaction.user
        assert isinstance(asker, discord.Member), "guild_only"
        await _answer(interaction, await commands.join(asker, channel))

    @tree.command(description="Leave the voice channel")
    @app_commands.guild_only()
    async def leave(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _answer(interaction, await commands.leave(_guild_id(interaction)))

    @tree.command(description="Show what runs and what is slow or down")
    @app_commands.guild_only()
    async def status(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(commands.status(_guild_id(interaction)), ephemeral=True)

    @tree.command(description="Stop speaking")
    @app_commands.guild_only()
    async def stop(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _answer(interaction, await commands.stop(_guild_id(interaction)))

    @tree.command(description="Say something aloud in the voice channel")
    @app_commands.guild_only()
    @app_commands.describe(text="What to say")
    async def say(interaction: discord.Interaction, text: app_commands.Range[str, 1, _SAY_CHARS_MAX]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _answer(interaction, await commands.say(_guild_id(interaction), text))

    @tree.error
    async def failed(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        name = interaction.command.name if interaction.command else ""
        _log.error("a slash command failed", command=name, error=type(cause).__name__)
        await _answer(interaction, "Something went wrong. The service's log says more.")

    return tree


def _guild_id(interaction: discord.Interaction) -> GuildId:
    assert interaction.guild_id is not None, "guild_only"
    return GuildId(interaction.guild_id)


async def _answer(interaction: discord.Interaction, text: str) -> None:
    """Answer once; an answer that Discord does not take any more (3 s, 15 min) is logged and forgotten."""
    try:
        if interaction.response.is_done():
            await interaction.edit_original_response(content=text)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except discord.HTTPException as exc:
        _log.warning("the answer to a slash command came too late", http_status=exc.status)
