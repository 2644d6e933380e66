"""How a message comes to stand in a channel, whoever writes it: a bot, a person, a webhook."""

from __future__ import annotations

from voxbridge.clock import monotonic_s
from voxbridge.rehearsal.discord.gateway import MainGateway
from voxbridge.rehearsal.discord.objects import Json, message_object
from voxbridge.rehearsal.discord.record import PostedMessage, Record
from voxbridge.rehearsal.discord.world import Channel, User, snowflake


def post(
    record: Record,
    gateway: MainGateway,
    channel: Channel,
    author: User,
    body: Json,
    files: dict[str, bytes] | None = None,
) -> Json:
    """Keep a message, tell every bot of the guild, and return it as Discord shows it."""
    reference = body.get("message_reference")
    message = PostedMessage(
        monotonic_s(),
        snowflake(),
        channel.id,
        author.id,
        body.get("content") or "",
        files=files or {},
        mentions=body.get("allowed_mentions"),
        embeds=[*(body.get("embeds") or [])],
        reply_to=int(reference["message_id"]) if reference else None,
    )
    record.messages.append(message)
    record.touch()
    shown = message_object(message, author) | {"guild_id": str(channel.guild_id)}
    gateway.broadcast(channel.guild_id, "MESSAGE_CREATE", shown)
    return shown
