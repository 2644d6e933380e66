"""REST: webhooks, which let anybody with their address write in a channel under a name of his own."""

from __future__ import annotations

import secrets

import attrs

from voxbridge.core.ids import ChannelId, UserId
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.objects import Json, user_object
from voxbridge.rehearsal.discord.posting import post
from voxbridge.rehearsal.discord.rest_table import NO_CHANNEL, Ask, Routes
from voxbridge.rehearsal.discord.world import User, snowflake

_INCOMING = 1
_NO_WEBHOOK = Response(404, {"message": "Unknown Webhook", "code": 10015})

routes = Routes()


@attrs.define(eq=False)
class Webhook:
    """One webhook: who writes through it appears as ``author``."""

    id: int
    token: str = attrs.field(repr=False)
    channel_id: ChannelId
    made_by: User
    author: User

    def shown(self, guild_id: int) -> Json:
        """Return it as Discord shows it to who may manage it."""
        return {
            "id": str(self.id),
            "type": _INCOMING,
            "guild_id": str(guild_id),
            "channel_id": str(self.channel_id),
            "user": user_object(self.made_by),
            "name": self.author.name,
            "avatar": None,
            "token": self.token,
            "application_id": str(self.made_by.id),
            "url": f"https://discord.com/api/webhooks/{self.id}/{self.token}",
        }


@routes.on("POST", "/channels/{id}/webhooks")
def _make(ask: Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    if channel is None:
        return NO_CHANNEL
    number = snowflake()
    author = ask.rest.world.add_user(User(UserId(number), ask.request.body["name"], is_bot=True))
    hook = Webhook(number, secrets.token_urlsafe(32), channel.id, ask.bot.user, author)
    ask.rest.webhooks[number] = hook
    return Response(200, hook.shown(channel.guild_id))


@routes.on("GET", "/channels/{id}/webhooks")
def _list(ask: Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    if channel is None:
        return NO_CHANNEL
    hooks = [hook for hook in ask.rest.webhooks.values() if hook.channel_id == channel.id]
    return Response(200, [hook.shown(channel.guild_id) for hook in hooks])


@routes.on("DELETE", "/webhooks/{id}")
def _delete(ask: Ask) -> Response:
    return Response(204) if ask.rest.webhooks.pop(int(ask.args[0]), None) else _NO_WEBHOOK


@routes.on("DELETE", "/webhooks/{id}/{token}")
def _delete_by_token(ask: Ask) -> Response:
    return _NO_WEBHOOK if _found(ask) is None else _delete(ask)


@routes.on("GET", "/webhooks/{id}/{token}")
def _get(ask: Ask) -> Response:
    hook = _found(ask)
    channel = ask.rest.world.channel(hook.channel_id) if hook is not None else None
    return _NO_WEBHOOK if hook is None or channel is None else Response(200, hook.shown(channel.guild_id))


@routes.on("POST", "/webhooks/{id}/{token}")
def _write(ask: Ask) -> Response:
    hook = _found(ask)
    channel = ask.rest.world.channel(hook.channel_id) if hook is not None else None
    if hook is None or channel is None:
        return _NO_WEBHOOK
    name = ask.request.body.get("username")
    if name and name != hook.author.name:
        hook.author = ask.rest.world.add_user(User(UserId(snowflake()), name, is_bot=True))
    shown = post(ask.rest.record, ask.rest.gateway, channel, hook.author, ask.request.body, dict(ask.request.files))
    shown["webhook_id"] = str(hook.id)
    return Response(200, shown) if ask.request.query.get("wait") in ("1", "true") else Response(204)


def _found(ask: Ask) -> Webhook | None:
    hook = ask.rest.webhooks.get(int(ask.args[0]))
    return hook if hook is not None and secrets.compare_digest(hook.token, ask.args[1]) else None
