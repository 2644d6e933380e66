"""How loud sound is: in LUFS as it is heard over a while, and in dBFS in each 10 ms.

LUFS: ITU-R BS.1770-4 for one channel: the power behind the K filter, in blocks of 400 ms that overlap by 300, without
those below -70 LUFS and those that are 10 LU below the rest. The filter is applied to the spectrum of each step of
100 ms, which gives the same power and needs no recursion; a sine of 997 Hz and full scale is -3.01 LUFS.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WINDOW_S = 0.01
FLOOR_DBFS = -120.0
_FLOOR_POWER = 10 ** (FLOOR_DBFS / 10)
_STEP_S = 0.1
_BLOCK_STEPS = 4
_OFFSET_LUFS = -0.691
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, 10.0


def levels_dbfs(pcm: bytes, rate_hz: int) -> list[float]:
    """Return the level of each whole window of 10 ms (s16le mono), as RMS; a sine of full scale has -3 dBFS."""
    count = round(rate_hz * WINDOW_S)
    samples = np.frombuffer(pcm[: len(pcm) // (2 * count) * 2 * count], "<i2").astype(np.float64).reshape(-1, count)
    powers = np.einsum("ij,ij->i", samples, samples) / (count * 32768.0**2)
    levels: list[float] = (10 * np.log10(np.maximum(powers, _FLOOR_POWER))).tolist()
    return levels


def level_dbfs(pcm: bytes) -> float:
    """Return the level of a piece of s16le mono as a whole, as RMS."""
    if not pcm:
        return FLOOR_DBFS
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    return 10 * math.log10(max(float(samples @ samples) / (len(samples) * 32768.0**2), _FLOOR_POWER))


@functools.cache
def _k_weights(rate_hz: int, count: int) -> Floats:
    """Return the power response of the K filter (shelf and high pass) at the frequencies of a spectrum.

    The analogue prototypes of BS.1770's two stages, which hold at every rate: shelf 1681.97 Hz, +4 dB, Q 0.7072;
    high pass 38.135 Hz, Q 0.5003.
    """
    hz = np.fft.rfftfreq(count, 1 / rate_hz)
    # the bilinear transform bends frequencies: so does the filter of the standard
    s = 1j * np.tan(np.pi * np.minimum(hz, rate_hz / 2 * 0.999) / rate_hz)
    shelf, low = math.tan(math.pi * 1681.974450955533 / rate_hz), math.tan(math.pi * 38.13547087602444 / rate_hz)
    high_gain = 10 ** (3.999843853973347 / 20)
    mid_gain = high_gain**0.4996667741545416
    q = 0.7071752369554196
    shelving = (high_gain * s**2 + mid_gain * shelf / q * s + shelf**2) / (s**2 + shelf / q * s + shelf**2)
    passing = s**2 / (s**2 + low / 0.5003270373238773 * s + low**2)
    return np.asarray(np.abs(shelving * passing) ** 2)


class LoudnessMeter:
    """Measures a stream of mono s16le sound."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._step_bytes = round(rate_hz * _STEP_S) * 2
        self._rest = b""
        self._powers: list[float] = []
        self.peak = 0.0
        """The highest sample so far, from 0 to 1."""

    @property
    def measured_s(self) -> float:
        """Return how much sound counts: that which is no silence."""
        return len(self._gated(np.asarray(self._powers))) * _STEP_S if self._powers else 0.0

    def feed(self, pcm: bytes) -> None:
        """Take the next piece: whole samples."""
        if pcm:
            samples = np.frombuffer(pcm, "<i2")
            self.peak = max(self.peak, int(samples.max()) / 32768, -int(samples.min()) / 32768)
        self._rest += pcm
        while len(self._rest) >= self._step_bytes:
            step, self._rest = self._rest[: self._step_bytes], self._rest[self._step_bytes :]
            self._powers.append(self._power(step))

    def _power(self, step: bytes) -> float:
        samples = np.frombuffer(step, "<i2").astype(np.float64) / 32768
        count = len(samples)
        spectrum = np.abs(np.fft.rfft(samples)) ** 2 * _k_weights(self._rate_hz, count)
        return float((2 * spectrum.sum() - spectrum[0] - (spectrum[-1] if count % 2 == 0 else 0.0)) / count**2)

    @staticmethod
    def _gated(powers: Floats) -> Floats:
        powers = powers[powers > _power_of(_ABSOLUTE_GATE_LUFS)]
        return powers[powers > powers.mean() * 10 ** (-_RELATIVE_GATE_LU / 10)] if len(powers) else powers

    @property
    def lufs(self) -> float | None:
        """Return the loudness of all that came, or None while there was nothing but silence.

        Of what is shorter than a block, the steps count for themselves.
        """
        if not self._powers:
            return None
        powers = np.asarray(self._powers)
        if len(powers) >= _BLOCK_STEPS:
            powers = np.convolve(powers, np.full(_BLOCK_STEPS, 1 / _BLOCK_STEPS), "valid")
        gated = self._gated(powers)
        return _OFFSET_LUFS + 10 * math.log10(gated.mean()) if len(gated) else None


def _power_of(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LUFS) / 10))


def lufs_of(pcm: bytes, rate_hz: int) -> float | None:
    """Return the loudness of a whole sound (s16le mono), or None if it is silence."""
    meter = LoudnessMeter(rate_hz)
    meter.feed(pcm)
    return meter.lufs
