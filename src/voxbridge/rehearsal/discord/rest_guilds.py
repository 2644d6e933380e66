"""REST: guilds, their members and channels."""

from __future__ import annotations

from voxbridge.core.ids import GuildId, UserId
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.objects import (
    channel_object,
    guild_object,
    member_object,
    voice_state_object,
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


@routes.on("GET", "/guilds/{id}/roles")
def _roles(ask: Ask) -> Response:
    guild = ask.rest.world.guilds.get(GuildId(int(ask.args[0])))
    return NO_GUILD if guild is None else Response(200, guild_object(ask.rest.world, guild, ask.bot.user.id)["roles"])


@routes.on("GET", "/guilds/{id}/members")
def _guild_members(ask: Ask) -> Response:
    guild = ask.rest.world.guilds[GuildId(int(ask.args[0]))]
    after, limit = int(ask.request.query.get("after", 0)), int(ask.request.query.get("limit", 1))
    wanted = sorted(user_id for user_id in guild.member_ids if user_id > after)[:limit]
    return Response(200, [member_object(ask.rest.world.users[user_id]) for user_id in wanted])


@routes.on("GET", "/guilds/{id}/members/search")
def _search_members(ask: Ask) -> Response:
    guild = ask.rest.world.guilds[GuildId(int(ask.args[0]))]
    found = ask.rest.world.members_named(guild, ask.request.query["query"])
    return Response(200, [member_object(user) for user in found[: int(ask.request.query.get("limit", 1))]])


@routes.on("PATCH", "/guilds/{id}/members/{user}")
def _change_member(ask: Ask) -> Response:
    """Mute, deafen, move or throw out of voice, as somebody does who moderates."""
    guild, user_id, body = ask.rest.world.guilds[GuildId(int(ask.args[0]))], UserId(int(ask.args[1])), ask.request.body
    if user_id not in guild.member_ids:
        return NO_MEMBER
    state = ask.rest.world.voice_states.get((guild.id, user_id))
    if state is None and {"mute", "deaf", "channel_id"} & body.keys():
        return Response(400, {"message": "Target user is not connected to voice.", "code": 40032})
    for name, moderate in (("mute", ask.rest.moderator.mute), ("deaf", ask.rest.moderator.deafen)):
        if body.get(name) is not None:
            moderate(user_id, guild.id, on=bool(body[name]))
    if "channel_id" in body and body["channel_id"] is None:
        ask.rest.moderator.kick(user_id, guild.id)
    elif "channel_id" in body:
        ask.rest.moderator.move(user_id, int(body["channel_id"]), guild.id)
    return Response(200, member_object(ask.rest.world.users[user_id]))


@routes.on("GET", "/guilds/{id}/voice-states/{user}")
def _voice_state(ask: Ask) -> Response:
    user_id = ask.bot.user.id if ask.args[1] == "@me" else UserId(int(ask.args[1]))
    state = ask.rest.world.voice_states.get((GuildId(int(ask.args[0])), user_id))
    if state is None:
        return Response(404, {"message": "Unknown Voice State", "code": 10065})
    return Response(200, voice_state_object(state, ask.rest.world.users[user_id]))


@routes.on("GET", "/voice/regions")
@routes.on("GET", "/guilds/{id}/regions")
def _regions(ask: Ask) -> Response:  # noqa: ARG001  (the same for all)
    return Response(
        200, [{"id": "rehearsal", "name": "Rehearsal", "optimal": True, "deprecated": False, "custom": False}]
    )


@routes.on("GET", "/soundboard-default-sounds")
def _sounds(ask: Ask) -> Response:  # noqa: ARG001  (there are none)
    return Response(200, [])


@routes.on("GET", "/guilds/{id}/soundboard-sounds")
def _guild_sounds(ask: Ask) -> Response:  # noqa: ARG001  (there are none)
    return Response(200, {"items": []})


@routes.on("GET", "/sticker-packs")
def _sticker_packs(ask: Ask) -> Response:  # noqa: ARG001  (there are none)
    return Response(200, {"sticker_packs": []})
