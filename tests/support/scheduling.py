"""Runs of a scenario in virtual time, over many orders of the tasks that are ready at one instant."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import pytest
import trio
from trio._core import _run as trio_run  # private: the only way to make Trio's shuffle repeatable (trio 0.35)
from trio.testing import MockClock

Result = TypeVar("Result")

VIRTUAL_LIMIT_S = 3600.0


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Choose the order of the tasks that are ready at one instant, in here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
        state = trio_run._r.getstate()
        trio_run._r.seed(seed)
        try:
            yield
        finally:
            trio_run._r.setstate(state)


def run_virtual(scenario: Callable[[], Awaitable[Result]]) -> Result:
    """Run a scenario on an autojump clock; a deadlock fails instead of hanging."""

    async def bounded() -> Result:
        with trio.fail_after(VIRTUAL_LIMIT_S):
            return await scenario()

    return trio.run(bounded, clock=MockClock(autojump_threshold=0))


def run_seeded(scenario: Callable[[], Awaitable[Result]], seed: int) -> Result:
    """Run a scenario as ``run_virtual`` does, with a seed for Trio's scheduler; a failure names it."""
    with seeded(seed):
        try:
            return run_virtual(scenario)
        except BaseException as error:
            error.add_note(f"with scheduler seed {seed}")
            raise


def over_seeds(scenario: Callable[[], Awaitable[object]], seeds: Iterable[int]) -> None:
    """Run a scenario once per seed of Trio's scheduler; a failure names its seed."""
    for seed in seeds:
        run_seeded(scenario, seed)
