"""One turn, ended at every step of the scheduler: nothing is left, nothing sounds, and the next turn is well."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.scheduling import over_seeds
from voxbridge.core.ids import UserId
from voxbridge.session.report import Outcome, TurnReport

pytestmark = pytest.mark.integration

How = Literal["barge-in", "left", "drain"]
ADA = UserId(1)
SPEECH_FRAMES = 10
ENDS: dict[How, set[Outcome]] = {
    "barge-in": {"interrupted", "answered"},
    "left": {"cancelled", "answered"},
    "drain": {"cancelled", "answered"},
}


class StrikeAtStep(trio.abc.Instrument):
    """Counts the scheduler's steps while a turn is open, and strikes just before the ``step``-th."""

    def __init__(self, hall: Hall, step: int, strike: Callable[[], None]) -> None:
        self._hall, self._step, self._strike = hall, step, strike
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
        if self._hall.room.open_turns:
            self.count += 1
            if self.count == self._step:
                self._strike()


def tasks_below(nursery: trio.Nursery) -> int:
    """Count the tasks in a nursery, and in theirs."""
    return sum(1 + sum(map(tasks_below, task.child_nurseries)) for task in nursery.child_tasks)


async def one_turn(hall: Hall) -> None:
    number = len(hall.reports)
    await hall.say(ADA, SPEECH_FRAMES)
    report = await hall.wait_report(number)
    assert report.outcome == "answered", f"the next turn was {report.outcome}: {report.error}"
    assert report.spoken == report.answer


@attrs.define
class Run:
    """What a run found out: how many steps the turn had (up to the strike's end), and the tasks at rest after it."""

    steps: int = 0
    was_struck: bool = False
    tasks: int = 0


async def strike_and_look(how: How, step: int, run: Run) -> None:
    """End a turn at this step, check that nothing of it is left, and have another one."""
    async with open_hall(stt_s=0.03, agent_s=0.04, tts_s=0.01, answer="Yes. No.") as hall:
        hall.stt.script.text = "hm"
        hall.port.join(ADA)
        await trio.sleep(1)
        voiced = 0
        is_struck, is_drained = trio.Event(), trio.Event()

        def strike() -> None:
            nonlocal voiced
            if how == "barge-in":
                for turn in hall.room.turns:
                    turn.cut("barge-in")
                voiced = len(hall.port.voice)
            elif how == "left":
                hall.port.leave(ADA)
            is_struck.set()

        async def drain_when_struck() -> None:
            await is_struck.wait()
            await hall.room.drain(5.0)
            is_drained.set()

        instrument = StrikeAtStep(hall, step, strike)
        if how == "drain":
            hall.nursery.start_soon(drain_when_struck)
        trio.lowlevel.add_instrument(instrument)
        await hall.say(ADA, SPEECH_FRAMES)
        report = await hall.wait_report(0)
        trio.lowlevel.remove_instrument(instrument)
        run.steps, run.was_struck = instrument.count, is_struck.is_set()
        if run.was_struck:
            if how == "drain":
                await is_drained.wait()
            if how != "barge-in":
                voiced = len(hall.port.voice)
            await look(hall, how, report, voiced)
            if how == "left":
                hall.port.join(ADA)
                await trio.sleep(1)
        else:
            assert report.outcome == "answered"
        if how != "drain":
            await one_turn(hall)
            await trio.sleep(2)
        run.tasks = tasks_below(hall.nursery)
    assert hall.net is not None
    hall.net.assert_all_closed()


async def look(hall: Hall, how: How, report: TurnReport, voiced: int) -> None:
    """Check that the turn is over in every respect."""
    await trio.sleep(2)
    assert report.outcome in ENDS[how], f"{how} made the turn {report.outcome}: {report.error}"
    assert len(hall.reports) == 1, f"{len(hall.reports)} reports of one turn"
    assert len(hall.port.voice) == voiced, f"a frame left after {how}, at {hall.port.voice[-1].at}"
    assert hall.room.open_turns == 0
    assert hall.room.mouth.is_idle, "the mouth is not at rest"
    assert all(ended is not None for _, ended in hall.port.bursts), "we are still announced as speaking"
    assert hall.agent.running_runs == 0
    assert len(hall.room.speakers) == (1 if how == "barge-in" else 0)


# A cut is swept over every step. The others reach the turn through a task of their own, a few steps later: every
# third step with its own order of tasks meets the same instants.
@pytest.mark.parametrize(("how", "stride"), [("barge-in", 1), ("left", 3), ("drain", 3)])
def test_a_turn_may_end_at_any_step(how: How, stride: int) -> None:
    """After a cut, a departure or a drain at any instant: no frame, task, socket or stream, and the next turn works."""
    undisturbed = Run()
    over_seeds(functools.partial(strike_and_look, how, 0, undisturbed), [0])
    assert undisturbed.steps > 100, f"only {undisturbed.steps} steps: the sweep saw nothing"
    struck = 0
    for step in range(1, 2 * undisturbed.steps, stride):
        run = Run()
        try:
            over_seeds(functools.partial(strike_and_look, how, step, run), [step])
        except BaseException as error:
            error.add_note(f"{how} at step {step}")
            raise
        if not run.was_struck:
            break
        struck += 1
        assert run.tasks == undisturbed.tasks or how == "drain", (
            f"{run.tasks - undisturbed.tasks} tasks were left by {how} at step {step}"
        )
    assert struck * stride > undisturbed.steps / 2, f"the sweep ended after {struck} strikes"
