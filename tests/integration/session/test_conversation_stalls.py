"""What a busy machine does to hearing: sound that waits in the socket is no pause, a packet is no task switch."""

from __future__ import annotations

from collections import Counter

import pytest
import trio
import trio.testing

from tests.support.hall import open_hall
from tests.support.voices import tone_packets

pytestmark = pytest.mark.integration


async def test_sound_that_waits_in_the_socket_is_no_pause(autojump_clock: trio.testing.MockClock) -> None:
    """The reader has no turn for 0.8 s in mid-speech, longer than the silence that ends a turn: it is one utterance."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        began = trio.current_time()
        await hall.port.speak(ada, tone_packets(100)[:20])
        with hall.port.stalled():
            await hall.port.speak(ada, tone_packets(100)[20:60])
        last = await hall.port.speak(ada, tone_packets(100)[60:])
        report = await hall.wait_report(0)
        await trio.sleep(5)
        assert len(hall.reports) == 1, f"one utterance became {len(hall.reports)}"
        assert report.marks["speech_end"] - report.marks["speech_start"] == pytest.approx(last - began, abs=0.04)


async def test_a_packet_wakes_no_task_of_the_room(autojump_clock: trio.testing.MockClock) -> None:
    """From datagram to endpointing in one call: of a second's 50 packets only the line's tasks know, and the sleeper
    that lets time pass for the ear, each 120 ms."""
    steps: Counter[str] = Counter()

    class Counting(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            steps[task.name.rpartition("session.")[2]] += 1

    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.port.speak(ada, tone_packets(100)[:30])
        counting = Counting()
        trio.lowlevel.add_instrument(counting)
        await hall.port.speak(ada, tone_packets(100)[30:80])
        trio.lowlevel.remove_instrument(counting)
    in_the_room = {name: count for name, count in steps.items() if name.startswith(("room", "speaker", "hearing"))}
    assert sum(in_the_room.values()) <= 9, f"50 packets cost {in_the_room} steps"
