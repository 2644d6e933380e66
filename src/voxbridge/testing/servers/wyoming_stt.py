"""A simulated wyoming-faster-whisper: transcribe, audio-start, audio-chunk, audio-stop -> transcript.

Seen with 3.8.1: the text may begin with a space, and the server closes the connection after each transcript.
"""

from __future__ import annotations

import trio

from voxbridge.core.wire.wyoming import WyomingEvent
from voxbridge.testing.servers.hearing import HearingScript, Sound
from voxbridge.testing.servers.wyoming import Peer, WyomingServer

MODEL = "tiny.en"


class WyomingHearingServer(WyomingServer):
    """A server with its script and its counters."""

    def __init__(self, script: HearingScript | None = None) -> None:
        super().__init__()
        self.script = script or HearingScript()
        self.heard: list[Sound] = []
        self.languages: list[str] = []
        self._pcm: dict[int, bytearray] = {}
        self.info = {"asr": [{"name": "faster-whisper", "models": [{"name": MODEL, "languages": ["en"]}]}]}
        self.on("transcribe", self._on_transcribe)
        self.on("audio-start", self._on_start)
        self.on("audio-chunk", self._on_chunk)
        self.on("audio-stop", self._on_stop)

    async def _on_transcribe(self, event: WyomingEvent, _peer: Peer) -> None:
        self.languages.append(event.text("language"))

    async def _on_start(self, event: WyomingEvent, peer: Peer) -> None:
        assert event.data == {"rate": 16_000, "width": 2, "channels": 1}, "the best format for it"
        self._pcm[peer.number] = bytearray()

    async def _on_chunk(self, event: WyomingEvent, peer: Peer) -> None:
        self._pcm[peer.number] += event.payload
        if self.script.dies(len(event.payload) / 32_000):
            await peer.reset()

    async def _on_stop(self, _event: WyomingEvent, peer: Peer) -> bool:
        script, sound = self.script, Sound(bytes(self._pcm.pop(peer.number)))
        if script.ignored_ends > 0:
            script.ignored_ends -= 1
            await peer.hang()
        if script.failed_ends > 0:
            script.failed_ends -= 1
            await peer.send("error", {"text": "CUDA out of memory", "code": "RuntimeError"})
            return False
        await trio.sleep(script.final_delay_s)
        index = len(self.heard)
        self.heard.append(sound)
        if script.drip_s:
            peer.piece_bytes, peer.piece_gap_s = 1, script.drip_s
        if script.is_mute:
            return False
        if script.answer is not None:
            await peer.raw(script.answer)
            match script.then:
                case "hang":
                    await peer.hang()
                case "reset":
                    await peer.reset()
                case "cut":
                    pass  # as after every transcript
        else:
            await peer.send("transcript", {"text": " " + script.words(sound, index)})
        return False
