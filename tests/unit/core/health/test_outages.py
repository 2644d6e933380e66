"""Which outage is told, and when: examples, and what holds for any history."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.health.outages import Back, Down, Outages
from voxbridge.errors import StageName

pytestmark = pytest.mark.unit


def test_one_notice_per_outage_and_one_at_its_end() -> None:
    """Three failed turns are told once; the first that goes through says so."""
    outages = Outages()
    assert [outages.failed("agent") for _ in range(3)] == [Down("agent"), None, None]
    assert [outages.back("agent") for _ in range(2)] == [Back("agent"), None]
    assert outages.failed("agent") == Down("agent")


def test_a_room_that_was_not_told_of_an_outage_is_not_told_of_its_end() -> None:
    """Nobody there has noticed anything."""
    outages = Outages()
    assert outages.back("stt") is None
    outages.failed("agent")
    assert outages.back("stt") is None
    assert outages.down == ("agent",)


STAGES: tuple[StageName, ...] = ("stt", "agent", "tts")
EVENTS = st.lists(st.tuples(st.sampled_from(STAGES), st.sampled_from(["failed", "back"])))


@given(EVENTS)
def test_notices_of_a_stage_alternate(events: list[tuple[StageName, str]]) -> None:
    """Down, back, down, back; never two of a kind, and the last one is the state."""
    outages = Outages()
    told: dict[str, list[Any]] = {"stt": [], "agent": [], "tts": []}
    for stage, kind in events:
        notice = outages.failed(stage) if kind == "failed" else outages.back(stage)
        if notice is not None:
            assert notice.stage == stage
            told[stage].append(type(notice))
    for name, kinds in told.items():
        assert kinds == ([Down, Back] * len(kinds))[: len(kinds)]
        assert (name in outages.down) == (kinds[-1:] == [Down])
