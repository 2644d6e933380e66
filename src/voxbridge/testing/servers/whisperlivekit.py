"""A simulated WhisperLiveKit: ``/asr`` in full mode, and its Deepgram subset on ``/v1/listen`` (0.2.26, seen).

``config`` comes first; then some fifteen states a second, whether anything has changed or not: ``lines`` committed, the
rest in ``buffer_transcription``. An empty message ends the sound; after the drain comes ``ready_to_stop``, and the
connection is left open. Bad parameters: ``error`` and 4400. A wrong token: it closes with 4401 before it has accepted,
which its ASGI server (uvicorn) turns into HTTP 403.
"""

from __future__ import annotations

import urllib.parse

import trio

from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.testing.servers.hearing import HearingScript, Sound
from voxbridge.testing.servers.websocket import WebSocketServer, WsPeer, http_refusal, spoil

PATH = "/asr"
STATE_EVERY_S = 1 / 15
_COMMIT_BEHIND_WORDS = 3
_LINE_WORDS = 5


class WhisperLiveKitServer(WebSocketServer):
    """A server with its script and its counters."""

    def __init__(self, script: HearingScript | None = None, *, token: str = "") -> None:
        super().__init__(self._serve_client)
        self.script = script or HearingScript()
        self.token = token
        self.takes_pcm = True
        self.is_silent_at_first = False
        """Take connections and send no ``config``."""
        self.languages: list[str] = []
        self.heard: list[Sound] = []

    def _refusal(self, peer: WsPeer) -> bytes:
        is_let_in = not self.token or peer.headers.get("authorization") == f"Bearer {self.token}"
        return b"" if is_let_in else http_refusal(403)

    async def _serve_client(self, peer: WsPeer) -> None:
        path, _, query = peer.target.partition("?")
        fields = urllib.parse.parse_qs(query)
        if path != PATH or "language" not in fields:
            await peer.send_json(type="error", error="bad parameters")
            await peer.close(4400)
        self.languages += fields["language"]
        if self.is_silent_at_first:
            await trio.sleep_forever()
        await peer.send_json(type="config", useAudioWorklet=self.takes_pcm, mode="full")
        await _Stream(self, peer).run()


class _Stream:
    def __init__(self, server: WhisperLiveKitServer, peer: WsPeer) -> None:
        self._server, self._peer = server, peer
        self._pcm = bytearray()
        self._words: list[str] = []

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell)
            while message := await self._peer.receive():
                if isinstance(message, bytes):
                    self._pcm += message
                    if self._server.script.dies(len(message) / 2 / HEARING_RATE_HZ):
                        await self._peer.reset()
            await self._drain()
            nursery.cancel_scope.cancel(reason="drained")
        await trio.sleep_forever()

    async def _tell(self) -> None:
        told_bytes = -1
        while True:
            await trio.sleep(STATE_EVERY_S)
            if len(self._pcm) != told_bytes:
                told_bytes = len(self._pcm)
                self._words = self._server.script.words(self._sound(), len(self._server.heard)).split()
            await self._send_state(len(self._words) - _COMMIT_BEHIND_WORDS)

    def _sound(self) -> Sound:
        return Sound(bytes(self._pcm))

    async def _send_state(self, committed: int) -> None:
        if self._server.script.is_mute:
            return
        committed = max(0, committed)
        words = self._words[:committed]
        lines: list[dict[str, object]] = [
            {"speaker": 1, "text": " ".join(words[at : at + _LINE_WORDS]), "start": "0:00:00.82", "end": "0:00:02.68"}
            for at in range(0, len(words), _LINE_WORDS)
        ]
        if lines:
            lines.insert(1, {"speaker": -2, "text": None, "start": "0:00:02.68", "end": "0:00:03.10"})
        await self._peer.send_json(
            status="active_transcription" if self._words else "no_audio_detected",
            lines=lines,
            buffer_transcription=" ".join(self._words[committed:]),
            buffer_diarization="",
            buffer_translation="",
            remaining_time_transcription=0.3,
        )

    async def _drain(self) -> None:
        server, script = self._server, self._server.script
        if script.ignored_ends > 0:
            script.ignored_ends -= 1
            await trio.sleep_forever()
        await trio.sleep(script.final_delay_s)
        if script.failed_ends > 0:
            script.failed_ends -= 1
            await self._peer.send_json(type="error", error="transcription failed")
            await self._peer.close(1011)
        await spoil(self._peer, script)
        self._words = script.words(self._sound(), len(server.heard)).split()
        server.heard.append(self._sound())
        await self._send_state(len(self._words))
        await self._peer.send_json(type="ready_to_stop")
