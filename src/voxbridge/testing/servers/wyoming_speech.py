"""A simulated Piper: rhasspy/wyoming-piper on the wire.

Read from fd78db7 (handler.py): the whole sentence is made before the first event of the answer, then it comes in chunks
of 1024 samples; one model behind a lock for all connections; the connection is kept afterwards; blank text is answered
by ``audio-stop`` alone; a failure is an ``error`` event, behind which the connection stays open and dead.
"""

from __future__ import annotations

from collections import deque

import trio

from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent
from voxbridge.testing.servers.chatterbox import PROMPT, Synthesis, Timing, hum
from voxbridge.testing.servers.wyoming import Handler, Peer, WyomingServer

SAMPLES_PER_CHUNK = 1024


class WyomingSpeechServer(WyomingServer):
    """A Wyoming server that speaks; timing, voices and faults may be changed while it runs."""

    def __init__(
        self,
        timing: Timing = PROMPT,
        *,
        synthesize: Synthesis = hum,
        voices: tuple[str, ...] = ("en_US-lessac-medium",),
        rate_hz: int = 24_000,
        keeps_connections: bool = True,
    ) -> None:
        """``rate_hz`` is what the server says of its samples; ``synthesize`` is told nothing of it."""
        super().__init__()
        self.timing, self.synthesize, self.rate_hz = timing, synthesize, rate_hz
        self.keeps_connections = keeps_connections
        self.voices = voices
        self.spoilers: deque[Handler | None] = deque()
        """What answers the next sentences instead; None lets one through."""
        self.texts: list[str] = []
        self.voices_asked: list[str] = []
        self.generating_max = 0
        self._generating = 0
        self._model = trio.Lock()
        self.info["tts"] = [{"name": "piper", "installed": True, "voices": [self._voice(name) for name in voices]}]
        self.on("synthesize", self._synthesize)

    @staticmethod
    def _voice(name: str) -> dict[str, object]:
        return {"name": name, "installed": True, "languages": [name.partition("-")[0]]}

    async def _synthesize(self, event: WyomingEvent, peer: Peer) -> bool | None:
        spoiler = self.spoilers.popleft() if self.spoilers else None
        if spoiler is not None:
            return await spoiler(event, peer)
        text = event.text("text").strip()
        voice = event.data.get("voice")
        name = voice.get("name", "") if isinstance(voice, dict) else ""
        if name and name not in self.voices:
            await peer.send("error", {"text": name, "code": "VoiceNotFoundError"})
            await peer.hang()
        self.texts.append(text)
        self.voices_asked.append(name)
        if text:
            await self._speak(text, len(self.texts) - 1, peer)
        await peer.send("audio-stop")
        return self.keeps_connections

    async def _speak(self, text: str, index: int, peer: Peer) -> None:
        self._generating += 1
        self.generating_max = max(self.generating_max, self._generating)
        try:
            async with self._model:
                await trio.sleep(self.timing.head_s + self.timing.synthesis_s)
                await trio.sleep(self.timing.synthesis_per_char_s * len(text))
                samples = self.synthesize(text, index)
        finally:
            self._generating -= 1
        form = AudioFormat(self.rate_hz, 2, 1).data
        await peer.send("audio-start", form)
        size = 2 * SAMPLES_PER_CHUNK
        for at in range(0, len(samples), size):
            await peer.send("audio-chunk", form, samples[at : at + size])
