"""Timers in virtual time."""

from __future__ import annotations

import pytest
import trio

from voxbridge.rehearsal.discord.record import Record
from voxbridge.rehearsal.discord.timers import Timers

pytestmark = pytest.mark.unit


async def test_timers_run_in_order_of_their_times(autojump_clock, nursery):
    """Each action runs exactly when it is due, whatever the order in which they were set."""
    timers, ran = Timers(), []
    nursery.start_soon(timers.run)
    start = trio.current_time()

    def note(name):
        return lambda: ran.append((name, trio.current_time() - start))

    timers.after(3, note("late"))
    await trio.sleep(0.5)
    timers.after(0.5, note("early"))
    timers.after(0, note("now"))
    cancelled = timers.after(2, note("never"))
    timers.cancel(cancelled)
    await trio.sleep(5)
    timers.cancel(cancelled)
    assert [name for name, _ in ran] == ["now", "early", "late"]
    assert [at for _, at in ran] == pytest.approx([0.5, 1, 3], abs=1e-9)


async def test_timer_set_by_a_timer_runs(autojump_clock, nursery):
    """An action may set the next one."""
    timers, ran = Timers(), []
    nursery.start_soon(timers.run)

    def set_another() -> None:
        timers.after(1, lambda: ran.append(trio.current_time()))

    timers.after(1, set_another)
    start = trio.current_time()
    await trio.sleep(3)
    assert ran == pytest.approx([start + 2], abs=1e-9)


async def test_wait_until_wakes_on_a_change(autojump_clock, nursery):
    """The record wakes its waiters at once, not at a next poll."""
    record = Record()
    timers = Timers()
    nursery.start_soon(timers.run)
    timers.after(0.005, lambda: record.fault("seen"))
    start = trio.current_time()
    await record.wait_until(lambda: bool(record.faults), timeout_s=1)
    assert trio.current_time() - start == pytest.approx(0.005, abs=1e-9)


async def test_wait_until_tells_what_was_seen_when_it_gives_up(autojump_clock):
    """A failing test says what happened instead."""
    record = Record()
    record.fault("strange_thing")
    with pytest.raises(trio.TooSlowError, match="strange_thing"):
        await record.wait_until(lambda: False, timeout_s=1)


async def test_wait_until_sees_what_nobody_announces(autojump_clock, nursery):
    """Conditions on a client's own state are looked at again by the clock."""
    flag = []

    async def set_flag():
        await trio.sleep(0.5)
        flag.append(1)

    nursery.start_soon(set_flag)
    start = trio.current_time()
    await Record().wait_until(lambda: bool(flag), timeout_s=1)
    assert trio.current_time() - start < 0.53
