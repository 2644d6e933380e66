"""An open microphone beside a loudspeaker: what the bot says comes back, with what its owner says over it."""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
import numpy.typing as npt
import soxr
import trio

from tests.support.voices import MemoryPort
from voxbridge.audio.opus import Decoder, Encoder
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import (
    FRAME_S,
    RTP_TICKS_PER_FRAME,
    SPEECH_FRAME_BYTES,
    SPEECH_FRAME_SAMPLES,
    SPEECH_RATE_HZ,
    OpusPacket,
)
from voxbridge.core.wire.wav import decode_wav

Samples = npt.NDArray[np.float32]


@functools.cache
def clip(number: int) -> bytes:
    """Return a bundled recording of a person, 24 kHz mono s16le."""
    folder = resources.files("voxbridge.rehearsal") / "clips"
    wavs = [each for each in sorted(folder.iterdir(), key=str) if each.name.endswith(".wav")]
    sound = decode_wav(wavs[number % len(wavs)].read_bytes())
    return bytes(soxr.resample(np.frombuffer(sound.data, "<i2"), sound.rate_hz, SPEECH_RATE_HZ))


class OpenMicrophone:
    """Sends what the bot sent ``delay_s`` ago at ``level_db``, mixed with what its owner says; nothing in silence."""

    def __init__(self, port: MemoryPort, user: UserId, *, delay_s: float, level_db: float) -> None:
        self._port, self.user = port, user
        self._delay_frames = round(delay_s / FRAME_S)
        self._gain = 10 ** (level_db / 20)
        self._decoder, self._encoder = Decoder(rate_hz=SPEECH_RATE_HZ), Encoder(channels=1)
        self._own = b""
        self._sequence = 0

    def say(self, pcm: bytes) -> None:
        """Let the owner speak: 24 kHz mono s16le, from now on."""
        self._own += pcm

    @property
    def is_speaking(self) -> bool:
        return bool(self._own)

    async def run(self) -> None:
        """Send for ever."""
        began, taken = trio.current_time(), len(self._port.frames)
        waiting: list[Samples] = [np.zeros(SPEECH_FRAME_SAMPLES, np.float32)] * self._delay_frames
        number = 0
        while True:
            number += 1
            await trio.sleep_until(began + number * FRAME_S + 0.001)
            frames, taken = self._port.frames[taken:], len(self._port.frames)
            heard = np.zeros(SPEECH_FRAME_SAMPLES, np.float32)
            for frame in frames[-1:]:
                heard = np.frombuffer(self._decoder.decode(frame.opus), "<i2").astype(np.float32)
            waiting.append(heard)
            own, self._own = self._own[:SPEECH_FRAME_BYTES], self._own[SPEECH_FRAME_BYTES:]
            mixed = waiting.pop(0) * self._gain
            mixed = mixed + np.frombuffer(own.ljust(SPEECH_FRAME_BYTES, b"\0"), "<i2")
            if np.abs(mixed).max() >= 20:
                self._send(np.clip(mixed, -32768, 32767).astype("<i2").tobytes(), number)

    def _send(self, pcm: bytes, number: int) -> None:
        self._sequence += 1
        packet = OpusPacket(
            self.user,
            self._sequence & 0xFFFF,
            number * RTP_TICKS_PER_FRAME,
            self._encoder.encode(pcm),
            trio.current_time(),
        )
        self._port.emit(packet)
