"""A simulated server of Deepgram's streaming protocol: Deepgram itself (documented), or WhisperLiveKit's subset (seen).

``Metadata`` comes first. Sound makes interim ``Results`` that repeat and are replaced, and now and then a final one; a
turn is the finals, one after the other. ``CloseStream`` drains: the last final, ``Metadata`` with the duration, close
1000. Deepgram closes with 1011 after 10 s without sound or ``KeepAlive``. ``is_subset``: the manners of WhisperLiveKit,
which refuses ``Finalize`` and any rate but 16000 with ``Error`` and 4400, a wrong token with HTTP 403 (Deepgram: 401),
and knows no idle limit.
"""

from __future__ import annotations

import json
import urllib.parse

import trio

from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.testing.servers.hearing import HearingScript, Sound
from voxbridge.testing.servers.websocket import WebSocketServer, WsPeer, http_refusal, spoil

PATH = "/v1/listen"
_IDLE_S = 10.0
_INTERIM_EVERY_BYTES = HEARING_RATE_HZ  # 0.5 s
_FINAL_WORDS = 4


class DeepgramServer(WebSocketServer):
    """A server with its script and its counters."""

    def __init__(self, script: HearingScript | None = None, *, is_subset: bool = False, token: str = "") -> None:
        super().__init__(self._serve_client)
        self.script = script or HearingScript()
        self.is_subset, self.token = is_subset, token
        self.queries: list[dict[str, list[str]]] = []
        self.heard: list[Sound] = []
        self.keep_alives = self.finalizes = 0

    def _refusal(self, peer: WsPeer) -> bytes:
        is_let_in = not self.token or peer.headers.get("authorization") == f"Token {self.token}"
        return b"" if is_let_in else http_refusal(403 if self.is_subset else 401)

    async def _serve_client(self, peer: WsPeer) -> None:
        path, _, query = peer.target.partition("?")
        fields = urllib.parse.parse_qs(query)
        self.queries.append(fields)
        if path != PATH or (self.is_subset and fields.get("sample_rate") != ["16000"]):
            await refuse(peer)
        await peer.send_json(type="Metadata", request_id=f"request-{peer.number}", channels=1)
        await _Stream(self, peer, has_interim=fields.get("interim_results") == ["true"]).run()


async def refuse(peer: WsPeer) -> None:
    """Report an error and close with 4400, as WhisperLiveKit does."""
    await peer.send_json(type="Error", description="not supported here")
    await peer.close(4400)


class _Stream:
    def __init__(self, server: DeepgramServer, peer: WsPeer, *, has_interim: bool) -> None:
        self._server, self._peer, self._has_interim = server, peer, has_interim
        self._pcm = bytearray()
        self._told_bytes = 0
        self._finals_sent = 0  # words

    async def run(self) -> None:
        while True:
            with trio.move_on_after(float("inf") if self._server.is_subset else _IDLE_S) as idle:
                message = await self._peer.receive()
            if idle.cancelled_caught:
                await self._peer.close(1011, "NET-0001")
            if isinstance(message, bytes):
                await self._on_sound(message)
            elif await self._on_message(json.loads(message)):
                return

    async def _on_message(self, message: dict[str, object]) -> bool:
        match message.get("type"):
            case "KeepAlive":
                self._server.keep_alives += 1
            case "Finalize":
                self._server.finalizes += 1
                if self._server.is_subset:
                    await refuse(self._peer)
                await self._send_finals(self._words(), from_finalize=True)
            case "CloseStream":
                await self._drain()
                return True
            case _:
                pass
        return False

    def _words(self) -> list[str]:
        return self._server.script.words(Sound(bytes(self._pcm)), len(self._server.heard)).split()

    async def _on_sound(self, pcm: bytes) -> None:
        self._pcm += pcm
        if self._server.script.dies(len(pcm) / 2 / HEARING_RATE_HZ):
            await self._peer.reset()
        if len(self._pcm) - self._told_bytes < _INTERIM_EVERY_BYTES:
            return
        self._told_bytes = len(self._pcm)
        words = self._words()
        settled = words[: (len(words) - 1) // _FINAL_WORDS * _FINAL_WORDS]  # the last word may be cut
        if len(settled) > self._finals_sent:
            await self._send_finals(settled)
        elif self._has_interim:
            await self._result(words[self._finals_sent :], is_final=False)

    async def _send_finals(self, words: list[str], *, from_finalize: bool = False) -> None:
        await self._result(words[self._finals_sent :], is_final=True, from_finalize=from_finalize)
        self._finals_sent = len(words)

    async def _result(self, words: list[str], *, is_final: bool, from_finalize: bool = False) -> None:
        if self._server.script.is_mute:
            return
        best = {"transcript": " ".join(words), "confidence": 0.95, "words": []}
        await self._peer.send_json(
            type="Results",
            start=0.0,
            duration=len(self._pcm) / 2 / HEARING_RATE_HZ,
            is_final=is_final,
            speech_final=is_final,
            from_finalize=from_finalize,
            channel={"alternatives": [best]},
        )

    async def _drain(self) -> None:
        server, script = self._server, self._server.script
        sound = Sound(bytes(self._pcm))
        if sound.pcm:
            if script.ignored_ends > 0:
                script.ignored_ends -= 1
                await trio.sleep_forever()
            await trio.sleep(script.final_delay_s)
            if script.failed_ends > 0:
                script.failed_ends -= 1
                await self._peer.close(1011, "internal error")
            await spoil(self._peer, script)
            words = script.words(sound, len(server.heard)).split()
            server.heard.append(sound)
            await self._send_finals(words)
        await self._peer.send_json(
            type="Metadata", request_id=f"request-{self._peer.number}", duration=sound.duration_s
        )
        await self._peer.close(1000, "CloseStream complete")
