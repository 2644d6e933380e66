"""Discord's REST API, version 10: what a voice bot with slash commands asks for."""

from __future__ import annotations

import fnmatch
import re

import attrs

from voxbridge.rehearsal.discord import rest_apps, rest_guilds, rest_messages, rest_webhooks
from voxbridge.rehearsal.discord.gateway import MainGateway
from voxbridge.rehearsal.discord.http import Request, Response
from voxbridge.rehearsal.discord.interactions import Interactions
from voxbridge.rehearsal.discord.moderation import Moderator
from voxbridge.rehearsal.discord.record import PostedMessage, Record
from voxbridge.rehearsal.discord.rest_table import NOT_FOUND, UNAUTHORIZED, Ask
from voxbridge.rehearsal.discord.rest_webhooks import Webhook
from voxbridge.rehearsal.discord.world import Bot, World

_PARTS = (rest_apps.routes, rest_guilds.routes, rest_messages.routes, rest_webhooks.routes)
_PREFIX = re.compile(r"^/api(/v\d+)?")


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
            return UNAUTHORIZED
        return Response(self.status, {"message": f"{self.status}: Simulated", "code": 0})


class Rest:
    """Answers requests; synchronous, so that an answer is one step of the server."""

    def __init__(
        self,
        world: World,
        record: Record,
        gateway: MainGateway,
        interactions: Interactions,
        moderator: Moderator,
    ) -> None:
        self.world, self.record, self.gateway, self.interactions = world, record, gateway, interactions
        self.moderator = moderator
        self.webhooks: dict[int, Webhook] = {}
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
        if match := re.match(r"^/webhooks/(\d+)/([^/]+)(?:/messages/([^/]+))?$", path):
            if int(match[1]) in self.webhooks:
                return self._find(request, path, bot)
            return self.interactions.webhook(request.method, match[2], match[3] or "", request.body)
        if bot is None and path != "/gateway" and not path.startswith("/attachments/"):
            return UNAUTHORIZED
        return self._find(request, path, bot)

    def _find(self, request: Request, path: str, bot: Bot | None) -> Response:
        for routes in _PARTS:
            if (found := routes.handler_of(request.method, path)) is not None:
                handler, args = found
                return handler(Ask(self, bot or next(iter(self.world.bots.values())), request, args))
        return NOT_FOUND

    def posted(self, channel_id: str, message_id: str) -> PostedMessage | None:
        """Find a message."""
        for message in reversed(self.record.messages):
            if str(message.id) == message_id and str(message.channel_id) == channel_id and not message.is_deleted:
                return message
        return None
