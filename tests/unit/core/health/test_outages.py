"""Which outage is told, and when: examples, and what holds for any history."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.health.outages import Back, Down, Outages

pytestmark = pytest.mark.unit


def test_one_notice_per_outage_and_one_at_its_end() -> None:
    """Three failed turns are told once; the first that goes through says so."""
    outages = Outages()
    assert [outages.failed("agent") for _ in range(3)] == [Down("agent"), None, None]
    assert [outages.served("agent") for _ in range(2)] == [Back("agent"), None]
    assert outages.failed("agent") == Down("agent")


def test_a_probe_ends_an_outage_that_a_probe_has_seen() -> None:
    """Killed and started again: nobody has to speak first."""
    outages = Outages()
    outages.failed("stt")
    assert outages.probed("stt", is_well=False) is None
    assert outages.probed("stt", is_well=True) == Back("stt")
    assert outages.down == ()


def test_a_server_that_fails_at_its_work_only_is_not_called_back() -> None:
    """Its probes are well all the time: only a turn proves that it works."""
    outages = Outages()
    outages.failed("tts")
    assert [outages.probed("tts", is_well=True) for _ in range(5)] == [None] * 5
    assert outages.served("tts") == Back("tts")


EVENTS = st.lists(
    st.tuples(st.sampled_from(["stt", "agent", "tts"]), st.sampled_from(["failed", "served", "well", "unwell"]))
)


@given(EVENTS)
def test_notices_of_a_stage_alternate(events: list[tuple[str, str]]) -> None:
    """Down, back, down, back; never two of a kind, and the last one is the state."""
    outages = Outages()
    told: dict[str, list[Any]] = {"stt": [], "agent": [], "tts": []}
    for stage, kind in events:
        match kind:
            case "failed":
                notice = outages.failed(stage)
            case "served":
                notice = outages.served(stage)
            case _:
                notice = outages.probed(stage, is_well=kind == "well")
        if notice is not None:
            assert notice.stage == stage
            told[stage].append(type(notice))
    for stage, kinds in told.items():
        assert kinds == ([Down, Back] * len(kinds))[: len(kinds)]
        assert (stage in outages.down) == (kinds[-1:] == [Down])
