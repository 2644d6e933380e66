"""Speech that survives a codec: each word is a tone of its own, and a simulated server reads it back.

A server that gets PCM cannot see the marks of ``marked``, which travel beside the sound. A word here is 60 ms of a sine
and 20 ms of silence, so that a word said twice is heard twice, and a lost one is missing.
"""

from __future__ import annotations

import functools

import numpy as np

from voxbridge.audio.opus import encode_speech
from voxbridge.core.sound.pcm import FRAME_S, HEARING_FRAME_SAMPLES, HEARING_RATE_HZ, SPEECH_RATE_HZ

WORDS_MAX = 40
PACKETS_PER_WORD = 4
_TONE_PACKETS = 3
_FIRST_HZ, _STEP_HZ = 400.0, 80.0
_LOUD = 2000.0  # of an amplitude of 12 000; the codec rings for a few ms into the silence
_FADE_S = 0.004


@functools.cache
def word_packets(number: int) -> tuple[bytes, ...]:
    """Return the Opus packets of word ``number``, from 0 to ``WORDS_MAX`` - 1; they may follow those of any other."""
    if not 0 <= number < WORDS_MAX:
        raise ValueError(f"there are {WORDS_MAX} words")
    count = round(_TONE_PACKETS * FRAME_S * SPEECH_RATE_HZ)
    times = np.arange(count) / SPEECH_RATE_HZ
    fade = np.clip(np.minimum(times, times[::-1]) / _FADE_S, 0.0, 1.0)
    tone = 12_000 * fade * np.sin(2 * np.pi * (_FIRST_HZ + number * _STEP_HZ) * times)
    silence = np.zeros(round((PACKETS_PER_WORD - _TONE_PACKETS) * FRAME_S * SPEECH_RATE_HZ))
    return tuple(encode_speech(np.concatenate([tone, silence]).astype("<i2").tobytes()))


def packets_of(*numbers: int) -> list[bytes]:
    """Return the packets of some words, one after the other."""
    return [packet for number in numbers for packet in word_packets(number)]


def words_in(pcm: bytes) -> str:
    """Return the words in s16le PCM of 16 kHz mono, as ``w3 w4 w4``; a stretch that is no word reads ``?``."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float64)
    step = HEARING_FRAME_SAMPLES // 4
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    loud = np.sqrt((frames**2).mean(axis=1)) > _LOUD
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    return " ".join(
        _name(samples[start * step : end * step])
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start > 2  # a click of 10 ms is none
    )


def _name(tone: np.ndarray) -> str:
    size = 1 << 15
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), size))
    peak_hz = float(np.argmax(spectrum)) * HEARING_RATE_HZ / size
    number = round((peak_hz - _FIRST_HZ) / _STEP_HZ)
    is_word = 0 <= number < WORDS_MAX and abs(peak_hz - _FIRST_HZ - number * _STEP_HZ) < _STEP_HZ / 4
    return f"w{number}" if is_word else "?"
