"""The thinking sound, generated: two soft notes, a fourth apart, every 1.8 s.

Notes with long decays and no consonants are taken for a voice by no detector, and are heard as "busy" from telephones
and assistants. Between them there is silence, so that the sound can end nearly everywhere without being cut.
"""

from __future__ import annotations

import functools

import numpy as np

from voxbridge.audio.loudness import lufs_of
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ

_PERIOD_S = 1.8
_NOTES = ((0.0, 293.66), (0.3, 392.0))
"""When each begins, and how high: d' and g'."""
_NOTE_S, _RISE_S, _FALL_S = 0.9, 0.04, 0.16
_PEAK = 0.25


@functools.cache
def thinking_loop() -> bytes:
    """Return one period of it, 24 kHz mono s16le. How loud it is, says ``thinking_lufs``."""
    samples = np.zeros(round(_PERIOD_S * SPEECH_RATE_HZ))
    at = np.arange(round(_NOTE_S * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    # rises as half a cosine and falls off; the last tenth brings it to nothing
    shape = np.where(at < _RISE_S, (1 - np.cos(np.pi * at / _RISE_S)) / 2, np.exp(-(at - _RISE_S) / _FALL_S))
    shape *= np.minimum(1.0, (_NOTE_S - at) / (_NOTE_S / 10))
    for begins_s, hz in _NOTES:
        first = round(begins_s * SPEECH_RATE_HZ)
        tone = np.sin(2 * np.pi * hz * at) + 0.15 * np.sin(4 * np.pi * hz * at)
        samples[first : first + len(at)] += _PEAK * shape * tone
    return np.asarray(samples * 32767).astype("<i2").tobytes()


@functools.cache
def thinking_lufs() -> float:
    """Return how loud the loop is as it stands."""
    lufs = lufs_of(thinking_loop() * 3, SPEECH_RATE_HZ)
    assert lufs is not None, "it is no silence"
    return lufs
