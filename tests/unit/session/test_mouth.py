"""The mouth and the clock of all mouths: one task, each room in its own phase, nobody's fault another's silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import attrs
import pytest
import trio

from tests.support.voices import MemoryPort
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_FRAME_BYTES
from voxbridge.core.sound.track import Track
from voxbridge.session.counters import SessionCounters
from voxbridge.session.mouth import Mouth, Playing, PlayoutClock, Punctual

pytestmark = pytest.mark.unit

EXACT: Any = pytest.approx


def track_of(frames: int, *, finished: bool = True) -> Track:
    track = Track()
    index = track.begin_sentence("A sentence.")
    track.push(index, b"\x11\x01" * (frames * SPEECH_FRAME_BYTES // 2))
    if finished:
        track.end_sentence(index)
        track.finish()
    return track


@attrs.define
class Rooms:
    """Mouths on one clock."""

    clock: PlayoutClock
    lateness: list[float]

    def open(self, port: MemoryPort | None = None, counters: SessionCounters | None = None) -> tuple[MemoryPort, Mouth]:
        port = port or MemoryPort()
        mouth = Mouth(port, self.clock, counters)
        self.clock.add(mouth)
        return port, mouth


@asynccontextmanager
async def rooms() -> AsyncIterator[Rooms]:
    lateness: list[float] = []
    clock = PlayoutClock(lateness.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        yield Rooms(clock, lateness)
        nursery.cancel_scope.cancel()


def play(mouth: Mouth, track: Track) -> tuple[Playing, list[float]]:
    firsts: list[float] = []
    return mouth.play(track, firsts.append), firsts


async def test_each_room_keeps_its_own_phase(autojump_clock: trio.testing.MockClock) -> None:
    """Answers that begin 7 and 13 ms apart: the first frame of each leaves in its instant, the others 20 ms apart."""
    async with rooms() as all_of_them:
        offsets = (0.0, 0.007, 0.013)
        opened = []
        began = trio.current_time()
        for offset in offsets:
            await trio.sleep_until(began + offset)
            port, mouth = all_of_them.open()
            opened.append((port, *play(mouth, track_of(25))))
        for (port, playing, firsts), offset in zip(opened, offsets, strict=True):
            await playing.done.wait()
            assert firsts == [EXACT(began + offset, abs=1e-9)]
            assert [frame.at - began - offset for frame in port.frames] == EXACT(
                [n * FRAME_S for n in range(30)], abs=1e-9
            )
        assert max(all_of_them.lateness) == EXACT(0, abs=1e-9)


async def test_a_stall_is_told_as_lateness_and_made_up(autojump_clock: trio.testing.MockClock) -> None:
    """The loop stands still for 50 ms: the frames that were due leave at once, and the schedule holds."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        playing, _ = play(mouth, track_of(25))
        await trio.sleep(0.1)
        autojump_clock.jump(0.05)  # nobody ran meanwhile
        await playing.done.wait()
        assert max(all_of_them.lateness) == EXACT(0.05, abs=0.02)
        assert len(port.voice) == 25
        assert port.voice[-1].at - port.voice[0].at == EXACT(24 * FRAME_S, abs=1e-9)
        assert mouth.late_frames > 0


async def test_answers_are_played_one_after_the_other(autojump_clock: trio.testing.MockClock) -> None:
    """The second waits for the first and its five silence frames; never two frames in 20 ms."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        first, _ = play(mouth, track_of(10))
        second, firsts = play(mouth, track_of(10))
        began = trio.current_time()
        await second.done.wait()
        assert first.done.is_set()
        assert firsts == [EXACT(began + 15 * FRAME_S, abs=1e-9)]
        assert min(b.at - a.at for a, b in pairwise(port.frames)) == EXACT(FRAME_S, abs=1e-9)
        assert mouth.is_idle


async def test_a_queued_answer_that_is_closed_is_done_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """Who was cut while waiting for the mouth does not wait any longer, and makes no sound."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        play(mouth, track_of(10))
        track = track_of(10)
        second, firsts = play(mouth, track)
        track.close()
        mouth.changed()
        assert second.done.is_set()
        await trio.sleep(1)
        assert firsts == []
        assert len(port.voice) == 10


async def test_after_a_close_no_frame_leaves(autojump_clock: trio.testing.MockClock) -> None:
    """Closed at any instant, also in the very one of a tick: the next frame is silence."""
    for delay_s in (0.0, 0.01, 0.02, 0.05, 0.06):
        async with rooms() as all_of_them:
            port, mouth = all_of_them.open()
            track = track_of(50, finished=False)
            playing, _ = play(mouth, track)
            await trio.sleep(delay_s)
            count = len(port.voice)
            track.close()
            mouth.changed()
            await playing.done.wait()
            assert len(port.voice) == count, f"a frame left after the close at {delay_s} s"
            assert sum(frame.is_silence for frame in port.frames) == 5


class BrokenPort(MemoryPort):
    """A port with a bug that shows on some frames."""

    def __init__(self, broken: range) -> None:
        super().__init__()
        self._broken, self.calls = broken, 0

    def send_frame(self, opus: bytes) -> bool:
        self.calls += 1
        if self.calls in self._broken:
            raise RuntimeError("a bug in the port")
        return super().send_frame(opus)


