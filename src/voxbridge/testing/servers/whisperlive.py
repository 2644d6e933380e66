"""A simulated WhisperLive, with the manners of whisper-live 0.10.0 (seen on the wire).

The first text message must have all its keys, or the server closes with 1000 without a word. It is ready at once, or
full: WAIT, then 1000. Sound is 32-bit floats. About once a second it transcribes what it has, if that is a second or
more, and sends the last segments, over and over, also when nothing has changed; the last one stays open for ever. After
its longest time it says DISCONNECT, at the next sound. END_OF_AUDIO closes at once: the tail is lost.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import trio

from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.testing.servers.hearing import HearingScript, Sound
from voxbridge.testing.servers.websocket import WebSocketServer, WsPeer, spoil

KEYS = frozenset({"uid", "language", "task", "model", "use_vad"})
END_OF_AUDIO = b"END_OF_AUDIO"
SEGMENTS_SENT = 10
_SAMPLES_MIN = 16_000
_POLL_S = 0.1


class WhisperLiveServer(WebSocketServer):
    """A server with its script and its counters. ``script.final_delay_s`` is the model's time for each pass."""

    def __init__(self, script: HearingScript | None = None, *, pass_every_s: float = 1.0) -> None:
        super().__init__(self._serve_client)
        self.script = script or HearingScript()
        self.pass_every_s = pass_every_s
        self.max_clients = 4
        self.max_connection_time_s = 600.0
        self.is_silent_after_hello = False
        """Take connections and never get ready, as while a model is loading."""
        self.words_per_segment = 4
        self.hellos: list[dict[str, Any]] = []
        self.clients = 0
        self.ends_of_audio = 0
        self.passes = 0

    async def _serve_client(self, peer: WsPeer) -> None:
        hello = self._hello(await peer.receive())
        if hello is None:
            return
        self.hellos.append(hello)
        if self.clients >= self.max_clients:
            await peer.send_json(uid=hello["uid"], status="WAIT", message=0.398)
            return
        if self.is_silent_after_hello:
            await trio.sleep_forever()
        self.clients += 1
        try:
            await peer.send_json(uid=hello["uid"], message="SERVER_READY", backend="faster_whisper")
            await _Client(self, peer, str(hello["uid"])).run()
        finally:
            self.clients -= 1

    def _hello(self, message: str | bytes) -> dict[str, object] | None:
        try:
            hello = json.loads(message)
        except ValueError:
            return None
        return hello if isinstance(hello, dict) and set(hello) >= KEYS else None


class _Client:
    def __init__(self, server: WhisperLiveServer, peer: WsPeer, uid: str) -> None:
        self._server, self._peer, self._uid = server, peer, uid
        self._pcm = bytearray()
        self._began = trio.current_time()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._transcribe)
            while await self._on_message(await self._peer.receive()):
                pass
            nursery.cancel_scope.cancel(reason="closing")

    async def _on_message(self, message: str | bytes) -> bool:
        server = self._server
        if isinstance(message, str):
            return False  # as text END_OF_AUDIO just closes too
        if message == END_OF_AUDIO:
            server.ends_of_audio += 1
            return False
        if trio.current_time() - self._began > server.max_connection_time_s:
            await self._peer.send_json(uid=self._uid, message="DISCONNECT")
            return False
        floats = np.frombuffer(message, dtype="<f4")
        self._pcm += np.round(floats * 32_768).clip(-32_768, 32_767).astype("<i2").tobytes()
        if server.script.dies(len(floats) / HEARING_RATE_HZ):
            await self._peer.reset()
        return True

    async def _transcribe(self) -> None:
        server = self._server
        while True:
            if len(self._pcm) < 2 * _SAMPLES_MIN:
                await trio.sleep(_POLL_S)
                continue
            sound = Sound(bytes(self._pcm))
            server.passes += 1
            await trio.sleep(server.pass_every_s + server.script.final_delay_s)
            if server.script.ignored_ends > 0:
                continue
            if server.script.failed_ends > 0:
                server.script.failed_ends -= 1
                await self._peer.send_json(uid=self._uid, status="ERROR", message="CUDA out of memory")
                await self._peer.close()
            await spoil(self._peer, server.script)
            words = server.script.words(sound, server.passes - 1).split()
            if words and not server.script.is_mute:  # without any, the server says nothing
                await self._peer.send_json(uid=self._uid, segments=self._segments(words))

    def _segments(self, words: list[str]) -> list[dict[str, object]]:
        size = self._server.words_per_segment
        parts = [words[at : at + size] for at in range(0, len(words), size)]
        segments: list[dict[str, object]] = [
            {
                "start": f"{number:.3f}",
                "end": f"{number + 1:.3f}",
                "text": " " + " ".join(part),
                "completed": number < len(parts) - 1,
            }
            for number, part in enumerate(parts)
        ]
        return segments[-SEGMENTS_SENT:]
