"""The simulated Chatterbox: travisvn/chatterbox-tts-api on the wire, with its habits and faults.

    request -> head_s -> 200, headers | 44-byte WAV header | synthesis -> PCM | synthesis -> PCM | late EOF -> end

What it copies (seen on a5f46612 unless said otherwise): the header before any synthesis; one HTTP chunk per text
chunk; any failure after the header, and a model that is still loading, as a cut body; an end that lags by 300 ms on
every fifth request and a stall of the whole server after every third chunk (its garbage collection); no lock, so
that requests overlap on one model. Every route exists with and without ``/v1``.

Each sentence sounds different (a hum whose pitch depends on the number of the request), so that a listener, human or
test, can tell what was spoken.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import attrs
import numpy as np
import trio

from voxbridge.core.sound.pcm import SPEECH_RATE_HZ
from voxbridge.core.wire.wav import FLOAT_TAG, streaming_header
from voxbridge.rehearsal.hum import hum as hum  # its users take it from here
from voxbridge.rehearsal.hum import hum_hz as hum_hz
from voxbridge.testing.servers import chatterbox_form as form
from voxbridge.testing.servers.http import HttpServer, Reply, Request

Synthesis = Callable[[str, int], bytes]
"""Text of one chunk and number of the request (from 0) -> s16le samples, 24 kHz, mono."""

STREAM_HEADERS = (
    ("content-type", "audio/wav"),
    ("content-disposition", "attachment; filename=speech_stream.wav"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
)


@attrs.frozen
class Timing:
    """How long things take, in seconds. The defaults are those of the real server with a very fast model."""

    head_s: float = 0.003
    """Request to the status line and the WAV header."""
    synthesis_s: float = 0.032
    """Synthesis of each text chunk."""
    synthesis_per_char_s: float = 0.0
    """Added to it for each character."""
    late_eof_s: float = 0.300
    late_eof_every: int = 5
    """Every so many streams the end comes late; 0 never."""
    stall_s: float = 0.330
    stall_every: int = 3
    """After every so many chunks of a stream the whole server stands still; 0 never."""


PROMPT = Timing(late_eof_every=0, stall_every=0)
"""The same server without garbage collection."""


FaultKind = Literal["status", "page", "cut", "reset", "hang", "end", "garbage"]


@attrs.frozen
class Fault:
    """What goes wrong with one stream. ``at`` names the place:

    ``head``: instead of any answer; ``body``: after the status line, before the WAV header; ``header``: after the
    WAV header; ``pcm``: when ``pcm_bytes`` of sound have been sent (or all, if that is less).
    ``end`` is a proper end of the body that comes too early; ``status`` and ``page`` are whole answers at ``head``.
    """

    kind: FaultKind
    at: Literal["head", "body", "header", "pcm"] = "head"
    status: int = 500
    pcm_bytes: int = 0
    headers: tuple[tuple[str, str], ...] = ()


@attrs.define
class Spoken:
    """One stream as it went: what was asked, and how many samples were sent."""

    index: int
    fields: form.SpeechFields
    started_at: float
    samples: int = 0
    ended_at: float | None = None


class ChatterboxServer(HttpServer):
    """A Chatterbox whose timing, faults and state a test can change while it runs."""

    def __init__(
        self,
        timing: Timing = Timing(),
        *,
        synthesize: Synthesis = hum,
        voices: tuple[str, ...] = (),
        http_chunk_bytes: int | None = None,
        tcp_piece_bytes: int | None = None,
        is_coalesced: bool = False,
    ) -> None:
        """``http_chunk_bytes`` cuts header and sound anew, in odd places; ``tcp_piece_bytes`` cuts the writes.

        ``is_coalesced`` sends head, WAV header and first sound in one write if no time lies between them.
        """
        super().__init__()
        self.timing, self.synthesize, self.voices = timing, synthesize, voices
        self.http_chunk_bytes, self.tcp_piece_bytes = http_chunk_bytes, tcp_piece_bytes
        self.is_coalesced = is_coalesced
        self.state: Literal["initializing", "healthy", "error"] = "healthy"
        self.has_health_route = True
        self.faults: deque[Fault | None] = deque()
        """Faults of the next streams, one each; None is a stream without one."""
        self.lasting_fault: Fault | None = None
        """The fault of every stream for which ``faults`` has none."""
        self.spoken: list[Spoken] = []
        self.generating = 0
        self.generating_max = 0
        """The largest number of requests that used the one model at a time: over 1, a client broke the rule."""
        self.seems_processing = False
        self._stalled_until = float("-inf")
        self._add_routes()

    def fail_next(self, count: int, status: int = 500) -> None:
        """Answer the next ``count`` streams with an error."""
        self.faults.extend([Fault("status", status=status)] * count)

    def _add_routes(self) -> None:
        for prefix in ("", "/v1"):
            for path, speak in (("/audio/speech", self._speak_whole), ("/audio/speech/stream", self._speak_stream)):
                for route in (path, path.replace("/audio/speech", "/tts")) if prefix == "" else (path,):
                    self._add_speech(prefix + route, speak)
            for path in ("/health", "/status"):
                self.route("GET", prefix + path, self._health)
            self.route("GET", f"{prefix}/voices", self._voices)
            self.route("GET", f"{prefix}/ping", self._ping)
            self.route("GET", f"{prefix}/status/progress", self._progress)

    def _add_speech(self, path: str, speak: Callable[[Request, Reply, form.SpeechFields], Awaitable[None]]) -> None:
        async def by_json(request: Request, reply: Reply) -> None:
            await self._checked(request, reply, speak, is_form=False)

        async def by_form(request: Request, reply: Reply) -> None:
            await self._checked(request, reply, speak, is_form=True)

        self.route("POST", path, by_json)
        self.route("POST", f"{path}/upload", by_form)

    async def _checked(
        self,
        request: Request,
        reply: Reply,
        speak: Callable[[Request, Reply, form.SpeechFields], Awaitable[None]],
        *,
        is_form: bool,
    ) -> None:
        reply.piece_bytes = self.tcp_piece_bytes
        fields = form.read_fields(request, is_form=is_form)
        if isinstance(fields, form.Refusal):
            await reply.send_json(fields.body, fields.status)
        else:
            await speak(request, reply, fields)

    # -- the stream routes

    async def _speak_stream(self, _request: Request, reply: Reply, fields: form.SpeechFields) -> None:
        spoken = Spoken(len(self.spoken), fields, trio.current_time())
        self.spoken.append(spoken)
        fault = (self.faults.popleft() if self.faults else None) or self.lasting_fault
        self.seems_processing = True  # until a stream ends well: after a disconnect it stays so
        with self._at_the_model():
            await self._wait(self.timing.head_s)
            if await self._fail(fault, "head", reply):
                return
            is_one_write = self.is_coalesced and fault is None and not self._synthesis_s(fields.text)
            async with reply.coalesced() if is_one_write else nullcontext():
                await reply.head(200, STREAM_HEADERS)
                if await self._fail(fault, "body", reply):
                    return
                if self.state != "healthy":
                    await reply.cut()  # 200 was promised before anybody looked for the model
                    return
                await self._send(reply, streaming_header())
                if await self._fail(fault, "header", reply):
                    return
                if not await self._send_sound(reply, spoken, fault):
                    return
        if self.timing.late_eof_every and (spoken.index + 1) % self.timing.late_eof_every == 0:
            await trio.sleep(self.timing.late_eof_s)
        await reply.end()
        spoken.ended_at = trio.current_time()
        self.seems_processing = False

    async def _send_sound(self, reply: Reply, spoken: Spoken, fault: Fault | None) -> bool:
        """Send the sound of each text chunk; return False if the fault struck."""
        chunks = list(text_chunks(spoken.fields.text, spoken.fields.chunk_chars))
        allowed = fault.pcm_bytes if fault is not None and fault.at == "pcm" else None
        sent = 0
        for number, chunk in enumerate(chunks, 1):
            if allowed is not None and sent >= allowed:
                break
            await self._wait(self._synthesis_s(chunk))
            samples = self.synthesize(chunk, spoken.index)
            if allowed is not None:
                samples = samples[: allowed - sent]
            await self._send(reply, samples)
            sent += len(samples)
            spoken.samples = sent // 2
            if self.timing.stall_every and number % self.timing.stall_every == 0 and number < len(chunks):
                self._stalled_until = trio.current_time() + self.timing.stall_s
        return not await self._fail(fault, "pcm", reply)

    def _synthesis_s(self, chunk: str) -> float:
        return self.timing.synthesis_s + self.timing.synthesis_per_char_s * len(chunk)

    async def _wait(self, seconds: float) -> None:
        """Work for a while, and longer if the event loop of the server stands still meanwhile."""
        await trio.sleep(seconds)
        if trio.current_time() < self._stalled_until:
            await trio.sleep_until(self._stalled_until)

    async def _send(self, reply: Reply, data: bytes) -> None:
        size = self.http_chunk_bytes or len(data) or 1
        for start in range(0, len(data), size):
            await reply.chunk(data[start : start + size])

    async def _fail(self, fault: Fault | None, place: str, reply: Reply) -> bool:
        if fault is None or fault.at != place:
            return False
        match fault.kind:
            case "status":
                refusal = form.error(fault.status, "TTS generation failed: out of memory", "generation_error")
                await reply.send_json(refusal.body, refusal.status, fault.headers)
            case "page":
                await reply.send(200, b"<html><body>It works!</body></html>", "text/html")
            case "cut":
                await reply.cut()
            case "reset":
                await reply.reset()
            case "hang":
                await reply.hang()
            case "garbage":
                await reply.chunk(b"no sound at all, only words " * 4)
                await reply.end()
            case "end":
                await reply.end()
        return True

    @contextmanager
    def _at_the_model(self) -> Iterator[None]:
        self.generating += 1
        self.generating_max = max(self.generating_max, self.generating)
        try:
            yield
        finally:
            self.generating -= 1

    # -- the whole-file routes

    async def _speak_whole(self, _request: Request, reply: Reply, fields: form.SpeechFields) -> None:
        if self.state != "healthy":
            refusal = form.error(500, "Model not loaded", "model_error")
            await reply.send_json(refusal.body, refusal.status)
            return
        index = len(self.spoken)
        spoken = Spoken(index, fields, trio.current_time())
        self.spoken.append(spoken)
        chunks = list(text_chunks(fields.text, fields.chunk_chars))
        if fields.is_sse:
            await self._send_events(reply, chunks, spoken)
        else:
            with self._at_the_model():
                await self._wait(sum(map(self._synthesis_s, chunks)))
                samples = b"".join(self.synthesize(chunk, index) for chunk in chunks)
            await reply.head(200, [("content-type", "audio/wav")])
            for piece in re.findall(rb"[^\n]*\n|[^\n]+", float_wav(samples)):  # it iterates over a file's "lines"
                await reply.chunk(piece)
            spoken.samples = len(samples) // 2
        await reply.end()
        spoken.ended_at = trio.current_time()

    async def _send_events(self, reply: Reply, chunks: list[str], spoken: Spoken) -> None:
        await reply.head(200, [("content-type", "text/event-stream"), ("cache-control", "no-cache")])
        info = {"type": "speech.audio.info", "sample_rate": SPEECH_RATE_HZ, "channels": 1, "bits_per_sample": 16}
        await reply.chunk(_event(info))
        with self._at_the_model():
            for chunk in chunks:
                await self._wait(self._synthesis_s(chunk))
                samples = self.synthesize(chunk, spoken.index)
                audio = base64.b64encode(samples).decode()
                await reply.chunk(_event({"type": "speech.audio.delta", "audio": audio}))
                spoken.samples += len(samples) // 2
        usage = {"input_tokens": 2, "output_tokens": 50, "total_tokens": 52}
        await reply.chunk(_event({"type": "speech.audio.done", "usage": usage}))

    # -- the rest

    async def _health(self, _request: Request, reply: Reply) -> None:
        if not self.has_health_route:
            await reply.send_json({"detail": "Not Found"}, 404)
            return
        ready, failed = self.state == "healthy", self.state == "error"
        words = "Model ready" if ready else "Model initialization failed" if failed else "Loading TTS model..."
        await reply.send_json(
            {
                "status": self.state,
                "model_loaded": ready,
                "device": "cpu" if ready else None,
                "config": {
                    "max_chunk_length": 280,
                    "max_total_length": form.TEXT_CHARS_MAX,
                    "default_exaggeration": 0.5,
                    "default_cfg_weight": 0.5,
                    "default_temperature": 0.8,
                },
                "initialization_state": "ready" if ready else self.state,
                "initialization_progress": words,
                "initialization_error": "no space left on device" if failed else None,
            }
        )

    async def _voices(self, _request: Request, reply: Reply) -> None:
        library = [{"name": name, "filename": f"{name}.wav"} for name in self.voices]
        await reply.send_json({"voices": library, "count": len(library)})

    async def _ping(self, _request: Request, reply: Reply) -> None:
        await reply.send_json({"status": "ok"})

    async def _progress(self, _request: Request, reply: Reply) -> None:
        await reply.send_json({"is_processing": self.seems_processing})


def text_chunks(text: str, chars_max: int) -> Iterator[str]:
    """Cut a text as the strategy ``sentence`` does: whole sentences, as many as fit; a longer one at its words."""
    waiting = ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        for part in _words_that_fit(sentence, chars_max):
            if waiting and len(waiting) + 1 + len(part) > chars_max:
                yield waiting
                waiting = part
            else:
                waiting = f"{waiting} {part}" if waiting else part
    if waiting:
        yield waiting


def _words_that_fit(sentence: str, chars_max: int) -> Iterator[str]:
    while len(sentence) > chars_max:
        space = sentence.rfind(" ", 1, chars_max + 1)
        end = space if space > 0 else chars_max
        yield sentence[:end]
        sentence = sentence[end:].lstrip()
    if sentence:
        yield sentence


def float_wav(samples: bytes) -> bytes:
    """Return the whole-file route's WAV: 32-bit floats, ``fact`` and ``PEAK`` before ``data``, an 80-byte header."""
    floats = np.frombuffer(samples, "<i2").astype("<f4") / np.float32(32768)
    body = floats.tobytes()
    peak = float(np.abs(floats).max(initial=0.0))

    def u32(*values: int) -> bytes:
        return b"".join(value.to_bytes(4, "little") for value in values)

    rate = SPEECH_RATE_HZ
    fmt = FLOAT_TAG.to_bytes(2, "little") + b"\1\0" + u32(rate, rate * 4) + b"\4\0" + b"\x20\0"
    chunks = b"fmt " + u32(len(fmt)) + fmt + b"fact" + u32(4, len(floats))
    chunks += b"PEAK" + u32(16, 1, 0) + np.float32(peak).tobytes() + u32(0) + b"data" + u32(len(body)) + body
    return b"RIFF" + u32(4 + len(chunks)) + b"WAVE" + chunks


def _event(value: object) -> bytes:
    return f"data: {json.dumps(value, separators=(',', ':'))}\n\n".encode()
