"""A hum in place of a voice: it needs no model, and each sentence sounds different."""

from __future__ import annotations

import numpy as np

from voxbridge.core.sound.pcm import SPEECH_RATE_HZ

SECONDS_PER_CHARACTER = 0.06  # about 15 characters a second, as people speak
_SYLLABLE_S = 0.24
_HALF_TONES = 2 ** (1 / 12)


def hum_hz(index: int) -> float:
    """Return the pitch of the sentence with this number: twelve whole steps, then again from the bottom."""
    return float(220.0 * _HALF_TONES ** (2 * (index % 12)))


def hum(text: str, index: int) -> bytes:
    """Return a hum in syllables, as long as the text would take to say; it begins and ends in silence."""
    times = np.arange(round(len(text) * SECONDS_PER_CHARACTER * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    if not len(times):
        return b""
    syllables = max(1, round(float(times[-1]) / _SYLLABLE_S))
    envelope = np.sin(np.pi * syllables * np.arange(len(times)) / len(times)) ** 2
    pitch = 2 * np.pi * hum_hz(index) * times
    wave = 0.3 * envelope * (np.sin(pitch) + 0.3 * np.sin(2 * pitch))
    return (wave * 32767).astype("<i2").tobytes()
