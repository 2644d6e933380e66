"""The engines as one ASGI application: WhisperX WebSocket on any path, agent webhook, Chatterbox speech, health.

HTTP goes through Starlette. WebSocket messages come 50 times a second for each speaker and are served without it:
that saves a third of their cost (157 instead of 225 us each, measured with hypercorn on both ends of a unix socket).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxbridge.clock import wall_s
from voxbridge.core.wire.json_text import Malformed, parse_json
from voxbridge.core.wire.wav import streaming_header
from voxbridge.engines.agent_stream import answer_lines, error_line, heard_in
from voxbridge.engines.hearing_socket import HearingSocket
from voxbridge.engines.speech_form import TEXT_CHARS_MAX, Refusal, read_form
from voxbridge.engines.streamed import StreamedResponse, Write
from voxbridge.engines.workers import Answerer, Recogniser, Voice, Workers

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

# The longest piece (29 s of sound) takes 2 to 4 s on two busy cores; a slow board may take ten times that.
_CALL_S_MAX = 60.0
_HEARD_CHARS_MAX = 2000  # two minutes of fast speech; the rules' patterns need no more


@attrs.frozen
class Engines:
    """The three warm engines and the threads that they may use."""

    recogniser: Recogniser
    voice: Voice
    agent: Answerer
    hearing: Workers
    speaking: Workers
    recogniser_name: str
    voice_name: str

    @property
    def are_alive(self) -> bool:
        """Tell whether no call into an engine has been running for so long that it will not end."""
        return max(self.hearing.oldest_s, self.speaking.oldest_s) < _CALL_S_MAX


def make_app(engines: Engines) -> AsgiApp:
    """Make the application that serves ``engines``."""
    http = _Http(engines).routes()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await HearingSocket(engines.recogniser, engines.hearing).run(receive, send)
        else:
            await http(scope, receive, send)

    return app


class _Http:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def routes(self) -> Starlette:
        speech = [
            Route(f"{prefix}{path}", self.speak, methods=["POST"])
            for prefix in ("", "/v1")
            for path in ("/audio/speech/stream/upload", "/tts/stream/upload")
        ]
        voices = [Route(f"{prefix}/voices", self.voices) for prefix in ("", "/v1")]
        health = [Route(f"{prefix}/health", self.health) for prefix in ("", "/v1")]
        webhook = Route("/webhook/{path:path}", self.webhook, methods=["GET", "PUT", "POST"])
        return Starlette(
            routes=[*speech, *voices, *health, webhook],
            exception_handlers={HTTPException: _not_here},
        )

    async def health(self, _: Request) -> Response:
        """Say in one answer what the WhisperX and the Chatterbox health checks look for."""
        return JSONResponse(
            {
                "status": "ready",
                "model": self._engines.recogniser_name,
                "device": "cpu",
                "gpu_name": None,
                "model_loaded": True,
                "config": {
                    "max_chunk_length": 280,
                    "max_total_length": TEXT_CHARS_MAX,
                    "default_exaggeration": 0.5,
                    "default_cfg_weight": 0.5,
                    "default_temperature": 0.8,
                },
                "memory_info": {},
                "initialization_state": "ready",
                "initialization_progress": "Model ready",
                "initialization_error": None,
            }
        )

    async def voices(self, _: Request) -> Response:
        """List the one voice."""
        return JSONResponse({"voices": [{"name": self._engines.voice_name, "language": "en"}], "count": 1})

    async def speak(self, request: Request) -> Response:
        """Stream a WAV: the header at once, then each sentence's samples as soon as they are there."""
        form = await request.form()
        text = read_form({name: value for name, value in form.items() if isinstance(value, str)})
        if isinstance(text, Refusal):
            return JSONResponse(text.body, status_code=text.status)

        async def write_wav(write: Write) -> None:
            # After the header no status can be sent any more: a failure cuts the body, as with the real server.
            await write(streaming_header())
            pieces = self._engines.voice.say(text)
            while (piece := await self._engines.speaking.run(lambda: next(pieces, None))) is not None:
                await write(piece)

        return StreamedResponse(
            write_wav,
            {
                "content-type": "audio/wav",
                "content-disposition": "attachment; filename=speech_stream.wav",
                "cache-control": "no-cache",
                "x-accel-buffering": "no",
            },
        )

    async def webhook(self, request: Request) -> Response:
        """Answer one turn as an n8n workflow in streaming mode; any path is registered."""
        if request.method != "POST":
            message = (
                f"This webhook is not registered for {request.method} requests. Did you mean to make a POST request?"
            )
            return JSONResponse({"code": 404, "message": message}, status_code=404)
        parsed = parse_json(await request.body())
        if isinstance(parsed, Malformed):
            return JSONResponse({"code": 422, "message": "Failed to parse request body"}, status_code=422)
        body = parsed.value if isinstance(parsed.value, dict) else {}
        if body.get("action") == "loadPreviousSession":  # the Chat Trigger's way to look without asking
            return JSONResponse({"data": []})

        async def write_lines(write: Write) -> None:
            for line in self._answer(body):
                await write(line)

        return StreamedResponse(
            write_lines,
            {
                "content-type": "application/json; charset=utf-8",
                "cache-control": "no-cache",
                "vary": "Accept-Encoding",
            },
        )

    def _answer(self, body: dict[str, object]) -> Iterator[bytes]:
        session, heard = body.get("sessionId"), heard_in(body)
        if not isinstance(session, str) or not session:
            yield error_line("No session ID found")
        elif heard is None:
            yield error_line("The field chatInput is missing")
        else:
            yield from answer_lines(self._engines.agent.answer(session, heard[:_HEARD_CHARS_MAX]), int(wall_s() * 1000))


async def _not_here(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "Internal Server Error"
    return JSONResponse({"detail": detail}, status_code=status)