@pytest.mark.parametrize("broken", [range(5, 6), range(1, 2), range(11, 16), range(1, 10_000)])
async def test_a_bug_in_one_room_silences_no_other(autojump_clock: trio.testing.MockClock, broken: range) -> None:
    """A port that raises costs its room that answer, and no other room a frame; the next answer is tried."""
    async with rooms() as all_of_them:
        bad, bad_mouth = all_of_them.open(BrokenPort(broken))
        good, good_mouth = all_of_them.open()
        failing, _ = play(bad_mouth, track_of(10))
        playing, _ = play(good_mouth, track_of(50))
        await playing.done.wait()
        assert len(good.voice) == 50
        assert failing.done.is_set(), "who waits for this answer waits for ever"
        assert bad_mouth.is_idle
        again, _ = play(bad_mouth, track_of(10))
        with trio.fail_after(10):
            await again.done.wait()
        if broken.stop < 10_000:
            assert len(bad.voice) >= 10


async def test_a_frame_that_did_not_leave_is_not_the_first_audio(autojump_clock: trio.testing.MockClock) -> None:
    """The socket refuses the first two frames: the answer is first heard at the third."""

    class FullSocket(MemoryPort):
        refused = 2

        def send_frame(self, opus: bytes) -> bool:
            if self.refused:
                self.refused -= 1
                return False
            return super().send_frame(opus)

    async with rooms() as all_of_them:
        _, mouth = all_of_them.open(FullSocket())
        began = trio.current_time()
        playing, firsts = play(mouth, track_of(10))
        await playing.done.wait()
        assert firsts == [EXACT(began + 2 * FRAME_S, abs=1e-9)]


class Refusing(MemoryPort):
    """A port that is open, and whose socket refuses these calls."""

    def __init__(self, refused: Callable[[int], bool]) -> None:
        super().__init__()
        self._refused, self.calls = refused, 0

    def send_frame(self, opus: bytes) -> bool:
        self.calls += 1
        return not self._refused(self.calls) and super().send_frame(opus)


async def test_what_the_socket_refuses_is_sent_again(autojump_clock: trio.testing.MockClock) -> None:
    """Nine of ten frames are refused: all leave in the end, none twice, and the timestamp is right for each."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open(Refusing(lambda call: call % 10 != 0))
        track = track_of(40)
        playing, _ = play(mouth, track)
        await playing.done.wait()
        assert len(port.voice) == 40, f"{len(port.voice)} of 40 frames left"
        assert track.is_played
        assert [(b.timestamp - a.timestamp) / 48_000 for a, b in pairwise(port.voice)] == EXACT([0.2] * 39, abs=1e-9)


async def test_what_did_not_leave_was_not_heard(autojump_clock: trio.testing.MockClock) -> None:
    """The socket dies in mid-answer: after ten seconds it is given up, and half of it counts as heard."""
    async with rooms() as all_of_them:
        counters = SessionCounters()
        port, mouth = all_of_them.open(Refusing(lambda call: call > 20), counters)
        track = track_of(40)
        track.sentences[0].text = "one two three four"
        began = trio.current_time()
        playing, _ = play(mouth, track)
        await playing.done.wait()
        assert trio.current_time() - began == EXACT(0.4 + 10.0 + 5 * FRAME_S, abs=0.03)
        assert (len(port.voice), playing.was_given_up, counters.dropped_answers) == (20, True, 1)
        assert track.heard_text == "one two"
        assert not track.is_played


async def test_a_paused_answer_waits_and_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """Paused for an hour, the answer is not given up; it goes on at once, and the others are played behind it."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        track = track_of(40)
        playing, _ = play(mouth, track)
        await trio.sleep(0.195)
        track.pause()
        mouth.changed()
        await trio.sleep(3600)
        assert len(port.voice) == 10
        track.resume()
        resumed_at = trio.current_time()
        mouth.changed()
        await playing.done.wait()
        assert (len(port.voice), track.is_played, playing.was_given_up) == (40, True, False)
        assert port.voice[10].at == resumed_at


async def test_a_shut_gate_is_waited_for_ten_seconds_by_each_answer(autojump_clock: trio.testing.MockClock) -> None:
    """What waits longer is given up and counted; one that comes an hour later has its own ten seconds."""
    async with rooms() as all_of_them:
        counters = SessionCounters()
        port, mouth = all_of_them.open(counters=counters)
        port.gate_open = False
        began = trio.current_time()
        playing, firsts = play(mouth, track_of(10))
        await playing.done.wait()
        assert trio.current_time() - began == EXACT(10.0, abs=0.05)
        assert (playing.was_given_up, firsts, counters.dropped_answers) == (True, [], 1)
        await trio.sleep(3600)
        later, _ = play(mouth, track_of(10))
        await trio.sleep(9)
        port.gate_open = True
        await later.done.wait()
        assert not later.was_given_up
        assert len(port.voice) == 10


