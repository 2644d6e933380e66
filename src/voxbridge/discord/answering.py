"""How a slash command is described and answered: in the language of the member, once, and seen by the asker only."""

from __future__ import annotations

from collections.abc import Callable

import discord
import structlog
from discord import app_commands

from voxbridge.core.chat.pieces import split_message
from voxbridge.core.chat.plain import disarmed
from voxbridge.core.ids import GuildId
from voxbridge.core.messages.catalogue import Line, Messages, line
from voxbridge.core.messages.links import CommandLinks

_log = structlog.get_logger(__name__)

_ANSWER_CHARS_MAX = 2000


def guild_id_of(interaction: discord.Interaction) -> GuildId:
    """Return the guild in which a command was typed; it is for guilds only."""
    assert interaction.guild_id is not None, "guild_only"
    return GuildId(interaction.guild_id)


def member_of(interaction: discord.Interaction) -> discord.Member:
    """Return who typed a command; it is for guilds only."""
    asker = interaction.user
    assert isinstance(asker, discord.Member), "guild_only"
    return asker


class Answering:
    """Puts messages into words for whoever typed a command."""

    def __init__(self, messages_now: Callable[[], Messages], links: CommandLinks) -> None:
        self._messages_now, self._links = messages_now, links

    def name(self, name: str) -> app_commands.locale_str:
        """Return the name of a command or an option, to be translated when the commands are registered."""
        return app_commands.locale_str(name, key=line(f"name_{name.replace('-', '_')}").key)

    def about(self, key: str) -> app_commands.locale_str:
        """Return what a command is for, to be translated when the commands are registered."""
        return app_commands.locale_str(self._messages_now().text(line(key)), key=key)

    def shown(self, text: str | Line, locale: str) -> str:
        """Return a text for whoever types, in their language."""
        return text if isinstance(text, str) else self._messages_now().text(text, locale)

    async def answer(self, interaction: discord.Interaction, told: Line) -> None:
        """Answer once; an answer that Discord does not take any more (3 s, 15 min) is logged and forgotten."""
        text = self._messages_now().text(told, interaction.locale.value)[:_ANSWER_CHARS_MAX]
        text = self._links.linked(text, _ANSWER_CHARS_MAX)
        try:
            if interaction.response.is_done():
                await interaction.edit_original_response(content=text)
            else:
                await interaction.response.send_message(text, ephemeral=True)
        except discord.HTTPException as exc:
            _log.warning("the answer to a slash command came too late", http_status=exc.status)

    async def show(self, interaction: discord.Interaction, text: str) -> None:
        """Answer a deferred command with a text of any length that we did not make: it calls nobody."""
        first, *more = split_message(disarmed(text)) or [""]
        try:
            await interaction.edit_original_response(content=first)
            for piece in more:
                await interaction.followup.send(piece, ephemeral=True)
        except discord.HTTPException as exc:
            _log.warning("the answer to a slash command came too late", http_status=exc.status)
