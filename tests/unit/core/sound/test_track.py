"""The sound of one answer: what is played, what was heard, how it is lowered, paused and cut, by plain numbers."""

from __future__ import annotations

import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tracks import frames_of, take_frame, track_of
from voxbridge.core.sound.pcm import SPEECH_FRAME_BYTES, SPEECH_FRAME_SAMPLES
from voxbridge.core.sound.track import Loudness, Track

pytestmark = pytest.mark.unit


def test_heard_text_counts_whole_words_by_the_share_played() -> None:
    """What was heard: whole sentences that were played, and the words of the broken one in proportion."""
    track = Track()
    for text in ("One two three four.", "Five six seven eight."):
        index = track.begin_sentence(text)
        track.push(index, bytes(4 * SPEECH_FRAME_BYTES))
        track.end_sentence(index)
    for _ in range(6):
        take_frame(track)
    assert track.heard_text == "One two three four. Five six"
    track.close()
    assert track.heard_text == "One two three four. Five six", "what was cut off was not heard"


def test_sound_of_a_later_sentence_waits_for_the_one_before() -> None:
    """Two sentences are synthesised at once; they are played in order, and the later one not before its turn."""
    track = Track()
    first, second = track.begin_sentence("First."), track.begin_sentence("Second.")
    track.push(second, array.array("h", [2] * (2 * SPEECH_FRAME_BYTES // 2)).tobytes())
    assert not track.has_frame
    track.push(first, array.array("h", [1] * (SPEECH_FRAME_BYTES // 2)).tobytes())
    assert set(array.array("h", take_frame(track))) == {1}
    assert not track.has_frame, "the second sentence began before the first was known to be over"
    track.end_sentence(first)
    assert set(array.array("h", take_frame(track))) == {2}


def test_a_track_can_end_with_the_sentence_that_is_played() -> None:
    """Sound of later sentences is thrown away, also what comes after; the track is done at the sentence's end."""
    track = track_of(4, finished=False, sentences=3)
    take_frame(track)
    track.stop_after_sentence()
    track.push(2, bytes(SPEECH_FRAME_BYTES))
    samples = set()
    while track.has_frame:
        samples |= set(array.array("h", take_frame(track)))
    assert samples == {1}
    assert track.is_done


def test_a_track_that_was_not_begun_ends_at_once() -> None:
    """With nothing played yet there is no sentence to finish."""
    track = track_of(4, finished=False, sentences=2)
    track.stop_after_sentence()
    assert track.is_done
    assert not track.has_frame


def test_fade_out_falls_to_silence_and_closes() -> None:
    """Each frame of a fade is quieter than the one before; then the track is closed."""
    track = Track()
    track.push(track.begin_sentence("x"), array.array("h", [10_000] * (10 * SPEECH_FRAME_BYTES // 2)).tobytes())
    track.fade_out(4)
    peaks = []
    while track.has_frame:
        peaks.append(max(array.array("h", take_frame(track))))
    assert len(peaks) == 4
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] <= 2500
    assert track.is_closed


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_any_cutting_of_the_sound_gives_the_same_frames(sizes: list[int]) -> None:
    """The pieces in which sound comes do not show in the frames."""
    pcm = array.array("h", (n % 30_000 for n in range(sum(sizes)))).tobytes()
    whole, cut = Track(), Track()
    whole.push(whole.begin_sentence("x"), pcm)
    index, at = cut.begin_sentence("x"), 0
    for size in sizes:
        cut.push(index, pcm[at : at + 2 * size])
        at += 2 * size
    frames: list[list[bytes]] = [[], []]
    for track, found in zip((whole, cut), frames, strict=True):
        track.end_sentence(0)
        track.finish()
        while track.has_frame:
            found.append(take_frame(track))
        assert track.is_done
    assert frames[0] == frames[1]
    assert b"".join(frames[0])[: len(pcm)] == pcm


def counting(samples: int) -> bytes:
    """Make sound in which no sample is like its neighbours."""
    return array.array("h", (n % 30_000 - 15_000 for n in range(samples))).tobytes()


def one_sentence(pcm: bytes) -> Track:
    track = Track()
    track.push(track.begin_sentence("A sentence."), pcm)
    track.end_sentence(0)
    track.finish()
    return track


@given(st.lists(st.sampled_from(["frame", "pause", "resume"]), max_size=60))
def test_no_sample_is_lost_by_pauses(steps: list[str]) -> None:
    """Paused and resumed at any frame, the sound that leaves is the sound that came, sample by sample.

    Only the frame after a pause rises from silence, since it would click.
    """
    pcm = counting(20 * SPEECH_FRAME_SAMPLES)
    track, left = one_sentence(pcm), b""
    for step in [*steps, "resume", *["frame"] * 20]:
        match step:
            case "pause":
                track.pause()
            case "resume":
                track.resume()
            case _ if track.has_frame:
                assert not track.is_paused
                assert track.played_samples == len(left) // 2
                assert track.loudness in (Loudness(), Loudness(0.0, 1.0))
                left += track.frame()
                track.advance()
    assert left == pcm


def test_sound_rises_from_silence_after_a_pause() -> None:
    """Within a frame, to where it was going; what has not begun yet begins as it is."""
    track = track_of(4)
    track.pause()
    track.resume()
    assert track.loudness == Loudness()
    take_frame(track)
    track.lower(0.2, 1)
    take_frame(track)
    track.pause()
    track.lower(1.0, 5)
    track.resume()
    assert track.loudness == Loudness(0.0, 1.0)
    take_frame(track)
    assert track.loudness == Loudness()


def test_what_follows_a_sentence_without_a_sound_was_heard() -> None:
    """The voice made nothing of the first one: the second was heard all the same, and so was a part of the third."""
    track = Track()
    for text, frames in (("One two.", 0), ("Three four.", 2), ("Five six.", 2)):
        index = track.begin_sentence(text)
        track.push(index, bytes(frames * SPEECH_FRAME_BYTES))
        track.end_sentence(index)
    for _ in range(3):
        take_frame(track)
    assert track.heard_text == "Three four. Five"


def test_a_frame_can_be_looked_at_again() -> None:
    """Looking plays nothing: the frame counts when it has left."""
    track = one_sentence(counting(3 * SPEECH_FRAME_SAMPLES))
    first = track.frame()
    assert track.frame() == first
    assert (track.played_samples, track.heard_text) == (0, "")
    track.advance()
    assert track.frame() != first
    assert track.played_samples == SPEECH_FRAME_SAMPLES


def test_a_lowered_track_goes_down_and_up_on_a_straight_line() -> None:
    """From full level to a fifth within three frames, without a step, and back to the very samples that came."""
    track = one_sentence(array.array("h", [10_000] * (12 * SPEECH_FRAME_SAMPLES)).tobytes())
    take_frame(track)
    track.lower(0.2, 3)
    down = b"".join(take_frame(track) for _ in range(5))
    track.lower(1.0, 2)
    up = b"".join(take_frame(track) for _ in range(3))
    levels = array.array("h", down + up)
    assert (levels[0], levels[3 * SPEECH_FRAME_SAMPLES], levels[-1]) == (10_000, 2_000, 10_000)
    assert max(abs(a - b) for a, b in pairwise(levels)) <= 10, "a step can be heard as a click"
    assert set(levels[-SPEECH_FRAME_SAMPLES:]) == {10_000}


def test_a_track_that_dies_away_cannot_be_raised_again() -> None:
    """The end is decided: what restores the level comes too late."""
    track = one_sentence(array.array("h", [10_000] * (12 * SPEECH_FRAME_SAMPLES)).tobytes())
    track.fade_out(3)
    take_frame(track)
    track.lower(1.0, 1)
    assert len(frames_of(track)) == 2
    assert track.is_closed


def test_the_work_for_a_frame_does_not_grow_with_the_sound_that_waits() -> None:
    """A minute of sound that came in one piece is passed on, frame by frame, by reading each byte once."""

    class Counted(bytes):
        read_bytes = 0

        def __getitem__(self, key):
            part = super().__getitem__(key)
            Counted.read_bytes += len(part)
            return part

    pcm = Counted(counting(3000 * SPEECH_FRAME_SAMPLES))
    assert b"".join(frames_of(one_sentence(pcm))) == pcm
    assert Counted.read_bytes == len(pcm), f"{Counted.read_bytes / len(pcm):.1f} bytes were read for each that came"
