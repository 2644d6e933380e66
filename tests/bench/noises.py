"""Noises that people make without saying anything, synthesised: what cannot be had recorded and free."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voxbridge.core.sound.pcm import SPEECH_RATE_HZ as RATE_HZ

Floats = npt.NDArray[np.float64]


def _noise(rng: np.random.Generator, seconds: float, dbfs: float, low_hz: float, high_hz: float) -> Floats:
    """Return noise between two frequencies."""
    count = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.normal(0, 1, count))
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    sound = np.fft.irfft(spectrum, count)
    return np.asarray(sound / np.sqrt((sound**2).mean()) * 10 ** (dbfs / 20))


def _fall(count: int, seconds: float) -> Floats:
    return np.exp(-np.arange(count) / (seconds * RATE_HZ))


def _pcm(sound: Floats) -> bytes:
    return np.clip(sound * 32767, -32767, 32767).astype("<i2").tobytes()


def cough(seed: int) -> bytes:
    """Return a cough: 70 ms of a burst of noise, then 220 ms of a voice that breaks off."""
    rng = np.random.default_rng(seed)
    burst = _noise(rng, 0.07, -14, 300, 7000)
    burst *= _fall(len(burst), 0.03)
    at = np.arange(round(0.22 * RATE_HZ)) / RATE_HZ
    pitch_hz = rng.uniform(150, 220)
    voice = sum(np.sin(2 * np.pi * pitch_hz * tone * at + rng.uniform(0, 6)) / tone for tone in range(1, 12))
    tail = (voice * 10 ** (-24 / 20) + _noise(rng, 0.22, -26, 300, 5000)) * _fall(len(at), 0.1)
    return _pcm(np.concatenate([burst, tail]))


def breath(seed: int) -> bytes:
    """Return half a second of breath into the microphone."""
    rng = np.random.default_rng(seed)
    sound = _noise(rng, 0.5, -36 + rng.uniform(-4, 4), 400, 5000)
    return _pcm(sound * np.hanning(len(sound)))


def keys(seed: int) -> bytes:
    """Return five strokes on a keyboard."""
    rng = np.random.default_rng(seed)
    parts: list[Floats] = []
    for _ in range(5):
        stroke = _noise(rng, 0.02, -18 - rng.uniform(0, 10), 1500, 8000)
        parts += [stroke * _fall(len(stroke), 0.004), np.zeros(round(rng.uniform(0.08, 0.2) * RATE_HZ))]
    return _pcm(np.concatenate(parts))