async def test_a_gate_that_a_moderator_has_shut_is_waited_for_two_seconds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A mute is no mishap that passes: the answer is given up, so that it is written while somebody still waits."""
    async with rooms() as all_of_them:
        counters = SessionCounters()
        port, mouth = all_of_them.open(counters=counters)
        port.gate_open, port.is_silenced = False, True
        began = trio.current_time()
        playing, _ = play(mouth, track_of(10))
        await playing.done.wait()
        assert trio.current_time() - began == EXACT(2.0, abs=0.05)
        assert (playing.was_given_up, counters.dropped_answers) == (True, 1)


async def test_a_pause_of_the_gate_moves_the_timestamp(autojump_clock: trio.testing.MockClock) -> None:
    """The keys change in the middle of an answer: the RTP time goes on over the frames that could not leave."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        playing, _ = play(mouth, track_of(20))
        await trio.sleep(0.19)
        port.gate_open = False
        await trio.sleep(0.2)
        port.gate_open = True
        await playing.done.wait()
        frames = port.frames
        assert len(port.voice) == 20
        assert [(b.timestamp - a.timestamp) / 48_000 for a, b in pairwise(frames)] == EXACT(
            [b.at - a.at for a, b in pairwise(frames)], abs=1e-9
        )


ANNOUNCE_AFTER_S = 0.001  # the request for the sound goes first


async def test_speech_is_announced_ahead_of_its_first_frame(autojump_clock: trio.testing.MockClock) -> None:
    """Op 5 travels by TCP: it is sent while the sound is still being made, once, and ends with the burst."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        track = track_of(0, finished=False)
        began = trio.current_time()
        mouth.expect(track)
        await trio.sleep(0.04)
        track.push(0, b"\x11\x01" * (5 * SPEECH_FRAME_BYTES // 2))
        track.end_sentence(0)
        track.finish()
        playing, firsts = play(mouth, track)
        await playing.done.wait()
        assert firsts == [EXACT(began + 0.04, abs=1e-9)], "the announcement delayed the sound"
        announced, over = began + ANNOUNCE_AFTER_S, began + 0.04 + 10 * FRAME_S
        assert port.bursts == [(EXACT(announced, abs=1e-9), EXACT(over, abs=0.021))]


async def test_sound_that_comes_at_once_is_announced_with_its_first_frame(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A voice that needs no time: nothing waits for the announcement, which is made once."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        track = track_of(3)
        began = trio.current_time()
        mouth.expect(track)
        playing, firsts = play(mouth, track)
        await playing.done.wait()
        assert firsts == [began]
        assert [begin for begin, _ in port.bursts] == [began]


async def test_an_announcement_that_is_not_needed_any_more_is_not_made(autojump_clock: trio.testing.MockClock) -> None:
    """The voice failed in the moment before: nobody hears of it."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        track = track_of(0, finished=False)
        mouth.expect(track)
        track.close()
        mouth.changed()
        await trio.sleep(1)
        assert port.bursts == []


async def test_speech_that_was_announced_and_did_not_come_is_called_off(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The voice failed, or the user went on: the announcement does not stand for ever."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        first, second = track_of(0, finished=False), track_of(0, finished=False)
        mouth.expect(first)
        mouth.expect(second)
        began = EXACT(trio.current_time() + ANNOUNCE_AFTER_S, abs=1e-9)
        await trio.sleep(1)
        first.close()
        mouth.changed()
        assert port.bursts == [(began, None)], "the other one is still expected"
        await trio.sleep(1)
        second.finish()
        called_off = trio.current_time()
        mouth.changed()
        assert port.bursts == [(began, EXACT(called_off, abs=1e-9))]
        assert port.frames == []


async def test_the_clock_beats_though_nobody_speaks(autojump_clock: trio.testing.MockClock) -> None:
    """The watchdog asks for a beat: it comes at once, and proves that the task lives."""
    async with rooms() as all_of_them:
        began, beats = trio.current_time(), all_of_them.clock.beats
        await all_of_them.clock.beat()
        assert trio.current_time() == began
        assert all_of_them.clock.beats == beats + 1


async def test_a_mouth_that_was_taken_off_is_served_no_more(autojump_clock: trio.testing.MockClock) -> None:
    """We left the channel: nothing of it is kept by the clock."""
    async with rooms() as all_of_them:
        port, mouth = all_of_them.open()
        play(mouth, track_of(50))
        await trio.sleep(0.1)
        all_of_them.clock.remove(mouth)
        count = len(port.frames)
        await trio.sleep(1)
        assert len(port.frames) == count


async def test_a_frame_leaves_between_two_steps_of_a_round(autojump_clock: trio.testing.MockClock) -> None:
    """Twenty tasks that take 2 ms each have their turns in one round: a frame waits for one of them, not for all."""
    async with rooms() as hall:
        trio.lowlevel.add_instrument(Punctual(hall.clock))
        _, mouth = hall.open()
        play(mouth, track_of(50))

        async def busy() -> None:
            for _ in range(10):
                autojump_clock.jump(0.002)  # as work does that takes so long
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(busy)
    assert len(hall.lateness) >= 15
    assert max(hall.lateness) <= 0.002 + 1e-9, f"{max(hall.lateness) * 1000:.1f} ms late"
