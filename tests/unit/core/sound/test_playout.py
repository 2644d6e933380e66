"""The schedule of frames, by plain numbers."""

from __future__ import annotations

import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.sound.pcm import FRAME_S, SPEECH_FRAME_BYTES
from voxbridge.core.sound.playout import Begin, Done, End, Pause, Playout, PlayoutCommand, Silence, Speak, Track

pytestmark = pytest.mark.unit


def track_of(frames: int, *, finished: bool = True, sentences: int = 1) -> Track:
    """Make a track of ``frames`` in each of its sentences; the samples of sentence i are all i + 1."""
    track = Track()
    for number in range(sentences):
        index = track.begin_sentence(f"Sentence number {number}.")
        track.push(index, array.array("h", [number + 1] * (frames * SPEECH_FRAME_BYTES // 2)).tobytes())
        track.end_sentence(index)
    if finished:
        track.finish()
    return track


def play(playout: Playout, until: float) -> list[tuple[float, PlayoutCommand]]:
    """Tick whenever the playout asks for it; return its commands with their times."""
    done: list[tuple[float, PlayoutCommand]] = []
    while playout.next_due is not None and playout.next_due <= until:
        now = playout.next_due
        done += [(now, command) for command in playout.tick(now, can_send=True)]
    return done


def test_frames_leave_every_20_ms_from_the_instant_the_sound_came() -> None:
    """The first frame leaves at once, the n-th at t0 + 20n ms, then five silence frames."""
    playout = Playout()
    playout.load(track_of(3))
    playout.wake(1.003)
    commands = play(playout, 10)
    speaks = [at for at, command in commands if isinstance(command, Speak)]
    assert speaks == pytest.approx([1.003, 1.023, 1.043])
    silences = [at for at, command in commands if isinstance(command, Silence)]
    assert silences == pytest.approx([1.063 + n * FRAME_S for n in range(5)])
    assert [type(command) for _, command in commands][:2] == [Begin, Speak]
    assert [type(command) for _, command in commands][-2:] == [End, Done]
    assert playout.is_idle


def test_after_close_no_frame_leaves() -> None:
    """A closed track swallows what waits and what comes; the tail of silence follows in the next 20 ms."""
    playout, track = Playout(), track_of(50, finished=False)
    playout.load(track)
    playout.wake(0.0)
    play(playout, 0.1)
    track.close()
    track.push(0, bytes(SPEECH_FRAME_BYTES))
    commands = play(playout, 10)
    assert not [c for _, c in commands if isinstance(c, Speak)]
    assert len([c for _, c in commands if isinstance(c, Silence)]) == 5


def test_a_pause_in_the_sound_advances_the_timestamp() -> None:
    """After an underrun the burst ends, and the next begins with the frames that were not sent."""
    playout, track = Playout(), track_of(2, finished=False)
    playout.load(track)
    playout.wake(0.0)
    play(playout, 5.0)
    index = track.begin_sentence("More.")
    track.push(index, bytes(2 * SPEECH_FRAME_BYTES))
    track.finish()
    playout.wake(1.0)
    commands = play(playout, 5.0)
    # The last silence frame left at 0.12 s: 0.14 .. 0.98 were not sent.
    assert commands[0][1] == Begin(43)
    assert commands[0][0] == 1.0


def test_a_late_tick_is_made_up_at_most_three_frames_at_a_time() -> None:
    """After a short stall the missed frames leave at once; after a long one the schedule starts anew."""
    playout = Playout()
    playout.load(track_of(100))
    playout.wake(0.0)
    play(playout, 0.1)
    assert len([c for c in playout.tick(0.16, can_send=True) if isinstance(c, Speak)]) == 3
    assert playout.next_due == pytest.approx(0.18)
    playout.tick(1.16, can_send=True)
    assert playout.rebased == 1
    assert playout.next_due == pytest.approx(1.18)


def test_a_shut_gate_holds_the_sound() -> None:
    """Nothing is lost and nothing leaves while the port cannot send."""
    playout, track = Playout(), track_of(5)
    playout.load(track)
    playout.wake(0.0)
    assert playout.tick(0.0, can_send=False) == []
    assert playout.next_due == pytest.approx(0.02)
    assert track.queued_s == pytest.approx(0.1)
    assert len([c for _, c in play(playout, 5) if isinstance(c, Speak)]) == 5


def test_a_gate_that_shuts_within_a_burst_makes_a_pause() -> None:
    """The frames that could not leave are counted into the timestamp, and no second burst is announced."""
    playout = Playout()
    playout.load(track_of(20))
    playout.wake(0.0)
    play(playout, 0.1)  # the sixth frame leaves at 0.1
    while playout.next_due is not None and playout.next_due < 0.3 - 1e-9:
        playout.tick(playout.next_due, can_send=False)
    commands = [command for _, command in play(playout, 5)]
    assert commands[0] == Pause(9), "0.12 .. 0.28 were not sent"
    assert not [c for c in commands if isinstance(c, Begin)]
    assert len([c for c in commands if isinstance(c, Speak)]) == 14


def test_heard_text_counts_whole_words_by_the_share_played() -> None:
    """What was heard: whole sentences that were played, and the words of the broken one in proportion."""
    track = Track()
    for text in ("One two three four.", "Five six seven eight."):
        index = track.begin_sentence(text)
        track.push(index, bytes(4 * SPEECH_FRAME_BYTES))
        track.end_sentence(index)
    for _ in range(6):
        track.take_frame()
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
    assert set(array.array("h", track.take_frame())) == {1}
    assert not track.has_frame, "the second sentence began before the first was known to be over"
    track.end_sentence(first)
    assert set(array.array("h", track.take_frame())) == {2}


def test_a_track_can_end_with_the_sentence_that_is_played() -> None:
    """Sound of later sentences is thrown away, also what comes after; the track is done at the sentence's end."""
    track = track_of(4, finished=False, sentences=3)
    track.take_frame()
    track.stop_after_sentence()
    track.push(2, bytes(SPEECH_FRAME_BYTES))
    samples = set()
    while track.has_frame:
        samples |= set(array.array("h", track.take_frame()))
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
        peaks.append(max(array.array("h", track.take_frame())))
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
            found.append(track.take_frame())
        assert track.is_done
    assert frames[0] == frames[1]
    assert b"".join(frames[0])[: len(pcm)] == pcm
