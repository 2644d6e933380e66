"""What ``voxbridge ctl`` asks for, as HTTP with JSON on the control socket.

Who may open the socket may do all of this: its permissions are the access control. Whatever leaves is masked as a
log line is, and speech is in it only with ``[log] speech``.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol

import structlog
import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.wire.json_text import Malformed, parse_json
from voxbridge.errors import VoxBridgeError
from voxbridge.ops.events import Event, EventHub, make_event
from voxbridge.ops.reload import Reloaded
from voxbridge.ops.view import View

_log = structlog.get_logger(__name__)

_BODY_BYTES_MAX = 64 * 1024
_SAY_CHARS_MAX = 4000
_BAD_REQUEST, _CONFLICT, _TOO_LARGE = 400, 409, 413


class Operator(Protocol):
    """What the control socket needs from the daemon."""

    events: EventHub

    @property
    def may_show_speech(self) -> bool:
        """Tell whether the operator asked for speech in the log, and so here."""
        ...

    def view(self) -> View:
        """Return how things are."""
        ...

    def mask(self, text: str) -> str:
        """Return the text without the secrets in it."""
        ...

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        """Sit in a channel. Raises: VoiceHandshakeError."""

    async def leave(self, guild_id: GuildId) -> bool:
        """Leave the guild's channel; False if we are in none."""
        ...

    async def say(self, guild_id: GuildId, text: str) -> bool:
        """Speak a text to its end; False if it could not be."""
        ...

    async def stop(self, guild_id: GuildId) -> bool:
        """Fall silent; False if nothing was being said."""
        ...

    async def reload(self) -> Reloaded:
        """Read the configuration anew; a bad one changes nothing."""
        ...


class Control:
    """The routes of the control socket."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    @property
    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/v1/status", self._status),
            Route("/v1/events", self._events),
            Route("/v1/join", self._command(self._join), methods=["POST"]),
            Route("/v1/leave", self._command(self._leave), methods=["POST"]),
            Route("/v1/say", self._command(self._say), methods=["POST"]),
            Route("/v1/stop", self._command(self._stop), methods=["POST"]),
            Route("/v1/reload", self._command(self._reload), methods=["POST"]),
        ]

    def _command(self, carry_out: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> Any:
        async def endpoint(request: Request) -> Response:
            _log.info("the operator asks", path=request.url.path)
            try:
                return self._json(await carry_out(await _body(request)))
            except HTTPException as error:
                return self._json({"error": error.detail}, error.status_code)
            except VoxBridgeError as error:
                return self._json({"error": str(error)}, _CONFLICT)

        return endpoint

    def _json(self, record: dict[str, Any], status: int = 200) -> Response:
        return Response(self._line(record), status, media_type="application/json")

    def _line(self, record: dict[str, Any]) -> str:
        return self._operator.mask(json.dumps(record, ensure_ascii=False)) + "\n"

    async def _status(self, _request: Request) -> Response:
        return self._json(self._operator.view().to_json(speech=self._operator.may_show_speech))

    async def _events(self, request: Request) -> Response:
        """Stream the last events and, with ?follow=1, those that come, one JSON object a line."""
        return _EventStream(self._operator, self._line, follow=request.query_params.get("follow") == "1")

    async def _join(self, body: dict[str, Any]) -> dict[str, Any]:
        await self._operator.join(_guild(body), ChannelId(_id(body, "channel_id")))
        return {}

    async def _leave(self, body: dict[str, Any]) -> dict[str, Any]:
        if not await self._operator.leave(_guild(body)):
            raise HTTPException(_CONFLICT, "not in a voice channel of that server")
        return {}

    async def _say(self, body: dict[str, Any]) -> dict[str, Any]:
        text = body.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > _SAY_CHARS_MAX:
            raise HTTPException(_BAD_REQUEST, f"text: must be a text of 1 to {_SAY_CHARS_MAX} characters")
        guild_id = _guild(body)
        if guild_id not in self._operator.view().rooms:
            raise HTTPException(_CONFLICT, "not in a voice channel of that server")
        if not await self._operator.say(guild_id, text):
            raise HTTPException(
                _CONFLICT,
                "the text was not spoken to its end: somebody stopped it, or speech synthesis is down (see status)",
            )
        return {}

    async def _stop(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"was_speaking": await self._operator.stop(_guild(body))}

    async def _reload(self, _body: dict[str, Any]) -> dict[str, Any]:
        return (await self._operator.reload()).to_json()


class _EventStream(Response):
    """The events as lines, until the client goes; a response of our own, since generators and cancels do not mix."""

    media_type = "application/x-ndjson"

    def __init__(self, operator: Operator, line: Callable[[Event], str], *, follow: bool) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._operator, self._as_line, self._follow = operator, line, follow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Answer a request (ASGI)."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_with_client, receive, nursery.cancel_scope)
            await self._tell(send)
            nursery.cancel_scope.cancel(reason="left")
        await send({"type": "http.response.body", "body": b""})

    async def _tell(self, send: Send) -> None:
        hub = self._operator.events
        with hub.follow() as follower:
            await self._send(send, *hub.recent)
            if self._follow:
                await self._send(send, make_event("status_update", connected=True, phase=self._operator.view().phase))
            while self._follow:
                await self._send(send, await follower.next())

    async def _send(self, send: Send, *events: Event) -> None:
        body = "".join(map(self._as_line, events)).encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})

    @staticmethod
    async def _end_with_client(receive: Receive, scope: trio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel(reason="left")


async def _body(request: Request) -> dict[str, Any]:
    raw = b""
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            raw += chunk
            if len(raw) > _BODY_BYTES_MAX:
                raise HTTPException(_TOO_LARGE, f"the body is too long: more than {_BODY_BYTES_MAX} bytes")
    parsed = parse_json(raw or b"{}")
    if isinstance(parsed, Malformed):
        raise HTTPException(_BAD_REQUEST, "the body is not JSON")
    body = parsed.value
    if not isinstance(body, dict):
        raise HTTPException(_BAD_REQUEST, "the body is not a JSON object")
    return body


def _guild(body: dict[str, Any]) -> GuildId:
    return GuildId(_id(body, "guild_id"))


def _id(body: dict[str, Any], key: str) -> int:
    """Read an id: a text, since JavaScript loses 64-bit integers."""
    value = body.get(key)
    if not isinstance(value, str) or not value.isdecimal() or len(value) > 20:
        raise HTTPException(_BAD_REQUEST, f"{key}: must be a Discord id: a number in quotes")
    return int(value)
