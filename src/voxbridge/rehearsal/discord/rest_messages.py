"""REST: messages and threads."""

from __future__ import annotations

from urllib.parse import unquote

from voxbridge.core.ids import ChannelId
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.objects import (
    channel_object,
    emoji_object,
    message_object,
    user_object,
)
from voxbridge.rehearsal.discord.posting import post
from voxbridge.rehearsal.discord.record import PostedMessage
from voxbridge.rehearsal.discord.rest_table import NO_CHANNEL, NO_MESSAGE, NOT_FOUND, Ask, Routes
from voxbridge.rehearsal.discord.world import (
    ATTACH_FILES_PERMISSION,
    MANAGE_CHANNELS_PERMISSION,
    PUBLIC_THREAD,
    TEXT,
    VOICE_STATUS_PERMISSION,
    snowflake,
)

_MAX_CONTENT = 2000  # characters of a message; more is error 50035

routes = Routes()


@routes.on("POST", "/channels/{id}/typing")
def _done(ask: Ask) -> Response:
    return Response(204) if ask.rest.world.channel(int(ask.args[0])) else NO_CHANNEL


@routes.on("PUT", "/channels/{id}/voice-status")
def _voice_status(ask: Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    if channel is None:
        return NO_CHANNEL
    needed = VOICE_STATUS_PERMISSION
    if ask.bot.user.id not in ask.rest.world.people_in(channel.id):
        needed |= MANAGE_CHANNELS_PERMISSION  # for a channel that one is not in
    if needed & ~ask.rest.world.guilds[channel.guild_id].everyone_permissions:
        return Response(403, {"message": "Missing Permissions", "code": 50013})
    channel.status = ask.request.body["status"] or ""
    ask.rest.record.touch()
    return Response(204)


@routes.on("GET", "/channels/{id}/messages")
def _messages(ask: Ask) -> Response:
    kept = [m for m in ask.rest.record.messages if str(m.channel_id) == ask.args[0] and not m.is_deleted]
    newest_first = kept[::-1][: int(ask.request.query.get("limit", 50))]
    return Response(200, [message_object(m, ask.rest.world.users[m.author_id]) for m in newest_first])


@routes.on("POST", "/channels/{id}/messages")
def _post_message(ask: Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    if channel is None:
        return NO_CHANNEL
    content = ask.request.body.get("content") or ""
    files = dict(ask.request.files)
    if files and not ask.rest.world.guilds[channel.guild_id].everyone_permissions & ATTACH_FILES_PERMISSION:
        return Response(403, {"message": "Missing Permissions", "code": 50013})
    if not content and not files and not ask.request.body.get("embeds"):
        return Response(400, {"message": "Cannot send an empty message", "code": 50006})
    if len(content) > _MAX_CONTENT:
        return Response(400, {"message": "Invalid Form Body", "code": 50035})
    return Response(200, post(ask.rest.record, ask.rest.gateway, channel, ask.bot.user, ask.request.body, files))


@routes.on("GET", "/channels/{id}/messages/{message}")
def _message(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    return Response(200, message_object(message, ask.rest.world.users[message.author_id])) if message else NO_MESSAGE


@routes.on("PATCH", "/channels/{id}/messages/{message}")
def _edit_message(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    if message is None:
        return NO_MESSAGE
    body = ask.request.body
    content = message.content if body.get("content") is None else body["content"]
    if len(content) > _MAX_CONTENT:
        return Response(400, {"message": "Invalid Form Body", "code": 50035})
    message.content, message.mentions = content, body.get("allowed_mentions")
    message.embeds = message.embeds if body.get("embeds") is None else [*body["embeds"]]
    message.edits += 1
    ask.rest.record.touch()
    return Response(200, message_object(message, ask.bot.user))


@routes.on("DELETE", "/channels/{id}/messages/{message}")
def _delete_message(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    if message is None:
        return NO_MESSAGE
    message.is_deleted = True
    ask.rest.record.touch()
    return Response(204)


@routes.on("PUT", "/channels/{id}/messages/{message}/reactions/{emoji}/@me")
def _react(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args[:2])
    if message is None:
        return NO_MESSAGE
    who = message.reactions.setdefault(unquote(ask.args[2]), [])
    if ask.bot.user.id not in who:
        who.append(ask.bot.user.id)
        _tell_reaction(ask, message, "MESSAGE_REACTION_ADD")
    return Response(204)


@routes.on("DELETE", "/channels/{id}/messages/{message}/reactions/{emoji}/@me")
def _unreact(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args[:2])
    if message is None:
        return NO_MESSAGE
    who = message.reactions.get(unquote(ask.args[2]), [])
    if ask.bot.user.id in who:
        who.remove(ask.bot.user.id)
        _tell_reaction(ask, message, "MESSAGE_REACTION_REMOVE")
    return Response(204)


@routes.on("GET", "/channels/{id}/messages/{message}/reactions/{emoji}")
def _reactions(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args[:2])
    if message is None:
        return NO_MESSAGE
    who = message.reactions.get(unquote(ask.args[2]), [])
    return Response(200, [user_object(ask.rest.world.users[user_id]) for user_id in who])


def _tell_reaction(ask: Ask, message: PostedMessage, event: str) -> None:
    channel = ask.rest.world.channel(message.channel_id)
    assert channel is not None
    told = {
        "user_id": str(ask.bot.user.id),
        "channel_id": str(channel.id),
        "message_id": str(message.id),
        "guild_id": str(channel.guild_id),
        "emoji": emoji_object(unquote(ask.args[2])),
        "burst": False,
        "type": 0,
    }
    ask.rest.record.touch()
    ask.rest.gateway.broadcast(channel.guild_id, event, told)


@routes.on("GET", "/attachments/{channel}/{message}/{name}")
def _attachment(ask: Ask) -> Response:
    """Answer for Discord's file server, which asks nobody for a token."""
    message = ask.rest.posted(*ask.args[:2])
    content = message.files.get(unquote(ask.args[2])) if message is not None else None
    return NOT_FOUND if content is None else Response(200, content)


@routes.on("POST", "/channels/{id}/threads")
@routes.on("POST", "/channels/{id}/messages/{message}/threads")
def _thread(ask: Ask) -> Response:
    parent = ask.rest.world.channel(int(ask.args[0]))
    if parent is None:
        return NO_CHANNEL
    if parent.kind != TEXT:  # the chat of a voice channel has none
        return Response(400, {"message": "Cannot execute action on this channel type", "code": 50024})
    thread = ask.rest.world.add_channel(
        parent.guild_id, ask.request.body["name"], PUBLIC_THREAD, channel_id=ChannelId(snowflake()), parent_id=parent.id
    )
    shown = channel_object(thread)
    ask.rest.gateway.broadcast(parent.guild_id, "THREAD_CREATE", shown)
    return Response(201, shown)
