"""Servers of the rehearsal's own, for a scene that wants to know what they say: ears, an agent and a voice.

They are served on the protocols of the built-in engines (``engines.app``), so that the daemon's own clients meet them.
The ears hear the words that came through on marked packets; the agent says what the scene gives; the voice hums.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
import trio
from starlette.applications import Starlette
from starlette.routing import Mount
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from voxbridge.audio.opus import packet_duration_s
from voxbridge.core.wire.whisperx import EXTENSION
from voxbridge.engines.app import Engines, make_app
from voxbridge.engines.transcript import Heard
from voxbridge.engines.workers import Workers
from voxbridge.ops.serving import serve_app
from voxbridge.rehearsal.hum import hum
from voxbridge.rehearsal.scenes.sounds import words_of_packets

_HOST = "127.0.0.1"
_PIECE_BYTES = 24_000  # half a second: sound comes as it would from a fast server


@attrs.frozen
class Addresses:
    """Where the ears listen, and where agent and voice do."""

    ears: str
    others: str


async def serve_stand_ins(
    answers: Sequence[str], *, has_early: bool, task_status: trio.TaskStatus[Addresses] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve all three until cancelled; started, with their addresses, once they listen."""
    engines = Engines(
        recogniser=_Nobody(),
        voice=_Humming(),
        agent=_Told(answers),
        hearing=Workers(1),
        speaking=Workers(2),
        recogniser_name="stand-in",
        voice_name="stand-in",
    )
    listener = socket.socket()
    listener.bind((_HOST, 0))
    listener.listen()
    http_port = listener.getsockname()[1]

    async def hear(request: WebSocketRequest) -> None:
        async with await request.accept() as ws:
            await _Ears(ws, has_early=has_early).run()

    async with trio.open_nursery() as nursery:
        await nursery.start(serve_app, Starlette(routes=[Mount("/", app=make_app(engines))]), listener)
        # Not hypercorn: its answer to a client's close may meet a message that is being sent, and that ends the server
        # (0.18: trio.BusyResourceError).
        ears = await nursery.start(partial(serve_websocket, hear, _HOST, 0, None))
        task_status.started(Addresses(f"ws://{_HOST}:{ears.port}/", f"http://{_HOST}:{http_port}"))


class _Nobody:
    """What the engines' own ears would be: ours take their place."""

    def transcribe(self, pcm: bytes, language: str) -> Heard:
        raise NotImplementedError


class _Humming:
    """A voice that hums, each sentence at a pitch of its own."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def say(self, text: str) -> Iterator[bytes]:
        sound = hum(text, next(self._numbers))
        yield from (sound[at : at + _PIECE_BYTES] for at in range(0, len(sound), _PIECE_BYTES))


class _Told:
    """An agent that says what it was told, one answer after the other, and the last one again and again."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)

    def answer(self, session: str, heard: str) -> list[str]:  # noqa: ARG002 - whatever was asked, by whomever
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer.split(" ")  # the engines put the spaces between


class _Ears:
    """One speaker's WebSocket: the packets of the open utterance, and their words when they are asked for."""

    def __init__(self, ws: WebSocketConnection, *, has_early: bool) -> None:
        self._ws, self._has_early = ws, has_early
        self._packets: list[bytes] = []
        self._user_id = "unknown"
        self._is_extended = False

    async def run(self) -> None:
        """Serve until the client leaves."""
        with suppress(ConnectionClosed):
            while True:
                received = await self._ws.get_message()
                if isinstance(received, bytes):
                    self._packets.append(received)
                elif (message := json.loads(received))["type"] != "close":
                    await self._obey(message)
                else:
                    return

    async def _obey(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "start":
                self._user_id = str(message["userId"])
                self._packets = []
                self._is_extended = self._has_early and message.get("protocol") == EXTENSION
                if self._is_extended:
                    await self._say(type="ready", protocol=EXTENSION)
            case "discard":
                self._packets = []
            case "peek":
                await self._say(type="peeked", text=words_of_packets(self._packets), **self._figures(message))
            case "finalize":
                text, figures = words_of_packets(self._packets), self._figures(message)
                self._packets = []
                await self._say(type="final", text=text, userId=self._user_id, **figures)
            case _:
                pass  # the real one ignores what it does not know

    def _figures(self, message: dict[str, Any]) -> dict[str, object]:
        if not self._is_extended:
            return {}
        has_words = bool(words_of_packets(self._packets))
        return {
            "id": message.get("id"),
            "noSpeech": 0.02 if has_words else 0.98,
            "confidence": 0.95 if has_words else 0.0,
            "duration": round(sum(map(packet_duration_s, self._packets)), 3),
        }

    async def _say(self, **message: object) -> None:
        await self._ws.send_message(json.dumps(message))
