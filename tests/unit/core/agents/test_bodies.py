"""What agents send beside their answer, and what may be spoken of it, through the whole chain of reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.agents.answer_reader import AnswerReader, Delta, Ended, Flush
from voxbridge.core.text.gaps import Gaps
from voxbridge.core.text.speakable import SpokenPieces

pytestmark = pytest.mark.unit

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "fixtures" / "bodies.jsonl").read_text("utf-8").splitlines()
]


def read(case: dict[str, Any], at: list[int]) -> tuple[str, str, Ended]:
    """Return the spoken pieces, joined, the record, and the end."""
    reader = AnswerReader(content_type=case.get("content_type", ""))
    events = [event for piece in cut(case["body"].encode(), at) for event in reader.feed(piece)] + reader.end()
    pieces, gaps = SpokenPieces(), Gaps()
    spoken: list[str] = []
    record: list[str] = []
    for event in events:
        match event:
            case Delta(text):
                spoken += pieces.feed(text)
                record.append(gaps.add(text))
            case Flush():
                spoken += pieces.flush()
                gaps.part()
    end = events[-1]
    assert isinstance(end, Ended)
    return " ".join([*spoken, *pieces.flush()]), "".join(record), end


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
@settings(max_examples=25)  # of each of so many bodies
@given(at=st.lists(st.integers(0, 2000), max_size=8))
def test_body_is_spoken_as_meant(case: dict[str, Any], at: list[int]) -> None:
    """However it is cut, what is said to people is spoken once, and what is said to machines is not."""
    spoken, record, end = read(case, at)
    if "spoken" in case:
        assert spoken == case["spoken"]
    if "spoken_words" in case:
        assert spoken.split() == case["spoken_words"].split()
    if "record_words" in case:
        assert record.split() == case["record_words"].split()
    assert end.outcome == case.get("outcome", "ok")
