"""Discord's REST API, version 10: what a voice bot with slash commands asks for."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any

import attrs

from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.rehearsal.discord.gateway import MainGateway
from voxbridge.rehearsal.discord.http import Request, Response
from voxbridge.rehearsal.discord.interactions import Interactions
from voxbridge.rehearsal.discord.objects import (
    application_object,
    channel_object,
    guild_object,
    member_object,
    message_object,
    user_object,
)
from voxbridge.rehearsal.discord.record import PostedMessage, Record
from voxbridge.rehearsal.discord.world import (
    ATTACH_FILES_PERMISSION,
    OWNER_ID,
    PUBLIC_THREAD,
    Bot,
    World,
    snowflake,
)

_MAX_CONTENT = 2000  # characters of a message; more is error 50035
_PREFIX = re.compile(r"^/api(/v\d+)?")
_NOT_FOUND = Response(404, {"message": "404: Not Found", "code": 0})
_UNAUTHORIZED = Response(401, {"message": "401: Unauthorized", "code": 0})
_NO_CHANNEL = Response(404, {"message": "Unknown Channel", "code": 10003})
_NO_MESSAGE = Response(404, {"message": "Unknown Message", "code": 10008})


@attrs.define
class RestFault:
    """Answer matching requests with an error. ``path`` is a shell pattern below /api/v10."""

    status: int
    method: str = "*"
    path: str = "*"
    times: int = 1
    retry_after_s: float = 0.1

    def matches(self, method: str, path: str) -> bool:
        """Tell whether this fault is due for a request."""
        return self.times > 0 and fnmatch.fnmatch(method, self.method) and fnmatch.fnmatch(path, self.path)

    def response(self) -> Response:
        """Return what Discord answers in such a case."""
        if self.status == 429:
            # discord.py takes a 429 without Via for a ban by the network in front of Discord.
            headers = {
                "retry-after": str(self.retry_after_s),
                "via": "1.1 google",
                "x-ratelimit-limit": "5",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset-after": str(self.retry_after_s),
                "x-ratelimit-bucket": "simulated",
                "x-ratelimit-scope": "user",
            }
            body = {"message": "You are being rate limited.", "retry_after": self.retry_after_s, "global": False}
            return Response(429, body, headers)
        if self.status == 401:
            return _UNAUTHORIZED
        return Response(self.status, {"message": f"{self.status}: Simulated", "code": 0})


@attrs.frozen
class _Ask:
    """One authorised request on its way to its handler; ``args`` are the variable parts of its path."""

    rest: Rest
    bot: Bot
    request: Request
    args: tuple[str, ...]


Handler = Callable[[_Ask], Response]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def _route(method: str, path: str) -> Callable[[Handler], Handler]:
    pattern = re.compile("^" + re.sub(r"\{\w+\}", r"([^/]+)", path) + "$")

    def add(handler: Handler) -> Handler:
        _ROUTES.append((method, pattern, handler))
        return handler

    return add


class Rest:
    """Answers requests; synchronous, so that an answer is one step of the server."""

    def __init__(self, world: World, record: Record, gateway: MainGateway, interactions: Interactions) -> None:
        self.world, self.record, self.gateway, self.interactions = world, record, gateway, interactions
        self.faults: list[RestFault] = []

    def answer(self, request: Request) -> Response:
        """Answer one request, and note it."""
        path = _PREFIX.sub("", request.path)
        bot = self.world.bots.get(request.headers.get("authorization", "").removeprefix("Bot "))
        # A webhook's or an interaction's token is in its path, which a record must not show.
        shown = re.sub(r"^(/(?:webhooks|interactions)/\d+/)[^/]+", r"\1***", path)
        self.record.note("rest", "in", bot.user.id if bot else None, 0, f"{request.method} {shown}", request.body)
        for fault in self.faults:
            if fault.matches(request.method, path):
                fault.times -= 1
                return fault.response()
        try:
            return self._dispatch(request, path, bot)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Response(400, {"message": "Invalid Form Body", "code": 50035})

    def _dispatch(self, request: Request, path: str, bot: Bot | None) -> Response:
        if match := re.match(r"^/interactions/(\d+)/([^/]+)/callback$", path):
            wants = request.query.get("with_response") in ("1", "true")
            return self.interactions.respond(match[1], match[2], request.body, with_response=wants)
        if match := re.match(r"^/webhooks/\d+/([^/]+)(?:/messages/([^/]+))?$", path):
            return self.interactions.webhook(request.method, match[1], match[2] or "", request.body)
        if bot is None and path != "/gateway":
            return _UNAUTHORIZED
        for method, pattern, handler in _ROUTES:
            if method == request.method and (match := pattern.match(path)):
                return handler(_Ask(self, bot or next(iter(self.world.bots.values())), request, match.groups()))
        return _NOT_FOUND

    def posted(self, channel_id: str, message_id: str) -> PostedMessage | None:
        """Find a message."""
        for message in reversed(self.record.messages):
            if str(message.id) == message_id and str(message.channel_id) == channel_id and not message.is_deleted:
                return message
        return None


@_route("GET", "/users/@me")
def _me(ask: _Ask) -> Response:
    return Response(200, user_object(ask.bot.user))


@_route("GET", "/users/{id}")
def _user(ask: _Ask) -> Response:
    user = ask.rest.world.users.get(UserId(int(ask.args[0])))
    return Response(200, user_object(user)) if user else Response(404, {"message": "Unknown User", "code": 10013})


@_route("GET", "/oauth2/applications/@me")
@_route("GET", "/applications/@me")
def _application(ask: _Ask) -> Response:
    return Response(200, application_object(ask.bot, ask.rest.world.users[OWNER_ID]))


@_route("GET", "/gateway")
@_route("GET", "/gateway/bot")
def _gateway(ask: _Ask) -> Response:
    # A client that was pointed at localhost gets localhost back.
    host = ask.request.headers.get("host", "").split(":")[0]
    is_local = host in ("localhost", "127.0.0.1")
    url = f"wss://{host}:{ask.rest.gateway.port}" if is_local else "wss://gateway.discord.gg"
    limits = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
    return Response(200, {"url": url, "shards": 1, "session_start_limit": limits})


@_route("GET", "/guilds/{id}")
def _guild(ask: _Ask) -> Response:
    guild = ask.rest.world.guilds.get(GuildId(int(ask.args[0])))
    if guild is None:
        return Response(404, {"message": "Unknown Guild", "code": 10004})
    return Response(200, guild_object(ask.rest.world, guild, ask.bot.user.id))


@_route("GET", "/guilds/{id}/channels")
def _guild_channels(ask: _Ask) -> Response:
    channels = ask.rest.world.guilds[GuildId(int(ask.args[0]))].channels.values()
    return Response(200, [channel_object(c) for c in channels if c.kind != PUBLIC_THREAD])


@_route("PATCH", "/guilds/{id}/voice-states/@me")
def _ask_to_speak(ask: _Ask) -> Response:
    ask.rest.record.counts["asked_to_speak"] += 1
    ask.rest.record.touch()
    return Response(204)


@_route("GET", "/guilds/{id}/members/{user}")
def _guild_member(ask: _Ask) -> Response:
    guild, user_id = ask.rest.world.guilds[GuildId(int(ask.args[0]))], UserId(int(ask.args[1]))
    if user_id not in guild.member_ids:
        return Response(404, {"message": "Unknown Member", "code": 10007})
    return Response(200, member_object(ask.rest.world.users[user_id]))


@_route("GET", "/channels/{id}")
def _channel(ask: _Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    return Response(200, channel_object(channel)) if channel else _NO_CHANNEL


@_route("POST", "/channels/{id}/typing")
@_route("PUT", "/channels/{id}/voice-status")
def _done(ask: _Ask) -> Response:
    return Response(204) if ask.rest.world.channel(int(ask.args[0])) else _NO_CHANNEL


@_route("GET", "/channels/{id}/messages")
def _messages(ask: _Ask) -> Response:
    kept = [m for m in ask.rest.record.messages if str(m.channel_id) == ask.args[0] and not m.is_deleted]
    newest_first = kept[::-1][: int(ask.request.query.get("limit", 50))]
    return Response(200, [message_object(m, ask.rest.world.users[m.author_id]) for m in newest_first])


@_route("POST", "/channels/{id}/messages")
def _post_message(ask: _Ask) -> Response:
    channel = ask.rest.world.channel(int(ask.args[0]))
    if channel is None:
        return _NO_CHANNEL
    content = ask.request.body.get("content") or ""
    files = dict(ask.request.files)
    if files and not ask.rest.world.guilds[channel.guild_id].everyone_permissions & ATTACH_FILES_PERMISSION:
        return Response(403, {"message": "Missing Permissions", "code": 50013})
    if not content and not files and not ask.request.body.get("embeds"):
        return Response(400, {"message": "Cannot send an empty message", "code": 50006})
    if len(content) > _MAX_CONTENT:
        return Response(400, {"message": "Invalid Form Body", "code": 50035})
    message = PostedMessage(monotonic_s(), snowflake(), channel.id, ask.bot.user.id, content, files=files)
    ask.rest.record.messages.append(message)
    ask.rest.record.touch()
    shown = message_object(message, ask.bot.user)
    ask.rest.gateway.broadcast(channel.guild_id, "MESSAGE_CREATE", shown | {"guild_id": str(channel.guild_id)})
    return Response(200, shown)


@_route("GET", "/channels/{id}/messages/{message}")
def _message(ask: _Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    return Response(200, message_object(message, ask.rest.world.users[message.author_id])) if message else _NO_MESSAGE


@_route("PATCH", "/channels/{id}/messages/{message}")
def _edit_message(ask: _Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    if message is None:
        return _NO_MESSAGE
    message.content = ask.request.body.get("content") or message.content
    ask.rest.record.touch()
    return Response(200, message_object(message, ask.bot.user))


@_route("DELETE", "/channels/{id}/messages/{message}")
def _delete_message(ask: _Ask) -> Response:
    message = ask.rest.posted(*ask.args)
    if message is None:
        return _NO_MESSAGE
    message.is_deleted = True
    ask.rest.record.touch()
    return Response(204)


@_route("POST", "/channels/{id}/threads")
@_route("POST", "/channels/{id}/messages/{message}/threads")
def _thread(ask: _Ask) -> Response:
    parent = ask.rest.world.channel(int(ask.args[0]))
    if parent is None:
        return _NO_CHANNEL
    thread = ask.rest.world.add_channel(
        parent.guild_id, ask.request.body["name"], PUBLIC_THREAD, channel_id=ChannelId(snowflake()), parent_id=parent.id
    )
    shown = channel_object(thread)
    ask.rest.gateway.broadcast(parent.guild_id, "THREAD_CREATE", shown)
    return Response(201, shown)


def _guild_of(args: tuple[str, ...]) -> GuildId | None:
    return GuildId(int(args[1])) if len(args) > 1 else None


@_route("GET", "/applications/{id}/commands")
@_route("GET", "/applications/{id}/guilds/{guild}/commands")
def _commands(ask: _Ask) -> Response:
    return Response(200, ask.rest.interactions.commands(ask.bot.user.id, _guild_of(ask.args)))


@_route("PUT", "/applications/{id}/commands")
@_route("PUT", "/applications/{id}/guilds/{guild}/commands")
def _put_commands(ask: _Ask) -> Response:
    return Response(200, ask.rest.interactions.replace_all(ask.bot.user.id, _guild_of(ask.args), ask.request.body))


@_route("POST", "/applications/{id}/commands")
@_route("POST", "/applications/{id}/guilds/{guild}/commands")
def _post_command(ask: _Ask) -> Response:
    command: dict[str, Any] = ask.request.body
    ask.rest.record.touch()
    return Response(201, ask.rest.interactions.register(ask.bot.user.id, _guild_of(ask.args), command))


@_route("DELETE", "/applications/{id}/commands/{command}")
def _delete_command(ask: _Ask) -> Response:
    found = ask.rest.interactions.remove(ask.bot.user.id, None, ask.args[1])
    return Response(204) if found else Response(404, {"message": "Unknown application command", "code": 10063})


@_route("DELETE", "/applications/{id}/guilds/{guild}/commands/{command}")
def _delete_guild_command(ask: _Ask) -> Response:
    found = ask.rest.interactions.remove(ask.bot.user.id, GuildId(int(ask.args[1])), ask.args[2])
    return Response(204) if found else Response(404, {"message": "Unknown application command", "code": 10063})
