"""Changing the sample rate of a stream, and folding stereo into mono. Only for rates that Opus does not have."""

from __future__ import annotations

import numpy as np
import soxr


class Resampler:
    """A stream of mono s16le sound at another rate. Holds back a few ms until ``flush``.

    Feed whole samples: a byte that completes its sample in the next piece is the caller's to keep.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Open a stream; with equal rates it passes everything through untouched."""
        self._stream = None
        if from_hz != to_hz:
            # HQ: 16-bit clean. The quicker grades save 8 us per 20 ms and are heard in sibilants.
            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="HQ")

    def feed(self, pcm: bytes) -> bytes:
        """Return what can be said so far at the new rate; may be empty."""
        if self._stream is None:
            return pcm
        return bytes(self._stream.resample_chunk(np.frombuffer(pcm, "<i2")))

    def flush(self) -> bytes:
        """Return the rest and start anew."""
        if self._stream is None:
            return b""
        rest = bytes(self._stream.resample_chunk(np.zeros(0, np.int16), last=True))
        self._stream.clear()
        return rest


def to_mono(pcm: bytes) -> bytes:
    """Fold interleaved stereo s16le into mono by the mean of both channels."""
    folded = np.frombuffer(pcm, "<i2").reshape(-1, 2).mean(axis=1).round().astype("<i2")
    return bytes(folded)


def to_stereo(pcm: bytes) -> bytes:
    """Put mono s16le on both channels."""
    return bytes(np.frombuffer(pcm, "<i2").repeat(2))
