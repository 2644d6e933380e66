"""/agent, /voice, /language, /mode and /settings: choices that last, offered while one types.

Discord wants an answer within 3 s: what is offered is in memory, and a choice is deferred before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias

import discord
from discord import app_commands

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.messages.catalogue import Line
from voxbridge.core.profiles.choices import Offer
from voxbridge.core.profiles.layers import WHATS, What
from voxbridge.discord.answering import Answering, guild_id_of
from voxbridge.discord.client import VocalChannel, describe
from voxbridge.discord.island import Island

_VALUE_CHARS_MAX = 100
_MANAGE_SERVER = discord.Permissions(manage_guild=True)
_IN_GUILDS = app_commands.AppCommandContext(guild=True)
Choices = list[app_commands.Choice[str]]
_Text: TypeAlias = app_commands.Range[str, 1, _VALUE_CHARS_MAX]


class SettingsHandler(Protocol):
    """What these commands need from the daemon; on Trio."""

    @property
    def goes_by_role(self) -> bool:
        """Tell whether the operator says who may choose, and not Discord."""
        ...

    def offers(
        self, guild_id: GuildId, channel_id: ChannelId | None, what: What, profile: str, typed: str, locale: str
    ) -> list[Offer]:
        """Return what may be chosen that fits what was typed so far; must not block."""
        ...

    async def choose(
        self,
        guild_id: GuildId,
        member: MemberJoined,
        what: What,
        value: str,
        *,
        channel_id: ChannelId | None = None,
        profile: str = "",
    ) -> Line:
        """Take a choice and return the answer."""
        ...

    async def reset(
        self, guild_id: GuildId, member: MemberJoined, what: What | None, channel_id: ChannelId | None
    ) -> Line:
        """Take choices back and return the answer."""
        ...

    def show(self, guild_id: GuildId, channel_id: ChannelId | None) -> Line:
        """Say what holds; must not block."""
        ...


class SettingsCommands:
    """The commands themselves."""

    def __init__(self, desk: Callable[[], SettingsHandler], island: Island, answering: Answering) -> None:
        self._desk, self._island, self._answering = desk, island, answering

    async def choose(
        self, interaction: discord.Interaction, what: What, value: str, channel: VocalChannel | None, profile: str = ""
    ) -> None:
        """Take a choice."""
        await interaction.response.defer(ephemeral=True, thinking=True)

        async def choose() -> Line:
            return await self._desk().choose(
                guild_id_of(interaction),
                _member(interaction),
                what,
                value,
                channel_id=_id(channel),
                profile=profile,
            )

        await self._answering.answer(interaction, await self._island.trio_call(choose))

    async def reset(self, interaction: discord.Interaction, what: What | None, channel: VocalChannel | None) -> None:
        """Take choices back."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        told = await self._island.trio_call(
            self._desk().reset, guild_id_of(interaction), _member(interaction), what, _id(channel)
        )
        await self._answering.answer(interaction, told)

    async def show(self, interaction: discord.Interaction, channel: VocalChannel | None) -> None:
        """Say what holds."""
        await self._answering.answer(interaction, self._desk().show(guild_id_of(interaction), _id(channel)))

    def completing(self, what: What) -> Callable[[discord.Interaction, str], Coroutine[Any, Any, Choices]]:
        """Return what offers values of something while somebody types."""

        async def offered(interaction: discord.Interaction, typed: str) -> Choices:
            given = interaction.namespace
            channel, profile = getattr(given, "channel", None), getattr(given, "agent", None) or ""
            locale = interaction.locale.value
            offers = self._desk().offers(
                guild_id_of(interaction), _id(channel), what, profile if what == "voice" else "", typed, locale
            )
            return [
                app_commands.Choice(
                    name=self._answering.shown(offer.shown, locale)[:_VALUE_CHARS_MAX], value=offer.value
                )
                for offer in offers
            ]

        return offered


