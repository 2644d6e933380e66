"""The WhisperX WebSocket: one connection per speaker, on any path.

The plain protocol is that of johnbuck/voxbridge's whisper_server (facts read from its source and seen on the wire):
``start`` is not answered, Opus packets or 48 kHz stereo PCM follow as binary messages, ``finalize`` is answered by
one ``final`` or ``error``, ``close`` ends it; nonsense is ignored in silence. Audio after a ``finalize`` belongs to
the next utterance. Partials come at most once a second, and only while workers are idle.

A client that asks for ``"protocol": "voxbridge/1"`` in ``start`` gets more:

    client                                  server
    {"type":"start","protocol":...}         {"type":"ready","protocol":"voxbridge/1"}
    {"type":"peek","id":7}                  {"type":"peeked","id":7,"text":"...",
                                             "noSpeech":0.02,"confidence":0.93,"duration":2.4}
    {"type":"finalize","id":8}              {"type":"final","id":8,"text":"...","userId":"42",
                                             "noSpeech":0.02,"confidence":0.93,"duration":2.4}
    {"type":"discard"}                      (the utterance is forgotten; a peek still open is answered with "")

A peek leaves the utterance open, and a ``finalize`` after nothing but silence has the peek's answer. ``"partials":
false`` in ``start`` saves the work for them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import attrs
import structlog
import trio

from voxbridge.audio.opus import Decoder, OpusError
from voxbridge.audio.resample import Resampler, to_mono
from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.core.wire.json_text import Malformed, parse_json
from voxbridge.core.wire.whisperx import EXTENSION
from voxbridge.engines.open_sound import OpenSound, Request
from voxbridge.engines.transcript import NOTHING
from voxbridge.engines.workers import Recogniser, Workers

_log = structlog.get_logger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PARTIAL_FIRST_S = 2.0  # as the real server: the first after two seconds of sound, then with each further one
_PARTIAL_STEP_S = 1.0
_CLIENT_PCM_HZ = 48_000
_CLIENT_FRAME_BYTES = 4  # stereo, 16 bit
# Requests not yet answered; a client that asks for more without waiting is read no further.
_OPEN_REQUESTS_MAX = 16


class _OpusSound:
    """Opus packets to 16 kHz mono; what is no Opus is dropped in silence, as the real server does."""

    def __init__(self) -> None:
        self._decoder = Decoder()

    def feed(self, packet: bytes) -> bytes:
        try:
            return self._decoder.decode(packet)
        except OpusError:
            return b""

    def flush(self) -> bytes:
        return b""


class _PcmSound:
    """48 kHz stereo s16le in pieces of any length to 16 kHz mono."""

    def __init__(self) -> None:
        self._resampler = Resampler(_CLIENT_PCM_HZ, HEARING_RATE_HZ)
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        whole = len(data) // _CLIENT_FRAME_BYTES * _CLIENT_FRAME_BYTES
        self._rest = data[whole:]
        return self._resampler.feed(to_mono(data[:whole])) if whole else b""

    def flush(self) -> bytes:
        self._rest = b""
        return self._resampler.flush()


@attrs.frozen
class _Answer:
    """A request with the form of its answer."""

    kind: str  # peek | finalize
    request: Request
    user_id: str
    is_extended: bool
    id: object


@attrs.define
class _Speaker:
    """What ``start`` said, and the open utterance."""

    user_id: str
    language: str
    is_extended: bool
    wants_partials: bool
    sound: _OpusSound | _PcmSound
    utterance: OpenSound
    partial_scope: trio.CancelScope | None = None
    partial_due_s: float = _PARTIAL_FIRST_S
    partial_due_at: float = 0.0


class HearingSocket:
    """One WebSocket connection, as an ASGI application's coroutine: ``await HearingSocket(...).run(receive, send)``."""

    def __init__(self, recogniser: Recogniser, workers: Workers) -> None:
        self._recogniser, self._workers = recogniser, workers
        self._speaker: _Speaker | None = None
        self._send: Send
        self._nursery: trio.Nursery

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve one client until it leaves. A cancel ends the work that was going on for it."""
        self._send = send
        answers, answers_in_order = trio.open_memory_channel[_Answer](_OPEN_REQUESTS_MAX)
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        async with trio.open_nursery() as self._nursery, answers:
            all_answered = trio.Event()
            self._nursery.start_soon(self._answer_in_order, answers_in_order, all_answered)
            while (message := await receive())["type"] == "websocket.receive":
                if message.get("bytes") is not None:
                    self._hear(message["bytes"])
                elif not await self._obey(message["text"], answers):
                    answers.close()
                    await all_answered.wait()  # what was asked for before "close" is still said
                    await send({"type": "websocket.close", "code": 1000})
                    break
            self._nursery.cancel_scope.cancel(reason="left")

    def _hear(self, data: bytes) -> None:
        speaker = self._speaker
        if speaker is None:
            return
        utterance = speaker.utterance
        utterance.add(speaker.sound.feed(data))
        if utterance.has_ripe_piece:
            self._nursery.start_soon(self._settle, utterance)
        elif speaker.wants_partials and utterance.duration_s >= speaker.partial_due_s:
            self._begin_partial(speaker)

    async def _obey(self, text: str, answers: trio.MemorySendChannel[_Answer]) -> bool:
        """Do what a text message says; False when the client wants to leave."""
        parsed = parse_json(text)
        if isinstance(parsed, Malformed) or not isinstance(message := parsed.value, dict):
            return True
        speaker = self._speaker
        match message.get("type"):
            case "start":
                await self._start(message)
            case "close":
                return False
            case "discard" if speaker is not None and speaker.is_extended:
                self._open_utterance(speaker, drop=True)
            case "finalize" | "peek" as kind if speaker is not None and (kind == "finalize" or speaker.is_extended):
                if kind == "finalize":
                    speaker.utterance.add(speaker.sound.flush())
                request, is_new = speaker.utterance.request()
                if is_new:
                    self._nursery.start_soon(speaker.utterance.carry_out, request)
                if kind == "finalize":
                    self._open_utterance(speaker)
                await answers.send(_Answer(kind, request, speaker.user_id, speaker.is_extended, message.get("id")))
        return True

    async def _start(self, message: dict[str, Any]) -> None:
        if self._speaker is not None:
            self._open_utterance(self._speaker, drop=True)
        language = str(message.get("language") or "en")
        is_extended = message.get("protocol") == EXTENSION
        self._speaker = _Speaker(
            user_id=str(message.get("userId", "unknown")),
            language=language,
            is_extended=is_extended,
            wants_partials=message.get("partials", True) is not False,
            sound=_PcmSound() if message.get("audio_format") == "pcm" else _OpusSound(),
            utterance=OpenSound(self._recogniser, self._workers, language),
        )
        if is_extended:
            await self._send_json({"type": "ready", "protocol": EXTENSION})

    def _open_utterance(self, speaker: _Speaker, *, drop: bool = False) -> None:
        """Begin the next utterance; ``drop`` calls off what is still being done for the one before."""
        if drop:
            speaker.utterance.abandon()
        if speaker.partial_scope is not None:
            speaker.partial_scope.cancel(reason="superseded")
            speaker.partial_scope = None
        speaker.utterance = OpenSound(self._recogniser, self._workers, speaker.language)
        speaker.partial_due_s = _PARTIAL_FIRST_S

    async def _settle(self, utterance: OpenSound) -> None:
        try:
            await utterance.settle()
        except Exception as error:  # noqa: BLE001 - the engine's own error: the final will meet it again and say so
            _log.warning("a piece of a long utterance could not be transcribed", error=type(error).__name__)

    def _begin_partial(self, speaker: _Speaker) -> None:
        now = trio.current_time()
        if speaker.partial_scope is not None or now < speaker.partial_due_at or not self._workers.has_spare:
            return
        speaker.partial_due_s = speaker.utterance.duration_s + _PARTIAL_STEP_S
        speaker.partial_due_at = now + _PARTIAL_STEP_S
        speaker.partial_scope = trio.CancelScope()
        self._nursery.start_soon(self._send_partial, speaker, speaker.utterance, speaker.partial_scope)

    async def _send_partial(self, speaker: _Speaker, utterance: OpenSound, scope: trio.CancelScope) -> None:
        with scope:
            try:
                text = await utterance.partial()
            except Exception as error:  # noqa: BLE001 - the engine's own error is the client's to know, as the protocol has it
                await self._send_json({"type": "error", "error": _named(error), "userId": speaker.user_id})
            else:
                if text:
                    await self._send_json({"type": "partial", "text": text, "userId": speaker.user_id})
        if speaker.partial_scope is scope:
            speaker.partial_scope = None

    async def _answer_in_order(self, answers: trio.MemoryReceiveChannel[_Answer], all_answered: trio.Event) -> None:
        """Answer the requests one by one: the plain protocol knows a final by its place only."""
        async for answer in answers:
            await answer.request.done.wait()
            await self._send_json(_message(answer))
            if answer.request.error is not None and answer.kind == "finalize":
                await self._send({"type": "websocket.close", "code": 1000})
        all_answered.set()

    async def _send_json(self, message: dict[str, object]) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(message)})


def _named(error: Exception) -> str:
    return f"transcription failed ({type(error).__name__})"


def _message(answer: _Answer) -> dict[str, object]:
    heard, error = answer.request.heard, answer.request.error
    message: dict[str, object]
    if error is not None:
        _log.error("transcription failed", error=type(error).__name__)
        message = {"type": "error", "error": _named(error), "userId": answer.user_id}
    elif answer.kind == "peek":
        message = {"type": "peeked", "text": heard.text if heard is not None else ""}
    else:
        message = {"type": "final", "text": heard.text if heard is not None else "", "userId": answer.user_id}
    if answer.is_extended and error is None:
        known = heard or NOTHING
        message["noSpeech"], message["confidence"] = round(known.no_speech, 4), round(known.confidence, 4)
        message["duration"] = round(known.duration_s, 3)
    if answer.is_extended and answer.id is not None:
        message["id"] = answer.id
    return message
