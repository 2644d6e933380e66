"""Random conversations against the model of what may be spoken, posted and remembered. In virtual time."""

from __future__ import annotations

import functools
import itertools

import pytest
import structlog.testing

from tests.support.conversation_model import converse
from tests.support.scheduling import run_seeded

pytestmark = pytest.mark.integration


def test_any_conversation_keeps_to_the_model(request: pytest.FixtureRequest) -> None:
    """Speech, faults, stops, leaves, drains and reloads: no silence, nothing stale, twice or lost, and nothing is left.

    ``--turns 5000`` has so many turns played, ``--seed 7`` begins with that conversation. A seed plays the same again.
    """
    wanted, turns = int(request.config.getoption("--turns")), 0
    for seed in itertools.count(int(request.config.getoption("--seed"))):
        with structlog.testing.capture_logs():  # a traceback of each bug that is put in costs more than all the rest
            turns += run_seeded(functools.partial(converse, seed), seed)
        if turns >= wanted:
            break
