"""Making sound louder or softer: one multiplication for each sample, some 10 us for 20 ms."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from voxbridge.core.sound.track import Loudness


def scaled(pcm: bytes, loudness: Loudness) -> bytes:
    """Return s16le samples at this loudness, which changes on a straight line; what is too loud stops at the limits."""
    begin, end = loudness.begin, loudness.end
    if begin == end == 1.0:
        return pcm
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples *= np.float32(begin) if begin == end else _line(begin, end, len(samples))
    np.minimum(samples, 32767, out=samples)
    np.maximum(samples, -32768, out=samples)
    return samples.astype("<i2").tobytes()


def _line(begin: float, end: float, count: int) -> npt.NDArray[np.float32]:
    return _steps(count) * np.float32(end - begin) + np.float32(begin)


@functools.lru_cache(maxsize=8)
def _steps(count: int) -> npt.NDArray[np.float32]:
    return np.arange(count, dtype=np.float32) / np.float32(count)


def mixed(pcm: bytes, other: bytes) -> bytes:
    """Return the sum of two pieces of s16le of one length; what is too loud stops at the limits."""
    total = np.frombuffer(pcm, "<i2").astype(np.int32) + np.frombuffer(other, "<i2")
    return bytes(np.clip(total, -32768, 32767).astype("<i2"))


def faded(pcm: bytes, *, is_in: bool) -> bytes:
    """Return s16le samples that rise from silence (``is_in``), or fall to it."""
    return scaled(pcm, Loudness(0.0, 1.0) if is_in else Loudness(1.0, 0.0))
