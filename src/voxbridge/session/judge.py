"""The turn model as the conversation asks it: in a thread of its own, and only while there is time for it.

It is the first work to be shed. A verdict takes 70 to 140 ms of a core and is of use for 300 ms (between the guess and
the commit); without one the ordinary silence decides. Hearing must not wait for it: at 30 to 40 speakers on one core
these threads once took the core from the loop, and three packets of four were lost. So its threads get what nobody
else wants (nice 19), there are few of them, and none is begun while the loop is behind.

Such a thread must not hold Python's lock: on a busy core it comes to run once in a tenth of a second, and whoever
waits for the lock waits with it (the loop stood still for 130 ms). So what is Python of a verdict is done by a thread
of the ordinary kind, and the other one does the network alone, which needs no lock.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Protocol

import trio

from voxbridge.audio.mel import Floats
from voxbridge.audio.turn_model import TurnModel
from voxbridge.session.counters import SessionCounters
from voxbridge.session.utterance import Verdict

_NICE = 19
# More than two at once would come too late on the machines that we know; on one core one is all there is time for.
_AT_ONCE_MAX = 2
# A round of the loop takes up to 4 ms of hearing (eight datagrams); more means that something waits.
_ROUND_MAX_S = 0.012


async def no_judge(_pcm: bytes) -> Verdict:
    """Have no opinion: every turn ends at the ordinary silence."""
    return None


class Completion(Protocol):
    """The turn model, in two steps, each of which blocks."""

    def features(self, pcm: bytes) -> Floats:
        """Return what the network looks at of 16 kHz mono s16le sound: a millisecond or two."""
        ...

    def judge(self, features: Floats) -> float:
        """Return the probability that the speaker has finished: 50 to 140 ms, without Python's lock."""
        ...

    def give_up(self) -> None:
        """Let ``judge`` end soon, wherever it runs; it may raise then."""


class TurnJudge:
    """Asks the turn model, or says that it has no time for it. Used on Trio's thread."""

    def __init__(self, model: Completion, counters: SessionCounters, *, at_once: int | None = None) -> None:
        """``at_once``: so many verdicts at a time; by default as many as there are cores, two at most."""
        self._model, self._counters = model, counters
        self._at_once = at_once or min(_AT_ONCE_MAX, _cores())
        self._threads = ThreadPoolExecutor(self._at_once, "turn model", initializer=_stand_back)
        self._busy = 0

    def close(self) -> None:
        """Let what is under way end soon: at the end of the process Python waits for its threads.

        At their low priority a verdict that nobody wants any more took 15 s on a busy machine.
        """
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._model.give_up()

    async def __call__(self, pcm: bytes) -> Verdict:
        """Return the probability that the speaker has finished (16 kHz mono s16le in), or "shed"."""
        if self._busy >= self._at_once or await _round_s() > _ROUND_MAX_S:
            self._counters.turn_model_shed += 1
            return "shed"
        features = await trio.to_thread.run_sync(self._model.features, pcm)
        if self._busy >= self._at_once:  # another one was faster
            self._counters.turn_model_shed += 1
            return "shed"
        token, is_done = trio.lowlevel.current_trio_token(), trio.Event()

        def done() -> None:
            self._busy -= 1
            is_done.set()

        def tell(_future: object) -> None:
            with contextlib.suppress(trio.RunFinishedError):  # the daemon has ended meanwhile
                token.run_sync_soon(done)

        self._busy += 1
        verdict = self._threads.submit(self._model.judge, features)
        verdict.add_done_callback(tell)
        try:
            # Abandoned when the speaker goes on; it counts as busy until the thread has really ended.
            await is_done.wait()
        finally:
            verdict.cancel()
        return verdict.result()


async def _round_s() -> float:
    """Return how long the loop takes to come round: all that is ready now has had its turn within two checkpoints."""
    began = trio.current_time()
    await trio.lowlevel.checkpoint()
    await trio.lowlevel.checkpoint()
    return trio.current_time() - began


def _cores() -> int:
    """Return how many cores this process may use; where only Linux can say, how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _stand_back() -> None:
    if not sys.platform.startswith("linux"):
        return  # elsewhere it would be the whole process, or another one
    with contextlib.suppress(OSError, OverflowError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # of this thread alone, on Linux


@asynccontextmanager
async def open_judge(counters: SessionCounters) -> AsyncIterator[TurnJudge]:
    """Load the turn model; at the end nothing of it keeps the process. Raises: EngineError."""
    judge = TurnJudge(await trio.to_thread.run_sync(TurnModel), counters)
    try:
        yield judge
    finally:
        judge.close()
