"""The mel front end on sounds whose features can be told beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from voxbridge.audio.mel import log_mel, samples_of

pytestmark = pytest.mark.unit


def test_silence_is_flat_at_the_floor():
    """log10(1e-10) = -10, so (-10 + 4) / 4."""
    features = log_mel(np.zeros(16_000, np.float32), 100)
    assert features.shape == (80, 100)
    assert features.dtype == np.float32
    assert features == pytest.approx(-1.5)


@pytest.mark.parametrize(("tone_hz", "band"), [(500, 13), (1000, 27), (3000, 55)])
def test_tone_lands_in_its_band(tone_hz, band):
    """Band centres lie at mel (i + 1) * 45.245 / 81: 500 Hz is mel 7.5, 1 kHz 15, 3 kHz 30.98."""
    tone = np.sin(2 * np.pi * tone_hz * np.arange(16_000) / 16_000).astype(np.float32) * 0.5
    features = log_mel(tone, 100)
    assert int(features[:, 50].argmax()) in (band - 1, band)


def test_range_is_eighty_decibels():
    """The floor lies 8 / 4 below the loudest point."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32) * 0.5
    features = log_mel(tone, 200)  # the second half is silence
    assert features.max() - features.min() == pytest.approx(2.0, abs=1e-6)


def test_samples_are_scaled_to_one():
    """The most negative sample is -1."""
    assert samples_of(b"\x00\x80\x00\x40").tolist() == [-1.0, 0.5]
