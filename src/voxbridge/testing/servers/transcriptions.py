"""A simulated server with ``POST /v1/audio/transcriptions``, as OpenAI's, speaches' and WhisperLiveKit's.

multipart/form-data with ``file`` and ``model``; the answer is ``{"text": ...}``, or more with ``verbose_json``.
Complaints look like OpenAI's: ``{"error": {"message", "type", "code"}}``.
"""

from __future__ import annotations

import email.parser
import io
import wave

import trio

from voxbridge.testing.servers.hearing import HearingScript, Sound
from voxbridge.testing.servers.http import HttpServer, Reply, Request

PATH = "/v1/audio/transcriptions"


class TranscriptionServer(HttpServer):
    """A server with its script and its counters."""

    def __init__(self, script: HearingScript | None = None, *, token: str = "") -> None:
        super().__init__()
        self.script = script or HearingScript()
        self.token = token
        self.models = ["whisper-1", "gpt-4o-transcribe"]
        self.takes_any_model = False
        """As WhisperLiveKit, which lists the one that it has, and uses that whatever is asked for."""
        self.no_speech = 0.01
        self.refusal: bytes | None = None
        """A whole HTTP response, or anything, that each upload gets instead of an answer."""
        self.heard: list[Sound] = []
        self.forms: list[dict[str, str]] = []
        self.route("POST", PATH, self._transcribe)
        self.route("GET", "/v1/models", self._list)

    async def _list(self, request: Request, reply: Reply) -> None:
        if await self._is_let_in(request, reply):
            await reply.send_json({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _is_let_in(self, request: Request, reply: Reply) -> bool:
        if not self.token or request.headers.get("authorization") == f"Bearer {self.token}":
            return True
        await _complain(reply, 401, "Incorrect API key provided.", "invalid_api_key")
        return False

    async def _transcribe(self, request: Request, reply: Reply) -> None:
        if self.refusal is not None:
            await reply.raw(self.refusal)
            return
        if not await self._is_let_in(request, reply):
            return
        form, file = _parts(request)
        self.forms.append(form)
        if form.get("model") not in self.models and not self.takes_any_model:
            await _complain(reply, 404, "The model does not exist.", "model_not_found")
            return
        if form["model"].startswith("gpt-4o") and form.get("response_format") == "verbose_json":
            await _complain(reply, 400, "response_format 'verbose_json' is not compatible with model", "unsupported")
            return
        sound, script = Sound(_pcm(file)), self.script
        if script.ignored_ends > 0:
            script.ignored_ends -= 1
            await reply.hang()
        await trio.sleep(script.final_delay_s)
        if script.failed_ends > 0:
            script.failed_ends -= 1
            await _complain(reply, 500, "The server had an error while processing your request.", "server_error")
            return
        if script.dies(sound.duration_s):
            await reply.reset()
            return
        if script.is_mute:
            await reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        text = script.words(sound, len(self.heard))
        self.heard.append(sound)
        if script.drip_s:
            reply.piece_bytes, reply.piece_gap_s = 1, script.drip_s
        if script.answer is not None:
            await reply.raw(script.answer)
            match script.then:
                case "hang":
                    await reply.hang()
                case "reset":
                    await reply.reset()
                case "cut":
                    pass  # a raw answer ends with its connection
            return
        answer: dict[str, object] = {"text": text}
        if form.get("response_format") == "verbose_json":
            segment = {"start": 0.0, "end": sound.duration_s, "no_speech_prob": self.no_speech, "avg_logprob": -0.1}
            answer |= {"duration": sound.duration_s, "segments": [segment | {"text": text}]}
        await reply.send_json(answer)


async def _complain(reply: Reply, status: int, message: str, code: str) -> None:
    await reply.send_json({"error": {"message": message, "type": "invalid_request_error", "code": code}}, status)


def _parts(request: Request) -> tuple[dict[str, str], bytes]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    fields, file = {}, b""
    for part in email.parser.BytesParser().parsebytes(head + request.body).walk():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename():
            file = content
        else:
            fields[name] = content.decode()
    return fields, file


def _pcm(file: bytes) -> bytes:
    with wave.open(io.BytesIO(file)) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (16_000, 2, 1)
        return bytes(sound.readframes(sound.getnframes()))
