"""The slash commands: /join, /leave, /status, /stop, /say, /ask, /repeat, /help; others have their own modules.

Answers are seen by the asker only.

Discord wants an answer within 3 s, so whatever may take longer is deferred first. Who may use which command is the
server's own affair (Server settings, Integrations).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import discord
import structlog
from discord import app_commands

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.messages.catalogue import Line, Messages, known_language, line
from voxbridge.discord.answering import Answering, guild_id_of, member_of
from voxbridge.discord.asker import channel_of
from voxbridge.discord.client import VocalChannel, describe
from voxbridge.discord.island import Island
from voxbridge.discord.privacy_commands import PrivacyHandler, privacy_group
from voxbridge.discord.settings_commands import SettingsCommands, SettingsHandler, add_settings_commands
from voxbridge.errors import VoiceHandshakeError

_log = structlog.get_logger(__name__)

_SAY_CHARS_MAX = 500
_ASK_CHARS_MAX = 2000

Tell = Callable[[str], Awaitable[None]]


class CommandHandler(PrivacyHandler, Protocol):
    """What the slash commands need from the daemon. All of it runs on Trio."""

    @property
    def desk(self) -> SettingsHandler:
        """Return where settings are chosen."""
        ...

    def status(self, guild_id: GuildId) -> Line:
        """Return a few sentences for people: what runs, what is slow or down."""
        ...

    async def stop(self, guild_id: GuildId) -> bool:
        """Fall silent; False if nothing was being said."""
        ...

    async def say(self, guild_id: GuildId, text: str) -> bool:
        """Say the text aloud; False if there is no room to say it in."""
        ...

    async def ask(self, guild_id: GuildId, member: MemberJoined, text: str, tell: Tell) -> Line | None:
        """Answer a typed question aloud, and show the answer by ``tell``; return what went wrong, if anything."""
        ...

    async def repeat(self, guild_id: GuildId) -> Line:
        """Say the last answer again, or its unheard rest; return what to tell."""
        ...

    def silence(self, guild_id: GuildId) -> Line | None:
        """Return why nothing may be said aloud now, if so."""
        ...


class Seats(Protocol):
    """What the slash commands need from the bridge."""

    def seat(self, guild_id: GuildId) -> ChannelId | None:
        """Return the channel we sit in, or mean to."""
        ...

    def is_seated(self, guild_id: GuildId, channel_id: ChannelId) -> bool:
        """Tell whether we are connected to this channel now."""
        ...

    def refusal(self, guild_id: GuildId, channel_id: ChannelId) -> Line | None:
        """Say what keeps us out of a channel, if anything does."""
        ...

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        """Join; Trio side. Raises VoiceHandshakeError."""

    async def leave(self, guild_id: GuildId) -> None:
        """Leave; Trio side."""


class Commands:
    """The commands themselves; each returns the message to answer with."""

    def __init__(self, seats: Seats, handler: CommandHandler, island: Island, answering: Answering) -> None:
        self._seats, self._handler, self._island, self._answering = seats, handler, island, answering

    async def join(self, asker: discord.Member, chosen: VocalChannel | None) -> Line:
        """Join the chosen channel, or the asker's."""
        channel = chosen
        if channel is None:
            channel = await channel_of(asker)
            if channel is None:
                return line("join_where")
        guild_id, channel_id = GuildId(channel.guild.id), ChannelId(channel.id)
        if self._seats.is_seated(guild_id, channel_id):
            return line("here_already", channel=channel.mention)
        if (refusal := self._seats.refusal(guild_id, channel_id)) is not None:
            return line("cannot_join", channel=channel.mention, why=refusal)
        try:
            await self._island.trio_call(self._seats.join, guild_id, channel_id)
        except VoiceHandshakeError as exc:
            why = exc.told or line("why_connection")
            return line("could_not_join", channel=channel.mention, why=why)
        return line("joined", channel=channel.mention)

    async def leave(self, guild_id: GuildId) -> Line:
        """Leave the channel."""
        if self._seats.seat(guild_id) is None:
            return line("not_here")
        await self._island.trio_call(self._seats.leave, guild_id)
        return line("left")

    def status(self, guild_id: GuildId) -> Line:
        """Return how things are."""
        return self._handler.status(guild_id)

    async def stop(self, guild_id: GuildId) -> Line:
        """Fall silent."""
        stopped = await self._island.trio_call(self._handler.stop, guild_id)
        return line("stopped") if stopped else line("was_silent")

    async def _refusal(self, asker: discord.Member, permissions: discord.Permissions) -> Line | None:
        """Return why a member may not make us speak: who is not in our channel needs a moderator's right."""
        seat = self._seats.seat(GuildId(asker.guild.id))
        if seat is None:
            return line("join_first")
        there = None if permissions.move_members else await channel_of(asker)
        is_inside = there is not None and there.id == seat
        return None if is_inside or permissions.move_members else line("only_from_inside", channel=f"<#{seat}>")

    async def ask(self, interaction: discord.Interaction, asker: discord.Member, text: str) -> Line | None:
        """Answer a typed question, aloud and in writing; return what else is to be told."""
        if (refusal := await self._refusal(asker, interaction.permissions)) is not None:
            return refusal

        async def tell(answer: str) -> None:
            await self._island.call(self._answering.show, interaction, answer)

        guild_id, member = GuildId(asker.guild.id), describe(asker, asker.id)
        return await self._island.trio_call(self._handler.ask, guild_id, member, text, tell)

    async def repeat(self, interaction: discord.Interaction, asker: discord.Member) -> Line:
        """Say the last answer again, or its unheard rest."""
        if (refusal := await self._refusal(asker, interaction.permissions)) is not None:
            return refusal
        return await self._island.trio_call(self._handler.repeat, GuildId(asker.guild.id))

    async def say(self, interaction: discord.Interaction, asker: discord.Member, text: str) -> Line:
        """Say something aloud."""
        if (refusal := await self._refusal(asker, interaction.permissions)) is not None:
            return refusal
        guild_id = GuildId(asker.guild.id)
        if (why := self._handler.silence(guild_id)) is not None:
            return why
        said = await self._island.trio_call(self._handler.say, guild_id, text)
        return line("said") if said else line("cannot_speak")


