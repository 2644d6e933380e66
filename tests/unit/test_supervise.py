"""The supervisor: a crash is contained, a cancel passes, and both at once part ways."""

from __future__ import annotations

import pytest
import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.supervise import supervise

pytestmark = pytest.mark.unit


async def test_a_crash_is_tried_again_after_the_backoff(autojump_clock: trio.testing.MockClock) -> None:
    """Two crashes, then a good run: True, after 0.5 s and 1 s."""
    began = [trio.current_time()]

    async def run() -> None:
        await trio.lowlevel.checkpoint()
        began.append(trio.current_time())
        if len(began) < 4:
            raise RuntimeError("a bug")

    assert await supervise("task", run, backoff=Backoff(circuit=5))
    assert [at - began[0] for at in began[1:]] == pytest.approx([0.0, 0.5, 1.5], abs=1e-9)


async def test_what_crashes_too_often_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """The circuit opens: False, and nobody else is touched."""
    count = 0

    async def run() -> None:
        nonlocal count
        await trio.lowlevel.checkpoint()
        count += 1
        raise RuntimeError("a bug")

    assert not await supervise("task", run, backoff=Backoff(circuit=3))
    assert count == 3


async def test_a_cancel_passes(autojump_clock: trio.testing.MockClock) -> None:
    """A cancelled child is not started again."""
    with trio.move_on_after(1) as scope:
        await supervise("task", trio.sleep_forever)
    assert scope.cancelled_caught


@pytest.mark.parametrize("depth", [0, 2])
async def test_a_crash_in_the_instant_of_a_cancel_does_not_reach_the_parent(
    autojump_clock: trio.testing.MockClock, depth: int
) -> None:
    """One child raises as another is cancelled: the group holds both. The cancel goes on, the crash stays here."""

    async def crash_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("a bug in a cleanup")

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash_when_cancelled)
            nursery.start_soon(nested, depth)
            await trio.sleep_forever()

    async def nested(levels: int) -> None:
        async with trio.open_nursery() as nursery:
            if levels:
                nursery.start_soon(nested, levels - 1)
            await trio.sleep_forever()

    async with trio.open_nursery() as siblings:
        with trio.CancelScope() as stay:
            siblings.start_soon(trio.sleep, 5)

            @siblings.start_soon
            async def _() -> None:
                await trio.sleep(1)
                stay.cancel(reason="left")

            await supervise("task", run)
        assert stay.cancelled_caught
    assert trio.current_time() == pytest.approx(5), "the sibling was cancelled with it"


async def test_a_keyboard_interrupt_passes(autojump_clock: trio.testing.MockClock) -> None:
    """It is nobody's crash, not even inside a group with one."""

    async def run() -> None:
        await trio.lowlevel.checkpoint()
        raise BaseExceptionGroup("both", [RuntimeError("a bug"), KeyboardInterrupt()])

    with pytest.raises(BaseExceptionGroup) as caught:
        await supervise("task", run)
    assert [type(error) for error in caught.value.exceptions] == [KeyboardInterrupt]
