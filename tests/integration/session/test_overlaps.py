"""The four kinds of overlap with the real ears, in virtual time; `nox -s scenes` plays them through Discord."""

from __future__ import annotations

import pytest
import trio

from tests.support.inline_engines import with_real_ears
from tests.support.memory_party import open_memory_party
from tests.support.overlaps import KINDS, Kind, plan_of, play

pytestmark = pytest.mark.integration


LEFT_OUT = {"somebody else talks", "background speech"}
GRID = [pytest.param(kind, marks=pytest.mark.whole if kind.name in LEFT_OUT else ()) for kind in KINDS]


@pytest.mark.parametrize("kind", GRID, ids=lambda kind: kind.name)
async def test_an_overlap_does_what_its_kind_asks_for(kind: Kind, autojump_clock: trio.testing.MockClock) -> None:
    """An interruption stops it within a second and is answered; everything else lets it go on, and is not."""
    async with open_memory_party({"Ada": 1, "Robert": 2}, ears=with_real_ears) as (hall, party):
        hall.agent.script = plan_of
        found = await play(party, kind)
    if kind.stops:
        assert found.stop_s is not None
        assert found.stop_s <= 1.0 + 1e-6, found  # the words of the first 0.48 s are not sure
        assert found.answer_s is not None
        assert found.answer_s < 2.6, found  # at most an end that is taken for unfinished
