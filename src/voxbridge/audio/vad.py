"""Voice activity: how likely each 32 ms of a speaker's sound is speech (Silero, on onnxruntime)."""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np

from voxbridge.audio.mel import Floats, samples_of
from voxbridge.audio.models import SILERO_VAD, open_session
from voxbridge.core.sound.pcm import HEARING_RATE_HZ

VAD_FRAME_SAMPLES: Final = 512  # the only size that the model takes at 16 kHz
VAD_FRAME_S: Final = VAD_FRAME_SAMPLES / HEARING_RATE_HZ
_FRAME_BYTES = VAD_FRAME_SAMPLES * 2
# The last samples of the frame before must stand in front of each frame. Without them the model raises nothing
# and gives clear speech a probability of 0.001 (seen).
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)
_RATE = np.array(HEARING_RATE_HZ, np.int64)


@functools.cache
def _shared_session() -> Any:
    return open_session(SILERO_VAD)


class VoiceActivity:
    """The voice probability of one speaker's sound, frame by frame. The network is shared by all speakers.

    Cheap enough for the event loop: 0.2 to 0.3 ms a frame. Not thread-safe. ``reset`` it when the stream starts
    anew: the network remembers about a second.
    """

    def __init__(self) -> None:
        """Open the shared network at the first use. Raises: EngineError."""
        self._session = _shared_session()
        self._rest = bytearray()
        self._input = np.zeros((1, _CONTEXT_SAMPLES + VAD_FRAME_SAMPLES), np.float32)
        self._state = np.zeros(_STATE_SHAPE, np.float32)

    def feed(self, pcm: bytes) -> list[float]:
        """Add 16 kHz mono s16le sound of any length; return one probability in [0, 1] per 512 samples completed."""
        self._rest += pcm
        whole = len(self._rest) // _FRAME_BYTES
        if not whole:
            return []
        samples = samples_of(bytes(self._rest[: whole * _FRAME_BYTES]))
        del self._rest[: whole * _FRAME_BYTES]
        return [self._probability(frame) for frame in samples.reshape(whole, VAD_FRAME_SAMPLES)]

    def _probability(self, frame: Floats) -> float:
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES:] = frame
        output, self._state = self._session.run(
            ("output", "stateN"), {"input": self._input, "state": self._state, "sr": _RATE}
        )
        return float(output[0, 0])

    def reset(self) -> None:
        """Forget what was heard: the stream starts anew."""
        self._rest.clear()
        self._input[:] = 0
        self._state = np.zeros(_STATE_SHAPE, np.float32)
