"""What a room is full of beside speech to the bot: noises, music and the talk of others, at a level that is known.

All are 16 kHz mono s16le and come out the same each time. The level is the RMS of the whole, in dBFS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tests.support.speech import clips
from voxbridge.core.sound.pcm import HEARING_RATE_HZ

Samples = npt.NDArray[np.float64]

LEVELS_DBFS = (-50.0, -35.0, -20.0)
_PEAK = 32_000.0


def at_level(sound: Samples, dbfs: float) -> bytes:
    """Return the sound at a level; what would be beyond full scale is cut flat, as a microphone does."""
    loudness = float(np.sqrt(np.square(sound).mean())) or 1.0
    scaled = sound / loudness * 32_768 * 10 ** (dbfs / 20)
    return bytes(np.clip(scaled, -_PEAK, _PEAK).astype("<i2").tobytes())


def _time(seconds: float) -> Samples:
    return np.arange(round(seconds * HEARING_RATE_HZ)) / HEARING_RATE_HZ


def _white(seconds: float) -> Samples:
    return np.random.default_rng(1).standard_normal(len(_time(seconds)))


def _pink(seconds: float) -> Samples:
    """Noise of equal power in each octave: rain, a crowd far away."""
    spectrum = np.fft.rfft(_white(seconds))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    return np.asarray(np.fft.irfft(spectrum, len(_time(seconds))))


def _keys(seconds: float) -> Samples:
    """Somebody types: a click down and a duller one up, five to nine keys a second, a pause now and then."""
    rng = np.random.default_rng(2)
    sound = np.zeros(len(_time(seconds)))
    at = 0.1
    while at < seconds - 0.2:
        for offset_s, hz, loud in ((0.0, 3200.0, 1.0), (rng.uniform(0.06, 0.1), 1400.0, 0.5)):
            t = _time(0.03)
            hit = np.exp(-t / 0.004) * (rng.standard_normal(len(t)) + np.sin(2 * np.pi * hz * t))
            first = round((at + offset_s) * HEARING_RATE_HZ)
            sound[first : first + len(hit)] += loud * rng.uniform(0.5, 1.0) * hit
        at += rng.uniform(0.11, 0.2) if rng.random() > 0.08 else rng.uniform(0.5, 1.2)
    return sound


def _fan(seconds: float) -> Samples:
    """A fan: the hum of the mains with its harmonics, blades at 87 Hz, and air."""
    t = _time(seconds)
    hum = sum(np.sin(2 * np.pi * 50 * n * t + n) / n for n in range(1, 9))
    blades = (1 + 0.4 * np.sin(2 * np.pi * 0.7 * t)) * np.sin(2 * np.pi * 87 * t)
    return np.asarray(hum + blades + 0.6 * _pink(seconds) / np.std(_pink(seconds)))


def _chords(seconds: float) -> Samples:
    """A piece of music: four chords of decaying strings, a bass and a beat."""
    t = _time(seconds)
    sound = np.zeros(len(t))
    rng = np.random.default_rng(3)
    chords = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7))
    for number in range(int(seconds / 0.5)):
        first = round(number * 0.5 * HEARING_RATE_HZ)
        part = t[first : first + round(1.5 * HEARING_RATE_HZ)] - t[first]
        chord = chords[number // 4 % 4]
        for hz in (*chord, chord[0] / 2):
            for harmonic in range(1, 6):
                sound[first : first + len(part)] += (
                    np.sin(2 * np.pi * hz * harmonic * part) * np.exp(-part * (2 + harmonic)) / harmonic
                )
        beat = part[:800]
        sound[first : first + len(beat)] += 0.8 * rng.standard_normal(len(beat)) * np.exp(-beat / 0.01)
    return sound


def _melody(seconds: float) -> Samples:
    """A tune that is sung on vowels: a buzz with vibrato through the formants of "ah", "oh", "ee", with breaths."""
    t = _time(seconds)
    sound = np.zeros(len(t))
    notes = (220.0, 246.9, 261.6, 293.7, 329.6, 293.7, 261.6, 246.9)
    vowels = (
        ((730, 90), (1090, 110), (2440, 170)),
        ((570, 80), (840, 100), (2410, 170)),
        ((270, 60), (2290, 100), (3010, 170)),
    )
    for number in range(int(seconds / 0.6)):
        first = round(number * 0.6 * HEARING_RATE_HZ)
        part = t[first : first + round(0.52 * HEARING_RATE_HZ)] - t[first]
        hz = notes[number * 3 % 8]
        phase = 2 * np.pi * hz * part + 0.3 * np.sin(2 * np.pi * 5.5 * part)
        note = np.zeros(len(part))
        for harmonic in range(1, int(7000 / hz)):
            at_hz = harmonic * hz
            gain = sum(1 / (1 + ((at_hz - centre) / width) ** 2) for centre, width in vowels[number % 3])
            note += gain * np.sin(harmonic * phase) / harmonic**0.5
        shape = np.minimum(1.0, np.minimum(part / 0.03, (part[-1] - part) / 0.06))
        if number % 7 != 6:
            sound[first : first + len(part)] += shape * note
    return sound


def _babble(seconds: float) -> Samples:
    """Five people talk at once, none of them to us; each begins somewhere else and goes on and on."""
    count = len(_time(seconds))
    sound = np.zeros(count)
    voices = [np.frombuffer(clip.pcm, "<i2").astype(np.float64) for clip in clips()]
    for number in range(5):
        order = [voices[(number + step) % len(voices)] for step in range(len(voices))]
        stream = np.concatenate([voice / np.std(voice) for voice in order])
        stream = np.roll(np.resize(stream, count), number * 13_337)
        sound += stream * (1.0, 0.8, 0.9, 0.7, 0.8)[number]
    return sound


NOISES: dict[str, Callable[[float], Samples]] = {
    "white noise": _white,
    "pink noise": _pink,
    "keys": _keys,
    "a fan": _fan,
    "music": _chords,
    "a voice that sings": _melody,
    "babble": _babble,
}
