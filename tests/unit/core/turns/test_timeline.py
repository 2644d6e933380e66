"""The turn's story: parts that sum to the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.timeline import PARTS, Timeline

pytestmark = pytest.mark.unit

IN_ORDER = (
    "speech_start", "speech_end", "turn_decided", "stt_final", "agent_request", "agent_first_text", "tts_request",
    "tts_first_pcm", "first_audio",
)  # fmt: skip


def whole_turn() -> Timeline:
    timeline = Timeline("t", 100.0)
    for name, at in zip(IN_ORDER, (100.0, 102.0, 102.5, 102.8, 102.8, 103.2, 103.2, 103.24, 103.24), strict=True):
        timeline.mark(name, at)
    return timeline


def test_parts_name_their_budget_and_verdict() -> None:
    """Each part is judged by its own budget; one without a budget is not judged."""
    parts = {part.name: part for part in whole_turn().parts({"stt": 400, "agent": 300})}
    assert parts["stt"].ms == pytest.approx(300)
    assert parts["stt"].verdict == "ok"
    assert parts["agent"].ms == pytest.approx(400)
    assert parts["agent"].verdict == "late"
    assert parts["tts"].verdict == "-"
    assert list(parts) == [name for name, _, _ in PARTS]


def test_first_audio_is_counted_from_the_decision() -> None:
    """The user's target of 1 s runs from the end of the turn to the first frame."""
    part = whole_turn().first_audio(1000)
    assert part is not None
    assert part.ms == pytest.approx(740)
    assert part.verdict == "ok"


def test_the_first_note_of_a_mark_stands() -> None:
    """The second sentence's first PCM does not move the turn's."""
    timeline = whole_turn()
    timeline.mark("tts_first_pcm", 110.0)
    assert timeline.at("tts_first_pcm") == 103.24
    timeline.remark("last_audio", 104.0)
    timeline.remark("last_audio", 105.0)
    assert timeline.marks["last_audio"] == pytest.approx(5.0)


def test_a_turn_that_ended_early_has_the_parts_it_got_through() -> None:
    """A failed agent leaves endpointing, STT and floor, and no first audio."""
    timeline = Timeline("t", 0.0)
    for name, at in zip(IN_ORDER[:5], (0.0, 1.0, 1.5, 1.6, 1.6), strict=True):
        timeline.mark(name, at)
    assert [part.name for part in timeline.parts({})] == ["endpointing", "stt", "floor"]
    assert timeline.first_audio(1000) is None


@given(st.lists(st.floats(0, 5), min_size=len(IN_ORDER), max_size=len(IN_ORDER)))
def test_parts_sum_to_the_whole_whatever_the_order(times: list[float]) -> None:
    """Also when a transcript was ready before the turn was decided: no part is negative, and the sum is right."""
    timeline = Timeline("t", 0.0)
    for name, at in zip(IN_ORDER, times, strict=True):
        timeline.mark(name, at)
    parts = timeline.parts({})
    assert all(part.ms >= 0 for part in parts)
    ends = [timeline.marks[end] for _, _, end in PARTS]
    assert sum(part.ms for part in parts) == pytest.approx(
        max(0.0, max(ends) - timeline.marks["speech_end"]) * 1000, abs=1e-6
    )
