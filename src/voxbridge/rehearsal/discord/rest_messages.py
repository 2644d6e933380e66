"""REST: messages and threads."""

from __future__ import annotations

from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.objects import (
    channel_object,
    message_object,
)
from voxbridge.rehearsal.discord.record import PostedMessage
from voxbridge.rehearsal.discord.rest_table import NO_CHANNEL, NO_MESSAGE, Ask, Routes
from voxbridge.rehearsal.discord.world import ATTACH_FILES_PERMISSION, PUBLIC_THREAD, TEXT, snowflake

_MAX_CONTENT = 2000  # characters of a message; more is error 50035

routes = Routes()


@routes.on("POST", "/channels/{id}/typing")
@routes.on("PUT", "/channels/{id}/voice-status")
def _done(ask: Ask) -> Response:
    return Response(204) if ask.rest.world.channel(int(ask.args[0])) else NO_CHANNEL


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
    message = PostedMessage(monotonic_s(), snowflake(), channel.id, ask.bot.user.id, content, files=files)
    message.mentions = ask.request.body.get("allowed_mentions")
    ask.rest.record.messages.append(message)
    ask.rest.record.touch()
    shown = message_object(message, ask.bot.user)
    ask.rest.gateway.broadcast(channel.guild_id, "MESSAGE_CREATE", shown | {"guild_id": str(channel.guild_id)})
    return Response(200, shown)


@routes.on("GET", "/channels/{id}/messages/{message}")
def _message(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    return Response(200, message_object(message, ask.rest.world.users[message.author_id])) if message else NO_MESSAGE


@routes.on("PATCH", "/channels/{id}/messages/{message}")
def _edit_message(ask: Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    if message is None:
        return NO_MESSAGE
    content = ask.request.body.get("content") or message.content
    if len(content) > _MAX_CONTENT:
        return Response(400, {"message": "Invalid Form Body", "code": 50035})
    message.content, message.mentions = content, ask.request.body.get("allowed_mentions")
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
