"""REST: guilds, their members and channels."""

from __future__ import annotations

from voxbridge.core.ids import GuildId, UserId
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.objects import (
    channel_object,
    guild_object,
    member_object,
)
from voxbridge.rehearsal.discord.rest_table import NO_CHANNEL, NO_GUILD, NO_MEMBER, Ask, Routes
from voxbridge.rehearsal.discord.world import PUBLIC_THREAD

routes = Routes()


@routes.on("GET", "/guilds/{id}")
def _guild(ask: Ask) -> Response:
    guild = ask.rest.world.guilds.get(GuildId(int(ask.args[0])))
    if guild is None:
        return NO_GUILD
    return Response(200, guild_object(ask.rest.world, guild, ask.bot.user.id))


@routes.on("GET", "/guilds/{id}/channels")
def _guild_channels(ask: Ask) -> Response:
    channels = ask.rest.world.guilds[GuildId(int(ask.args[0]))].channels.values()
    return Response(200, [channel_object(c) for c in channels if c.kind != PUBLIC_THREAD])


@routes.on("PATCH", "/guilds/{id}/voice-states/@me")
def _ask_to_speak(ask: Ask) -> Response:
    ask.rest.record.counts["asked_to_speak"] += 1
    ask.rest.record.touch()
    return Response(204)


@routes.on("GET", "/guilds/{id}/members/{user}")
def _guild_member(ask: Ask) -> Response:
    guild, user_id = ask.rest.world.guilds[GuildId(int(ask.args[0]))], UserId(int(ask.args[1]))
    if user_id not in guild.member_ids:
        return NO_MEMBER
    return Response(200, member_object(ask.rest.world.users[user_id]))


@routes.on("GET", "/channels/{id}")
def _channel(ask: Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    return Response(200, channel_object(channel)) if channel else NO_CHANNEL
