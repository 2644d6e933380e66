"""By how much a voice is made louder, by plain numbers."""

from __future__ import annotations

import math

import pytest

from voxbridge.core.sound.evenness import VoiceLoudness, factor_for

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("lufs", "peak", "db"),
    [
        (-26.0, 0.2, 6.0),
        (-14.0, 0.9, -6.0),
        (-50.0, 0.01, 12.0),
        (0.0, 0.9, -12.0),
        (-26.0, 0.8, 20 * math.log10(0.89 / 0.8)),
    ],
)
def test_the_factor_brings_a_voice_to_the_target_and_clips_nothing(lufs: float, peak: float, db: float) -> None:
    """To -20 LUFS, by 12 dB at most either way, and never so far that a sample is cut off."""
    assert 20 * math.log10(factor_for(lufs, peak, target_lufs=-20.0)) == pytest.approx(db)


def test_a_voice_of_which_nothing_is_known_stays_as_it_is() -> None:
    """Nothing is guessed."""
    assert factor_for(None, 0.5, target_lufs=-20.0) == 1.0


def test_a_voice_is_known_from_its_first_sentence() -> None:
    """The next sentence begins as loud as the voice was; the more of it has come, the more its own sound counts."""
    voice = VoiceLoudness()
    assert voice.expect(None, 0.0) is None
    assert voice.expect(-30.0, 0.4) == -30.0
    voice.learn(-26.0, 3.0)
    assert voice.expect(None, 0.0) == -26.0
    assert voice.expect(-30.0, 0.5) == pytest.approx(-28.0)
    assert voice.expect(-30.0, 200.0) == pytest.approx(-30.0, abs=0.1)


def test_a_voice_that_was_changed_is_believed_in_time() -> None:
    """A minute of it outweighs hours of what it was."""
    voice = VoiceLoudness()
    voice.learn(-26.0, 10_000.0)
    voice.learn(-20.0, 60.0)
    assert voice.lufs == pytest.approx(-23.0)
