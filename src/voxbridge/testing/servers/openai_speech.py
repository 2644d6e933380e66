"""Simulated speech servers of OpenAI's kind: ``POST /v1/audio/speech`` with JSON.

    streaming   as speaches 870e1e1 and Kokoro-FastAPI 26eec06 (read): sound while it is made, wav with the header that
                libav writes into a pipe (no lengths, a LIST chunk), ``alloy`` known
    devnen      devnen/Chatterbox-TTS-Server 68213e75 (seen): whole files of true length, cut into HTTP chunks at each
                0x0A; model and voice required, a voice is a file name, no pcm; the whole server stands still while it
                speaks; errors as ``{"detail": ...}``; without its model it starts all the same

travisvn/chatterbox-tts-api's own JSON route is in ``chatterbox.ChatterboxServer``. MP3 and FLAC need the extra
``compressed``.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

import attrs
import numpy as np
import trio

from voxbridge.audio.speech_reader import require_decoder
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.wire.wav import encode_wav, streaming_header
from voxbridge.testing.servers.chatterbox import PROMPT, Synthesis, Timing, hum, text_chunks
from voxbridge.testing.servers.http import Handler, HttpServer, Reply, Request
from voxbridge.testing.servers.ogg_opus import ogg_opus

SPEECH_ROUTE = "/v1/audio/speech"
VOICES_ROUTE = "/v1/audio/voices"
MODEL_ROUTE = "/api/model-info"
LABELS = {"wav": "audio/wav", "pcm": "audio/pcm", "opus": "audio/ogg", "mp3": "audio/mpeg", "flac": "audio/flac"}
FORMATS = {"streaming": ("wav", "pcm", "opus", "mp3", "flac"), "devnen": ("wav", "opus", "mp3")}
# What libav's WAV muxer writes into a pipe: sizes of -1, and its name in a LIST chunk before the sound.
LIBAV_HEADER = (
    b"RIFF\xff\xff\xff\xffWAVE" + streaming_header()[12:36] + b"LIST\x1a\0\0\0INFOISFT\x0d\0\0\0Lavf61.7.100\0\0data"
    b"\xff\xff\xff\xff"
)
_CHUNK_CHARS = 120
_PIECE_BYTES = 8192  # of a whole file that is sent as it was made

Variant = Literal["streaming", "devnen"]


@attrs.frozen
class SpeechAsked:
    """One request as it was understood."""

    text: str
    voice: str
    model: str
    response_format: str
    speed: float
    authorization: str
    started_at: float


class OpenAiSpeechServer(HttpServer):
    """An OpenAI-style speech server whose timing, state and faults a test can change while it runs.

    ``timing.head_s`` is the time to the head, ``synthesis_s`` that of each text chunk; a server that does not stream
    sends its head behind all of it. ``api_key`` non-empty: requests without it are refused.
    """

    def __init__(
        self,
        variant: Variant = "streaming",
        timing: Timing = PROMPT,
        *,
        synthesize: Synthesis = hum,
        voices: tuple[str, ...] = ("alloy", "anna"),
        api_key: str = "",
    ) -> None:
        super().__init__()
        self.variant, self.timing, self.synthesize, self.api_key = variant, timing, synthesize, api_key
        self.voices = tuple(f"{voice.title()}.wav" for voice in voices) if variant == "devnen" else voices
        self.is_loaded = True
        self.answers_as: str | None = None
        """The format of the answers, whatever is asked for."""
        self.label: str | None = None
        """Their content type, if not that of the format."""
        self.spoilers: deque[Handler | None] = deque()
        """What answers the next requests for speech instead; None lets one through."""
        self.spoken: list[SpeechAsked] = []
        self.generating_max = 0
        self._generating = 0
        self._loop = trio.Lock()
        self.route("POST", SPEECH_ROUTE, self._speech)
        self.route("GET", VOICES_ROUTE, self._voices)
        if variant == "streaming":
            self.route("GET", "/v1/models", self._models)
        else:
            self.route("GET", MODEL_ROUTE, self._model)

    async def _speech(self, request: Request, reply: Reply) -> None:
        spoiler = self.spoilers.popleft() if self.spoilers else None
        if spoiler is not None:
            await spoiler(request, reply)
            return
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            await reply.send_json({"error": {"message": "Incorrect API key provided", "type": "invalid"}}, 401)
            return
        asked = self._read(request)
        if not isinstance(asked, SpeechAsked):
            await reply.send_json(*asked)
            return
        self.spoken.append(asked)
        self._generating += 1
        self.generating_max = max(self.generating_max, self._generating)
        try:
            if self.variant == "devnen":
                async with self._loop:  # synthesis is called inside an async function
                    await self._whole(asked, reply)
            else:
                await self._streamed(asked, reply)
        finally:
            self._generating -= 1

    def _read(self, request: Request) -> SpeechAsked | tuple[object, int]:
        """Return what is asked for, or the body and the status of a refusal, as FastAPI words it."""
        try:
            body = request.json()
        except ValueError:
            body = None
        fields: Mapping[str, object] = body if isinstance(body, dict) else {}
        required = ("model", "input", "voice") if self.variant == "devnen" else ("input",)
        missing = [{"type": "missing", "loc": ["body", name], "msg": "Field required", "input": fields}
                   for name in required if not isinstance(fields.get(name), str)]  # fmt: skip
        if missing:
            return {"detail": missing}, 422
        form = str(fields.get("response_format", "wav"))
        allowed = FORMATS[self.variant]
        if form not in allowed:
            expected = f"{', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}"
            found = {"type": "literal_error", "loc": ["body", "response_format"], "msg": f"Input should be {expected}",
                     "input": form, "ctx": {"expected": expected}}  # fmt: skip
            return {"detail": [found]}, 422
        if not self.is_loaded:
            return {"detail": "TTS engine model is not currently loaded or available."}, 503
        voice = str(fields.get("voice", "alloy"))
        if self.variant == "devnen" and voice not in self.voices:
            return {"detail": f"Voice file '{voice}' not found."}, 404
        if voice not in self.voices:
            return {"detail": {"error": "validation_error", "message": f"Voice {voice} not found"}}, 400
        speed = fields.get("speed", 1.0)
        return SpeechAsked(
            text=str(fields["input"]),
            voice=voice,
            model=str(fields.get("model", "")),
            response_format=form,
            speed=float(speed) if isinstance(speed, int | float) else 1.0,
            authorization=request.headers.get("authorization", ""),
            started_at=trio.current_time(),
        )

    async def _whole(self, asked: SpeechAsked, reply: Reply) -> None:
        index = len(self.spoken) - 1
        await trio.sleep(self.timing.head_s)
        samples = b""
        for chunk in text_chunks(asked.text, _CHUNK_CHARS):
            await trio.sleep(self._synthesis_s(chunk))
            samples += self.synthesize(chunk, index)
        form = self.answers_as or asked.response_format
        await reply.head(200, [("content-type", self.label or LABELS[form])])
        for piece in re.findall(rb"[^\n]*\n|[^\n]+", encoded(samples, form)):
            await reply.chunk(piece)

    async def _streamed(self, asked: SpeechAsked, reply: Reply) -> None:
        index, form = len(self.spoken) - 1, self.answers_as or asked.response_format
        await trio.sleep(self.timing.head_s)
        await reply.head(200, [("content-type", self.label or LABELS[form])])
        kept = b""
        for number, chunk in enumerate(text_chunks(asked.text, _CHUNK_CHARS)):
            await trio.sleep(self._synthesis_s(chunk))
            samples = self.synthesize(chunk, index)
            if form in ("wav", "pcm"):
                await reply.chunk((LIBAV_HEADER if form == "wav" and not number else b"") + samples)
            else:
                kept += samples
        if kept:
            body = encoded(kept, form)
            if form == "flac":
                body = body[:22] + bytes(4) + body[26:]  # nobody knew the number of samples when STREAMINFO was sent
            for at in range(0, len(body), _PIECE_BYTES):
                await reply.chunk(body[at : at + _PIECE_BYTES])

    def _synthesis_s(self, chunk: str) -> float:
        return self.timing.synthesis_s + self.timing.synthesis_per_char_s * len(chunk)

    async def _voices(self, _request: Request, reply: Reply) -> None:
        if self.variant == "devnen":
            async with self._loop:
                await reply.send_json({"status": "ok", "voices": list(self.voices)})
        else:
            await reply.send_json({"voices": [{"id": voice, "name": voice} for voice in self.voices]})

    async def _model(self, _request: Request, reply: Reply) -> None:
        async with self._loop:
            sample_rate = SPEECH_RATE_HZ if self.is_loaded else None
            await reply.send_json({"loaded": self.is_loaded, "type": "turbo", "sample_rate": sample_rate})

    async def _models(self, _request: Request, reply: Reply) -> None:
        await reply.send_json({"object": "list", "data": [{"id": "tts-1", "object": "model"}]})


_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "wav": lambda samples: encode_wav(Pcm(samples, SPEECH_RATE_HZ)),
    "pcm": lambda samples: samples,
    "opus": lambda samples: b"".join(ogg_opus(samples)),
    "mp3": lambda samples: _by_sound_file(samples, "MP3", "MPEG_LAYER_III"),
    "flac": lambda samples: _by_sound_file(samples, "FLAC", "PCM_16"),
}


def encoded(samples: bytes, form: str) -> bytes:
    """Return mono s16le samples at 24 kHz as a whole file. Raises: DecoderMissingError."""
    return _ENCODERS[form](samples)


def _by_sound_file(samples: bytes, form: str, subtype: str) -> bytes:
    file = io.BytesIO()
    library = require_decoder(form.lower())
    library.write(file, np.frombuffer(samples, "<i2"), SPEECH_RATE_HZ, format=form, subtype=subtype)
    return file.getvalue()
