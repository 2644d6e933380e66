"""/privacy: what each member may decide and see for themselves. It needs no bot in a channel."""

from __future__ import annotations

from typing import Literal, Protocol

import discord
from discord import app_commands

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import GuildId
from voxbridge.core.messages.catalogue import Line
from voxbridge.discord.answering import Answering, guild_id_of
from voxbridge.discord.client import describe
from voxbridge.discord.island import Island

PrivacyWish = Literal["hear-me", "ignore-me", "show", "delete"]


class PrivacyHandler(Protocol):
    """What /privacy needs from the daemon; on Trio."""

    async def privacy(self, guild_id: GuildId, member: MemberJoined, wish: PrivacyWish) -> Line:
        """Do what the member wishes and return the answer."""
        ...


def privacy_group(handler: PrivacyHandler, island: Island, answering: Answering) -> app_commands.Group:
    """Return the group of commands."""
    in_guilds, about, name = app_commands.AppCommandContext(guild=True), answering.about, answering.name
    group = app_commands.Group(name=name("privacy"), description=about("about_privacy"), allowed_contexts=in_guilds)

    async def respond(interaction: discord.Interaction, wish: PrivacyWish) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = interaction.user
        member = describe(asker if isinstance(asker, discord.Member) else None, asker.id)
        told = await island.trio_call(handler.privacy, guild_id_of(interaction), member, wish)
        await answering.answer(interaction, told)

    @group.command(name=name("hear-me"), description=about("about_privacy_hear"))
    async def hear_me(interaction: discord.Interaction) -> None:
        await respond(interaction, "hear-me")

    @group.command(name=name("ignore-me"), description=about("about_privacy_ignore"))
    async def ignore_me(interaction: discord.Interaction) -> None:
        await respond(interaction, "ignore-me")

    @group.command(name=name("show"), description=about("about_privacy_show"))
    async def show(interaction: discord.Interaction) -> None:
        await respond(interaction, "show")

    @group.command(name=name("delete"), description=about("about_privacy_delete"))
    async def delete(interaction: discord.Interaction) -> None:
        await respond(interaction, "delete")

    return group
