"""How loud sound is, against figures that are known."""

from __future__ import annotations

import numpy as np
import pytest

from voxbridge.audio.gain import faded, scaled
from voxbridge.audio.loudness import LoudnessMeter, levels_dbfs, lufs_of
from voxbridge.core.sound.track import Loudness

pytestmark = pytest.mark.unit


def sine(seconds: float, *, hz: float = 997.0, db: float = 0.0, rate_hz: int = 24_000) -> bytes:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (db / 20) * 32767 * np.sin(2 * np.pi * hz * times)).astype("<i2").tobytes()


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
@pytest.mark.parametrize("db", [0.0, -20.0, -40.0])
def test_a_sine_is_as_loud_as_the_standard_says(db: float, rate_hz: int) -> None:
    """997 Hz of full scale on one channel is -3.01 LUFS (ITU-R BS.1770), and 20 dB less is 20 LU less."""
    assert lufs_of(sine(3.0, db=db, rate_hz=rate_hz), rate_hz) == pytest.approx(-3.01 + db, abs=0.1)


def test_high_sounds_count_more_and_rumble_less() -> None:
    """The K filter: 4 dB more above 2 kHz, next to nothing below 40 Hz."""
    middle, high, low = (lufs_of(sine(3.0, hz=hz, db=-20), 24_000) for hz in (500, 6000, 20))
    assert middle is not None
    assert high is not None
    assert low is not None
    assert high - middle == pytest.approx(4.0, abs=0.3)
    assert low - middle < -8


def test_silence_between_words_does_not_count() -> None:
    """Speech with pauses is as loud as its words (EBU Tech 3341, relative gate)."""
    spoken = sine(2.0, db=-20)
    paused = spoken + bytes(24_000 * 2 * 4) + spoken
    assert lufs_of(paused, 24_000) == pytest.approx(-23.0, abs=0.5)
    assert lufs_of(bytes(48_000), 24_000) is None


def test_any_cutting_gives_the_same_loudness() -> None:
    """The pieces in which sound comes do not count."""
    sound, meter = sine(1.7, db=-12), LoudnessMeter(24_000)
    for at in range(0, len(sound), 778):
        meter.feed(sound[at : at + 778])
    assert meter.lufs == pytest.approx(lufs_of(sound, 24_000))
    assert meter.peak == pytest.approx(10 ** (-12 / 20), abs=0.001)
    assert meter.measured_s == pytest.approx(1.7)


def test_levels_are_told_for_each_10_ms() -> None:
    """RMS in dBFS of whole windows; silence is at the floor."""
    assert levels_dbfs(sine(0.02, hz=1000) + bytes(480) + b"\1\0", 24_000) == pytest.approx(
        [-3.01, -3.01, -120], abs=0.02
    )


def test_scaled_sound_goes_on_a_line_and_stops_at_the_limits() -> None:
    """What would be too loud is the loudest there is, and does not turn over."""
    flat = np.full(480, 10_000, "<i2").tobytes()
    line = np.frombuffer(scaled(flat, Loudness(1.0, 0.5)), "<i2")
    assert line[0] == 10_000
    assert line[-1] == pytest.approx(5000, abs=20)
    assert set(np.diff(line)) <= {-10, -11}
    assert set(np.frombuffer(scaled(flat, Loudness(5.0, 5.0)), "<i2")) == {32767}
    assert scaled(flat, Loudness()) is flat
    assert np.frombuffer(faded(flat, is_in=True), "<i2")[0] == 0