def build_tree(
    client: discord.Client, commands: Commands, answering: Answering, groups: Sequence[app_commands.Group] = ()
) -> app_commands.CommandTree[discord.Client]:
    """Return the command tree; it still has to be synced with Discord."""
    tree = app_commands.CommandTree(client)

    @tree.command(name=answering.name("join"), description=answering.about("about_join"))
    @app_commands.guild_only()
    @app_commands.rename(channel=answering.name("channel"))
    @app_commands.describe(channel=answering.about("about_join_channel"))
    async def join(interaction: discord.Interaction, channel: VocalChannel | None = None) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await answering.answer(interaction, await commands.join(member_of(interaction), channel))

    @tree.command(name=answering.name("leave"), description=answering.about("about_leave"))
    @app_commands.guild_only()
    async def leave(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await answering.answer(interaction, await commands.leave(guild_id_of(interaction)))

    @tree.command(name=answering.name("status"), description=answering.about("about_status"))
    @app_commands.guild_only()
    async def status(interaction: discord.Interaction) -> None:
        await answering.answer(interaction, commands.status(guild_id_of(interaction)))

    @tree.command(name=answering.name("stop"), description=answering.about("about_stop"))
    @app_commands.guild_only()
    async def stop(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await answering.answer(interaction, await commands.stop(guild_id_of(interaction)))

    @tree.command(name=answering.name("say"), description=answering.about("about_say"))
    @app_commands.guild_only()
    @app_commands.rename(text=answering.name("text"))
    @app_commands.describe(text=answering.about("about_say_text"))
    async def say(interaction: discord.Interaction, text: app_commands.Range[str, 1, _SAY_CHARS_MAX]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await answering.answer(interaction, await commands.say(interaction, member_of(interaction), text))

    @tree.command(name=answering.name("ask"), description=answering.about("about_ask"))
    @app_commands.guild_only()
    @app_commands.rename(text=answering.name("question"))
    @app_commands.describe(text=answering.about("about_ask_question"))
    async def ask(interaction: discord.Interaction, text: app_commands.Range[str, 1, _ASK_CHARS_MAX]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        if (told := await commands.ask(interaction, member_of(interaction), text)) is not None:
            await answering.answer(interaction, told)

    @tree.command(name=answering.name("repeat"), description=answering.about("about_repeat"))
    @app_commands.guild_only()
    async def repeat(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await answering.answer(interaction, await commands.repeat(interaction, member_of(interaction)))

    @tree.command(name=answering.name("help"), description=answering.about("about_help"))
    @app_commands.guild_only()
    async def help_(interaction: discord.Interaction) -> None:
        name = interaction.guild.me.display_name if interaction.guild is not None else ""
        await answering.answer(interaction, line("help", name=name))

    @tree.error
    async def failed(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        name = interaction.command.name if interaction.command else ""
        _log.error("a slash command failed", command=name, error=type(cause).__name__)
        await answering.answer(interaction, line("command_failed"))

    for group in groups:
        tree.add_command(group)
    return tree


def whole_tree(
    client: discord.Client,
    seats: Seats,
    handler: CommandHandler,
    island: Island,
    answering: Answering,
    *,
    by_role: bool = False,
) -> app_commands.CommandTree[discord.Client]:
    """Return the tree with all commands that there are. ``by_role``: the operator says who may change settings."""
    groups = [privacy_group(handler, island, answering)]
    tree = build_tree(client, Commands(seats, handler, island, answering), answering, groups)
    settings = SettingsCommands(lambda: handler.desk, island, answering)
    add_settings_commands(tree, settings, answering, by_role=by_role)
    return tree


class Descriptions(app_commands.Translator):
    """What the commands are called and are for, in each language of the catalogue; Discord shows each member theirs."""

    def __init__(self, messages_now: Callable[[], Messages]) -> None:
        self._messages_now = messages_now

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002 - the key says it
    ) -> str | None:
        """Return a name or a description in a language; None for one that we do not have."""
        key = string.extras.get("key")
        if key is None or known_language(locale.value) is None:
            return None
        text = self._messages_now().text(line(key), locale.value)
        return None if text == string.message else text
