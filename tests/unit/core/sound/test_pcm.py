"""What sound says of itself."""

from __future__ import annotations

import pytest

from voxbridge.core.sound.pcm import Pcm

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("channels", "seconds"), [(1, 1.0), (2, 0.5)])
def test_sound_lasts_as_long_as_its_samples(channels, seconds):
    """Two bytes a sample and channel: twice the channels, half the time."""
    assert Pcm(bytes(2 * 24_000), 24_000, channels).duration_s == pytest.approx(seconds)
