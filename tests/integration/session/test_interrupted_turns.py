"""Answers that are spoken over, by the hundred: nothing of one that was cut is heard after it. In virtual time."""

from __future__ import annotations

import functools
import itertools

import pytest

from tests.support.interrupted import interrupted
from tests.support.scheduling import run_seeded

pytestmark = pytest.mark.integration


def test_no_frame_of_a_cut_answer_leaves_after_the_cut(request: pytest.FixtureRequest) -> None:
    """By the sound of each frame: it is of the answer that is on, and nothing of the one before is in it.

    ``--turns 10000`` has so many answers cut, ``--seed 7`` begins with that conversation. A seed plays the same again.
    """
    wanted, cut = int(request.config.getoption("--turns")), 0
    for seed in itertools.count(int(request.config.getoption("--seed"))):
        cut += run_seeded(functools.partial(interrupted, seed), seed)
        if cut >= wanted:
            break
