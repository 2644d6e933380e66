"""The turn model is asked while there is time for it, and stands back behind hearing."""

from __future__ import annotations

import contextlib
import os
import threading

import numpy as np
import pytest
import trio

from voxbridge.audio.mel import Floats
from voxbridge.audio.turn_model import TurnModel
from voxbridge.session.counters import SessionCounters
from voxbridge.session.judge import TurnJudge

pytestmark = pytest.mark.integration


class SlowModel:
    """Takes as long as it is told, and notes in which thread."""

    def __init__(self) -> None:
        self.may_end, self.has_begun = threading.Event(), threading.Event()
        self.nice: list[int] = []
        self.nice_of_python: list[int] = []

    def features(self, pcm: bytes) -> Floats:
        self.nice_of_python.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return np.full(1, len(pcm) / 10, np.float32)

    def give_up(self) -> None:
        self.may_end.set()

    def judge(self, features: Floats) -> float:
        self.nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self.has_begun.set()
        assert self.may_end.wait(10)
        return float(features[0])


async def test_its_threads_get_what_nobody_else_wants() -> None:
    """The network runs at the lowest priority, whatever that of the daemon; what holds Python's lock does not."""
    model = SlowModel()
    model.may_end.set()
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert await TurnJudge(model, SessionCounters())(b"12345") == 0.5
    assert (model.nice, model.nice_of_python) == ([19], [before])
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_what_there_is_no_time_for_is_shed_and_counted(nursery) -> None:
    """With one verdict under way the next one is not begun, also when nobody waits for the first any more."""
    model, counters = SlowModel(), SessionCounters()
    judge = TurnJudge(model, counters, at_once=1)
    async with trio.open_nursery() as first:
        first.start_soon(judge, b"12345")
        await trio.to_thread.run_sync(model.has_begun.wait, 10)
        first.cancel_scope.cancel()
    assert await judge(b"12345") == "shed"
    assert counters.turn_model_shed == 1
    model.may_end.set()
    with trio.fail_after(5):
        while await judge(b"1234567890") == "shed":  # noqa: ASYNC110 - the thread has no event for it
            await trio.sleep(0.005)
    assert len(model.nice) == 2


async def test_a_loop_that_is_behind_begins_none(nursery) -> None:
    """When a round of the loop takes 30 ms, the model is left alone."""
    model, counters = SlowModel(), SessionCounters()
    model.may_end.set()
    judge = TurnJudge(model, counters)

    never = threading.Event()

    async def busy() -> None:
        while True:
            never.wait(0.03)  # blocks the loop, as too much work does
            await trio.lowlevel.checkpoint()

    nursery.start_soon(busy)
    await trio.lowlevel.checkpoint()
    assert await judge(b"12345") == "shed"
    assert counters.turn_model_shed == 1
    assert model.nice == []
    nursery.cancel_scope.cancel()


async def test_at_the_end_a_verdict_that_is_under_way_keeps_nobody() -> None:
    """Closed in the middle of the real network's work, its thread ends, and what asked it is not answered."""
    model = TurnModel()
    features = model.features(bytes(32_000))
    running = threading.Event()

    def judge_on_and_on() -> None:
        with contextlib.suppress(Exception):  # onnxruntime has no public name for what it raises
            while True:
                running.set()
                model.judge(features)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, judge_on_and_on)
        await trio.to_thread.run_sync(running.wait)
        with trio.fail_after(10):
            while nursery.child_tasks:
                model.give_up()  # it may be between two of them
                await trio.sleep(0.01)


async def test_a_closed_judge_lets_its_threads_go() -> None:
    """What is under way when the daemon ends is given up; nothing is begun after that."""
    model = SlowModel()
    judge = TurnJudge(model, SessionCounters(), at_once=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(judge, b"12345")
        await trio.to_thread.run_sync(model.has_begun.wait, 10)
        judge.close()
        assert model.may_end.is_set()
        nursery.cancel_scope.cancel()
