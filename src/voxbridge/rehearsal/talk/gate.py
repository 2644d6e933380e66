"""When a live microphone sends: by its level, as Discord's own clients do ("input sensitivity: automatic")."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from voxbridge.rehearsal.discord.member import SILENCE_TAIL_FRAMES

# Not measured on microphones: between what a quiet room and speech near by are commonly held to be. What the gate lets
# through too much, the daemon's own voice activity model judges.
_OPEN_MIN_DBFS = -50.0
_OVER_NOISE_DB = 12.0
_HYSTERESIS_DB = 6.0
_NOISE_RISE_DB = 0.02  # a frame, so 1 dB a second: a fan that is switched on is learned, a sentence is not
_NOISE_FALL = 0.2
_NOISE_MAX_DBFS = -38.0  # who talks without a pause for minutes is still let through
_NOISE_AT_START_DBFS = -62.0
_HANG_FRAMES = 15  # 300 ms: the pauses inside of words and phrases are sent
_BEFORE_FRAMES = 3  # the soft beginning of a word
_FLOOR_DBFS = -90.0


def level_dbfs(frame: bytes) -> float:
    """Return the level of s16le samples in dB of full scale; -90 for silence."""
    samples = np.frombuffer(frame, "<i2").astype(np.float32)
    mean_square = float(np.mean(samples * samples)) if len(samples) else 0.0
    return max(_FLOOR_DBFS, 10 * math.log10(mean_square / 32_768**2)) if mean_square > 0 else _FLOOR_DBFS


class Gate:
    """Decides for each frame of 20 ms what is sent. ``is_open``: op 5 stands at 1."""

    def __init__(self) -> None:
        self.is_open = False
        self._noise_dbfs = _NOISE_AT_START_DBFS
        self._before: deque[bytes] = deque(maxlen=_BEFORE_FRAMES)
        self._hang = 0
        self._silence_owed = 0

    def feed(self, frame: bytes) -> list[bytes | None]:
        """Return the frames to send now, in order; None stands for a silence frame of the tail."""
        level = level_dbfs(frame)
        self._learn(level)
        threshold = max(_OPEN_MIN_DBFS, self._noise_dbfs + _OVER_NOISE_DB)
        if level >= (threshold - _HYSTERESIS_DB if self.is_open else threshold):
            self._hang = _HANG_FRAMES
            return self._open(frame)
        if self._hang > 0:
            self._hang -= 1
            return [frame]
        if self.is_open:
            self.is_open, self._silence_owed = False, SILENCE_TAIL_FRAMES
        self._before.append(frame)
        if self._silence_owed:
            self._silence_owed -= 1
            return [None]
        return []

    def _open(self, frame: bytes) -> list[bytes | None]:
        frames: list[bytes | None] = [] if self.is_open else [*self._before]
        self._before.clear()
        self.is_open, self._silence_owed = True, 0
        return [*frames, frame]

    def _learn(self, level: float) -> None:
        if level < self._noise_dbfs:
            self._noise_dbfs += _NOISE_FALL * (level - self._noise_dbfs)
        else:
            self._noise_dbfs = min(self._noise_dbfs + _NOISE_RISE_DB, _NOISE_MAX_DBFS)
