"""The log-mel front end of Whisper, in numpy; the turn model was trained on the same features.

Frames of 400 samples (25 ms) every 160 (10 ms) at 16 kHz, periodic Hann window, 80 triangular filters on
Slaney's mel scale with area normalisation, 0 to 8000 Hz. Source: the published preprocessing of openai/whisper
(and the Auditory Toolbox for the scale); the result differs from faster-whisper's by less than 1e-5.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from voxbridge.core.sound.pcm import HEARING_RATE_HZ

Floats = npt.NDArray[np.float32]

HOP_SAMPLES = 160
FRAMES_PER_S = HEARING_RATE_HZ // HOP_SAMPLES
MEL_BANDS = 80
_WINDOW_SAMPLES = 400
_DYNAMIC_RANGE = 8.0  # in log10 units: what lies 80 dB below the loudest point is the floor

# Slaney's scale: linear below 1 kHz, three mel per 200 Hz; logarithmic above, 27 steps per factor 6.4.
_BREAK_HZ, _BREAK_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def _hz_of_mel(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < _BREAK_MEL, mel * 200 / 3, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))


@functools.cache
def _filters() -> Floats:
    """Return the filter bank, shape (80, 201)."""
    top_hz = HEARING_RATE_HZ / 2
    top_mel = _BREAK_MEL + np.log(top_hz / _BREAK_HZ) / _LOG_STEP
    corners_hz = _hz_of_mel(np.linspace(0.0, top_mel, MEL_BANDS + 2))
    low, centre, high = corners_hz[:-2, None], corners_hz[1:-1, None], corners_hz[2:, None]
    bins_hz = np.linspace(0.0, top_hz, _WINDOW_SAMPLES // 2 + 1)
    triangles = np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre))
    return (np.maximum(triangles, 0.0) * 2 / (high - low)).astype(np.float32)


@functools.cache
def _window() -> Floats:
    return np.hanning(_WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


def samples_of(pcm: bytes) -> Floats:
    """Return s16le samples as float32 in [-1, 1)."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / 32768)


def log_mel(sound: Floats, frames: int) -> Floats:
    """Return the features of 16 kHz mono sound, shape (80, ``frames``); shorter sound is followed by silence."""
    wanted = frames * HOP_SAMPLES
    padded = np.pad(sound[:wanted], (0, max(0, wanted - len(sound))))
    padded = np.pad(padded, _WINDOW_SAMPLES // 2, mode="reflect")
    spans = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[::HOP_SAMPLES][:frames]
    power = np.abs(np.fft.rfft(spans * _window(), axis=1)) ** 2
    bands = np.log10(np.maximum(_filters() @ power.T.astype(np.float32), 1e-10))
    features: Floats = ((np.maximum(bands, bands.max() - _DYNAMIC_RANGE) + 4) / 4).astype(np.float32)
    return features
