"""What sounds in place of an answer, frame by frame."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.sound.bed import Bed, BedFrame, BedSound
from voxbridge.core.sound.pcm import SPEECH_FRAME_BYTES

pytestmark = pytest.mark.unit

LOOP = BedSound(bytes([1, 0]) * SPEECH_FRAME_BYTES, 0.5)  # two frames
WORD = BedSound(bytes([2, 0]) * (SPEECH_FRAME_BYTES // 2 + 10), 1.0, "One moment.")  # a frame and a little


def frames(bed: Bed, count: int) -> list[BedFrame]:
    return [bed.next() for _ in range(count) if bed.is_sounding]


def test_it_fades_in_and_goes_on_for_ever() -> None:
    """From nothing to its level on a straight line, frame to frame without a jump, then over and over."""
    bed = Bed()
    assert not bed.is_sounding
    bed.begin(None, LOOP, 4)
    sounds = frames(bed, 100)
    levels = [(each.loudness.begin, each.loudness.end) for each in sounds]
    assert levels[:5] == [(0, 0.125), (0.125, 0.25), (0.25, 0.375), (0.375, 0.5), (0.5, 0.5)]
    assert set(levels[4:]) == {(0.5, 0.5)}
    assert len(sounds) == 100


def test_it_fades_out_and_ends() -> None:
    """From wherever it was to nothing within the frames; a second fade does not begin anew."""
    bed = Bed()
    bed.begin(None, LOOP, 1)
    frames(bed, 3)
    bed.fade(5)
    frames(bed, 2)
    bed.fade(5)
    rest = frames(bed, 100)
    assert [each.loudness.end for each in rest] == pytest.approx([0.2, 0.1, 0.0])
    assert not bed.is_sounding


def test_a_word_comes_first_at_its_own_level() -> None:
    """It is said once, its last frame is filled up with silence, and the loop fades in behind it."""
    bed = Bed()
    bed.begin(WORD, LOOP, 2)
    sounds = frames(bed, 5)
    assert [each.text for each in sounds] == ["One moment.", "One moment.", "", "", ""]
    assert [each.loudness.end for each in sounds] == [1.0, 1.0, 0.25, 0.5, 0.5]
    assert sounds[1].pcm == WORD.pcm[SPEECH_FRAME_BYTES:] + bytes(SPEECH_FRAME_BYTES - 20)
    bed.begin(WORD, None, 2)
    assert len(frames(bed, 5)) == 2, "there is nothing behind it"


@given(st.integers(1, 20), st.integers(0, 30), st.integers(1, 20), st.booleans())
def test_it_never_jumps(rise: int, before: int, fall: int, has_word: bool) -> None:
    """Wherever it is faded: each frame begins at the level at which the last one ended, and it ends at nothing."""
    bed = Bed()
    bed.begin(WORD if has_word else None, LOOP, rise)
    sounds = frames(bed, before)
    bed.fade(fall)
    sounds += frames(bed, 100)
    of_loop = [each.loudness for each in sounds if not each.text]
    for earlier, later in pairwise(of_loop):
        assert later.begin == pytest.approx(earlier.end)
    assert sounds == [] or sounds[-1].loudness.end == 0 or sounds[-1].text
    assert not bed.is_sounding
