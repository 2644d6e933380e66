"""Changing the rate of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from voxbridge.audio.resample import Resampler, to_mono

pytestmark = pytest.mark.unit


def tone(rate_hz: int, *, seconds: float = 1.0) -> bytes:
    n = np.arange(int(rate_hz * seconds))
    return (np.sin(2 * np.pi * 1000 * n / rate_hz) * 10_000).astype("<i2").tobytes()


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 24_000), (44_100, 24_000), (16_000, 24_000), (48_000, 16_000)])
def test_length_and_pitch_are_kept(from_hz, to_hz):
    """A second stays a second and 1 kHz stays 1 kHz, in odd pieces."""
    resampler, sound, out = Resampler(from_hz, to_hz), tone(from_hz), b""
    for at in range(0, len(sound), 1234):
        out += resampler.feed(sound[at : at + 1234])
    out += resampler.flush()
    samples = np.frombuffer(out, "<i2")
    assert len(samples) == pytest.approx(to_hz, abs=2)
    spectrum = np.abs(np.fft.rfft(samples))
    peak_hz = spectrum.argmax() * to_hz / len(samples)
    assert peak_hz == pytest.approx(1000, abs=1.5)
    assert np.abs(samples[1000:-1000].astype(int)).max() == pytest.approx(10_000, rel=0.01)


def test_flush_starts_anew():
    """After a flush the next sound comes out as from a fresh stream, but for the dither of the last bit."""
    resampler, sound = Resampler(22_050, 24_000), tone(22_050, seconds=0.2)
    first, second = (np.frombuffer(resampler.feed(sound) + resampler.flush(), "<i2") for _ in range(2))
    assert len(first) == len(second)
    assert np.abs(first.astype(int) - second).max() <= 2


def test_equal_rates_pass_through():
    """Nothing is touched, nothing held back."""
    resampler = Resampler(24_000, 24_000)
    assert resampler.feed(b"\1\2\3\4") == b"\1\2\3\4"
    assert resampler.flush() == b""


def test_stereo_folds_to_the_mean():
    """Left and right count alike, at full scale too."""
    stereo = np.array([[100, 200], [-32768, -32768], [32767, 32767]], "<i2").tobytes()
    assert np.frombuffer(to_mono(stereo), "<i2").tolist() == [150, -32768, 32767]
