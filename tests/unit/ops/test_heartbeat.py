"""The watchdog is petted while everything moves, and only then: in virtual time, on a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio

from voxbridge.ops.heartbeat import pet_watchdog, silent_sides
from voxbridge.ops.notify import Notifier
from voxbridge.ops.stalls import StallWatch
from voxbridge.ops.statusline import follow_status
from voxbridge.session.mouth import PlayoutClock

pytestmark = pytest.mark.unit


class Manager:
    """A service manager that notes what it hears."""

    def __init__(self, listener: socket.socket, notifier: Notifier) -> None:
        self.notifier = notifier
        self._listener = listener

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._listener.recv(65_536).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "n"))
        listener.setblocking(False)
        with closing(Notifier(str(tmp_path / "n"), watchdog_s=10.0)) as notifier:
            yield Manager(listener, notifier)


class Side:
    """Something that beats until it is told to hang."""

    def __init__(self) -> None:
        self.hangs = False

    async def beat(self) -> None:
        if self.hangs:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()


async def test_petted_twice_a_period_while_all_sides_beat(autojump_clock, manager: Manager, nursery) -> None:
    """Every WATCHDOG_USEC/2; a side that hangs stops it, and it goes on when the side does."""
    side = Side()
    nursery.start_soon(pet_watchdog, manager.notifier, {"playout": side.beat, "asyncio": Side().beat})
    await trio.sleep(21.0)
    assert manager.heard() == ["WATCHDOG=1"] * 5  # at 0, 5, 10, 15, 20
    side.hangs = True
    await trio.sleep(30.0)
    assert manager.heard() == [], "a daemon whose playout hangs was said to be alive"
    side.hangs = False
    await trio.sleep(10.0)
    assert manager.heard() == ["WATCHDOG=1"] * 2


async def test_without_a_watchdog_nobody_is_asked(manager: Manager) -> None:
    """Outside systemd, or with WatchdogSec= unset, the task ends at once."""
    await pet_watchdog(Notifier(""), {"playout": trio.sleep_forever})
    assert manager.heard() == []


async def test_silent_sides_are_named(autojump_clock) -> None:
    """All of them, after the limit and no later."""
    began = trio.current_time()
    silent = await silent_sides({"a": trio.sleep_forever, "b": Side().beat, "c": trio.sleep_forever}, 0.8)
    took_s = trio.current_time() - began
    assert silent == ["a", "c"]
    assert took_s == pytest.approx(0.8)
    assert await silent_sides({"b": Side().beat}, 0.8) == []


async def test_playout_clock_beats_when_nobody_speaks(autojump_clock, nursery) -> None:
    """It sleeps until something is due; asked, it goes round once. One that does not run does not beat."""
    clock = PlayoutClock()
    assert await silent_sides({"playout": clock.beat}, 1.0) == ["playout"]
    nursery.start_soon(clock.run)
    await trio.sleep(100)
    before = clock.beats
    assert await silent_sides({"playout": clock.beat}, 1.0) == []
    assert clock.beats > before


async def test_status_follows_at_most_once_a_second(autojump_clock, manager: Manager, nursery) -> None:
    """Changes within a second are one message; without a change there is none."""
    line = "starting"
    nursery.start_soon(follow_status, manager.notifier, lambda: line)
    await trio.sleep(0.1)
    for number in range(8):
        line = f"ready; {number} turns"
        await trio.sleep(0.1)
    assert manager.heard() == ["STATUS=starting"]
    await trio.sleep(10)
    assert manager.heard() == ["STATUS=ready; 7 turns"]


async def test_a_step_that_keeps_the_others_waiting_is_a_stall() -> None:
    """Real time: a task that computes for 30 ms is measured, one that awaits is not."""
    stalls: list[float] = []
    watch = StallWatch(stalls.append, limit_s=0.02)
    trio.lowlevel.add_instrument(watch)
    try:
        await trio.sleep(0.05)
        assert stalls == []
        began = trio.current_time()
        while trio.current_time() - began < 0.03:
            pass
        await trio.lowlevel.checkpoint()
    finally:
        trio.lowlevel.remove_instrument(watch)
    assert len(stalls) == 1
    assert 0.03 <= stalls[0] < 1.0, f"a stall of 30 ms was measured as {stalls[0] * 1000:.0f} ms"
