"""The page's web server: on loopback only, for one browser that holds the token, and for no other origin."""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
from importlib import resources
from typing import Any

import trio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from voxbridge.core.wire.json_text import json_value
from voxbridge.rehearsal.talk.control_client import ControlLost
from voxbridge.rehearsal.talk.studio import TEXT_CHARS_MAX, Message, Studio

_COOKIE = "voxbridge_talk"
_FILES = {
    "index.html": "text/html",
    "talk.css": "text/css",
    "talk.js": "text/javascript",
    "words.js": "text/javascript",
    "sound.js": "text/javascript",
    "capture-worklet.js": "text/javascript",
    "playback-worklet.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_RATES_HZ = range(8_000, 192_001)
_SOUND_BYTES_MAX = 65_536
_BUSY, _FORBIDDEN, _BAD = 4001, 4003, 4002  # close codes that the page knows
_SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "permissions-policy": "microphone=(self)",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Page:
    """The routes. ``token``: who knows it, as part of the first address or as a cookie, may speak and listen."""

    def __init__(self, studio: Studio, token: str | None = None) -> None:
        self._studio = studio
        self.token = token or secrets.token_urlsafe(24)

    @property
    def app(self) -> Starlette:
        """Return the application."""
        routes = [Route("/", self._index), Route("/static/{name}", _file), WebSocketRoute("/call", self._call)]
        # A name that somebody points at 127.0.0.1 is another origin to the browser; here it is refused.
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False)
        return Starlette(routes=routes, middleware=[hosts])

    def _knows_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    async def _index(self, request: Request) -> Response:
        if self._knows_token(request.query_params.get("token")):
            # The address bar and the history are no place for it.
            response: Response = RedirectResponse("/", status_code=303, headers=_SECURITY)
            response.set_cookie(_COOKIE, self.token, httponly=True, samesite="strict")
            return response
        if not self._knows_token(request.cookies.get(_COOKIE)):
            text = "Open the address that `voxbridge talk` has printed: it ends in a token.\n"
            return PlainTextResponse(text, status_code=403, headers=_SECURITY)
        return _static("index.html")

    async def _call(self, websocket: WebSocket) -> None:
        await websocket.accept()
        if not self._knows_token(websocket.cookies.get(_COOKIE)) or not _is_same_origin(websocket):
            await websocket.close(_FORBIDDEN)
        elif self._studio.is_taken:
            await websocket.close(_BUSY)
        else:
            self._studio.is_taken = True
            try:
                await self._converse(websocket)
            except WebSocketDisconnect:
                pass
            finally:
                self._studio.is_taken = False
                self._studio.close()

    async def _converse(self, websocket: WebSocket) -> None:
        hello = _object(await websocket.receive_text())
        rate_hz = hello.get("rate_hz")
        if not isinstance(rate_hz, int) or rate_hz not in _RATES_HZ:
            await websocket.close(_BAD)
            return
        messages = self._studio.open(rate_hz)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_all, websocket, messages)
            try:
                await self._listen(websocket, nursery)
            finally:
                nursery.cancel_scope.cancel(reason="the page has gone")

    async def _listen(self, websocket: WebSocket, nursery: trio.Nursery) -> None:
        while True:
            received = await websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            if (sound := received.get("bytes")) is not None:
                if len(sound) <= _SOUND_BYTES_MAX:
                    self._studio.say_sound(sound)
                continue
            match _object(received.get("text") or ""):
                case {"type": "say", "text": str(text)} if text.strip() and len(text) <= TEXT_CHARS_MAX:
                    nursery.start_soon(self._studio.say_text, text.strip())
                case {"type": "mute"}:
                    self._studio.mute()
                case {"type": "stop"}:
                    nursery.start_soon(self._stop)
                case _:
                    pass  # a page of another version

    async def _stop(self) -> None:
        with contextlib.suppress(ControlLost):  # the daemon is ending, and says so itself
            await self._studio.stop_answer()


async def _send_all(websocket: WebSocket, messages: trio.MemoryReceiveChannel[Message]) -> None:
    async for message in messages:
        if isinstance(message, bytes):
            await websocket.send_bytes(message)
        else:
            await websocket.send_text(json.dumps(message, ensure_ascii=False))
    await websocket.close(_BUSY)  # it has not read for so long that its queue is full


def _is_same_origin(connection: HTTPConnection) -> bool:
    host = connection.headers.get("host", "")
    return connection.headers.get("origin") == f"http://{host}"


def _object(text: str) -> dict[str, Any]:
    value = json_value(text.encode(errors="replace"))
    return value if isinstance(value, dict) else {}


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    return _static(name) if name in _FILES else PlainTextResponse("not here\n", status_code=404)


def _static(name: str) -> Response:
    content = (resources.files("voxbridge.rehearsal.talk") / "static" / name).read_bytes()
    return Response(content, media_type=_FILES[name], headers=_SECURITY)
