"""The schedule of frames, by plain numbers."""

from __future__ import annotations

import pytest

from tests.support.tracks import track_of
from voxbridge.core.sound.bed import BedSound
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_FRAME_BYTES
from voxbridge.core.sound.playout import Begin, Done, Dry, End, Hum, Pause, Playout, PlayoutCommand, Silence, Speak

pytestmark = pytest.mark.unit


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
    list(playout.tick(1.16, can_send=True))
    assert playout.rebased == 1
    assert playout.next_due == pytest.approx(1.18)


def test_a_shut_gate_holds_the_sound() -> None:
    """Nothing is lost and nothing leaves while the port cannot send."""
    playout, track = Playout(), track_of(5)
    playout.load(track)
    playout.wake(0.0)
    assert list(playout.tick(0.0, can_send=False)) == []
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
        list(playout.tick(playout.next_due, can_send=False))
    commands = [command for _, command in play(playout, 5)]
    assert commands[0] == Pause(9), "0.12 .. 0.28 were not sent"
    assert not [c for c in commands if isinstance(c, Begin)]
    assert len([c for c in commands if isinstance(c, Speak)]) == 14


def test_a_frame_that_could_not_leave_is_the_next_one_again() -> None:
    """Not a sample is lost or counted as played, and the timestamp goes on over the frames that were refused."""
    track = track_of(6)
    playout = Playout()
    playout.load(track)
    playout.wake(0.0)
    left: list[bytes] = []
    skipped = refused = 0
    while playout.next_due is not None:
        now = playout.next_due
        for command in playout.tick(now, can_send=True):
            if isinstance(command, Pause):
                skipped += command.frames
            if isinstance(command, Speak) and 0.03 < now < 0.11:
                refused += 1
                assert track.played_samples == 2 * SPEECH_FRAME_BYTES // 2
                playout.stayed()
            elif isinstance(command, Speak):
                left.append(command.pcm)
    assert (refused, skipped, len(left)) == (4, 4, 6)
    assert track.is_played


def test_a_burst_of_late_frames_ends_with_the_first_that_cannot_leave() -> None:
    """After a stall three frames are due at once: when the first is refused, the second does not overtake it."""
    playout = Playout()
    playout.load(track_of(10))
    playout.wake(0.0)
    asked = 0
    for command in playout.tick(0.1, can_send=True):
        if isinstance(command, Speak):
            asked += 1
            playout.stayed()
    assert asked == 1
    assert playout.next_due == pytest.approx(0.12)
    assert playout.held_since == 0.1


def test_a_paused_track_ends_the_burst_and_goes_on_with_the_next_sample() -> None:
    """A pause is five frames of silence and then nothing; the resumed track begins a burst of its own at once."""
    track = track_of(10)
    playout = Playout()
    playout.load(track)
    playout.wake(0.0)
    play(playout, 0.05)
    track.pause()
    paused = [command for _, command in play(playout, 5.0)]
    assert [type(command) for command in paused] == [Dry] + [Silence] * 5 + [End]
    assert playout.next_due is None
    assert track.played_samples == 3 * SPEECH_FRAME_BYTES // 2
    track.resume()
    playout.wake(2.0)
    resumed = play(playout, 5.0)
    assert resumed[0] == (2.0, Begin(92)), "0.16 .. 1.98 were not sent"
    assert len([c for _, c in resumed if isinstance(c, Speak)]) == 7
    assert playout.is_idle


LOOP = BedSound(bytes(range(256)) * (90 * SPEECH_FRAME_BYTES // 256))


def test_an_answer_does_not_wait_for_a_hum() -> None:
    """It leaves in the instant in which its sound came, and the hum dies away below its first 60 ms."""
    playout = Playout()
    playout.bed.begin(None, LOOP, 15)
    playout.hum(1.0)
    hums = play(playout, 1.1)
    assert [at for at, command in hums if isinstance(command, Hum)] == pytest.approx(
        [1.0 + n * FRAME_S for n in range(6)]
    )
    assert not [command for _, command in hums if isinstance(command, Speak | Dry)]
    playout.load(track_of(10))
    playout.wake(1.103)
    answer = [(at, command) for at, command in play(playout, 10) if isinstance(command, Speak)]
    assert [at for at, _ in answer] == pytest.approx([1.103 + n * FRAME_S for n in range(10)])
    under = [command.under for _, command in answer]
    assert [each is not None for each in under] == [True, True, True] + [False] * 7
    assert under[2] is not None
    assert under[2].loudness.end == 0
    assert playout.is_idle


def test_the_timestamps_make_up_for_an_answer_that_did_not_wait() -> None:
    """Its timestamps are 17 ms before the clock: the next pause is shorter by that, so that it does not add up."""
    playout = Playout()
    stamp, ahead = 0, []
    for number in range(20):
        at = 10.0 * number
        playout.bed.begin(None, LOOP, 15)
        playout.hum(at)
        commands = play(playout, at + 0.1)
        playout.load(track_of(10))
        playout.wake(at + 0.103)
        for when, command in [*commands, *play(playout, at + 9)]:
            match command:
                case Begin(frames):
                    stamp += frames
                    ahead.append(stamp * FRAME_S - when)
                case Pause(frames):
                    stamp += frames
                case Speak() | Hum() | Silence():
                    stamp += 1
    assert max(ahead) - min(ahead) <= FRAME_S


def test_a_hum_that_is_over_is_followed_by_silence() -> None:
    """Five silence frames, as behind speech; and nothing of it where no frame can leave."""
    playout = Playout()
    playout.bed.begin(None, LOOP, 15)
    playout.hum(1.0)
    play(playout, 1.1)
    playout.bed.fade(5)
    kinds = [type(command).__name__ for _, command in play(playout, 10)]
    assert kinds == ["Hum"] * 5 + ["Silence"] * 5 + ["End"]
    playout.bed.begin(None, LOOP, 15)
    playout.hum(20.0)
    assert list(playout.tick(20.0, can_send=False)) == []
    assert playout.is_idle