def add_settings_commands(
    tree: app_commands.CommandTree[discord.Client], commands: SettingsCommands, answering: Answering, *, by_role: bool
) -> None:
    """Add the commands to the tree. ``by_role``: the operator says who may choose; Discord shows them to everybody."""
    name, about = answering.name, answering.about
    permitted = None if by_role else _MANAGE_SERVER
    group = app_commands.Group(
        name=name("settings"),
        description=about("about_settings"),
        allowed_contexts=_IN_GUILDS,
        default_permissions=permitted,
    )

    @tree.command(name=name("agent"), description=about("about_agent"))
    @app_commands.guild_only()
    @app_commands.default_permissions(permitted)
    @app_commands.rename(agent=name("agent"), channel=name("channel"))
    @app_commands.describe(agent=about("about_agent_agent"), channel=about("about_settings_channel"))
    @app_commands.autocomplete(agent=commands.completing("agent"))
    async def agent_(
        interaction: discord.Interaction,
        agent: _Text,
        channel: VocalChannel | None = None,
    ) -> None:
        await commands.choose(interaction, "agent", agent, channel)

    @tree.command(name=name("voice"), description=about("about_voice"))
    @app_commands.guild_only()
    @app_commands.default_permissions(permitted)
    @app_commands.rename(voice=name("voice"), agent=name("agent"), channel=name("channel"))
    @app_commands.describe(
        voice=about("about_voice_voice"), agent=about("about_voice_agent"), channel=about("about_settings_channel")
    )
    @app_commands.autocomplete(voice=commands.completing("voice"), agent=commands.completing("agent"))
    async def voice_(
        interaction: discord.Interaction,
        voice: _Text,
        agent: _Text | None = None,
        channel: VocalChannel | None = None,
    ) -> None:
        await commands.choose(interaction, "voice", voice, channel, agent or "")

    @tree.command(name=name("language"), description=about("about_language"))
    @app_commands.guild_only()
    @app_commands.default_permissions(permitted)
    @app_commands.rename(language=name("language"), channel=name("channel"))
    @app_commands.describe(language=about("about_language_language"), channel=about("about_settings_channel"))
    @app_commands.autocomplete(language=commands.completing("language"))
    async def language_(
        interaction: discord.Interaction,
        language: _Text,
        channel: VocalChannel | None = None,
    ) -> None:
        await commands.choose(interaction, "language", language, channel)

    @tree.command(name=name("mode"), description=about("about_mode"))
    @app_commands.guild_only()
    @app_commands.default_permissions(permitted)
    @app_commands.rename(mode=name("mode"), channel=name("channel"))
    @app_commands.describe(mode=about("about_mode_mode"), channel=about("about_settings_channel"))
    @app_commands.autocomplete(mode=commands.completing("mode"))
    async def mode_(
        interaction: discord.Interaction,
        mode: _Text,
        channel: VocalChannel | None = None,
    ) -> None:
        await commands.choose(interaction, "mode", mode, channel)

    @group.command(name=name("show"), description=about("about_settings_show"))
    @app_commands.rename(channel=name("channel"))
    @app_commands.describe(channel=about("about_settings_show_channel"))
    async def show_(interaction: discord.Interaction, channel: VocalChannel | None = None) -> None:
        await commands.show(interaction, channel)

    @group.command(name=name("reset"), description=about("about_settings_reset"))
    @app_commands.rename(what=name("what"), channel=name("channel"))
    @app_commands.describe(what=about("about_settings_reset_what"), channel=about("about_settings_reset_channel"))
    @app_commands.choices(
        what=[app_commands.Choice(name=answering.about(f"what_{what}"), value=what) for what in WHATS]
    )
    async def reset_(
        interaction: discord.Interaction, what: str | None = None, channel: VocalChannel | None = None
    ) -> None:
        chosen = next((each for each in WHATS if each == what), None)
        await commands.reset(interaction, chosen, channel)

    tree.add_command(group)


def _member(interaction: discord.Interaction) -> MemberJoined:
    asker = interaction.user
    return describe(asker if isinstance(asker, discord.Member) else None, asker.id)


def _id(channel: object) -> ChannelId | None:
    found = getattr(channel, "id", None)
    return ChannelId(found) if isinstance(found, int) else None
