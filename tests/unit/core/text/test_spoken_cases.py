"""What is spoken of what kind of text: each case of ``cases/``, whole and cut anywhere."""

from __future__ import annotations

import itertools
import json
import pathlib
import random
import re
from typing import Any

import pytest

from voxbridge.core.text.speakable import SpokenPieces

pytestmark = pytest.mark.unit

CASES = [
    json.loads(line)
    for file in sorted(pathlib.Path(__file__).with_name("cases").glob("*.jsonl"))
    for line in file.read_text("utf-8").splitlines()
]


def said(case: dict[str, Any], *chunks: str) -> list[str]:
    pieces = SpokenPieces(language=case["language"])
    return [piece for chunk in chunks for piece in pieces.feed(chunk)] + pieces.flush()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: dict[str, Any]):
    """What is said is exactly what stands in the case, and depends on the text alone, not on how it was cut."""
    text = case["text"]
    assert said(case, text) == case["said"]
    assert said(case, *text) == case["said"], "fed letter by letter"
    dice = random.Random(case["id"])
    for _ in range(5):
        places = sorted({0, len(text), *(dice.randrange(len(text) + 1) for _ in range(6))})
        chunks = [text[a:b] for a, b in itertools.pairwise(places)]
        assert said(case, *chunks) == case["said"], f"fed as {chunks}"


@pytest.mark.parametrize("case", [case for case in CASES if len(case) > 5], ids=lambda case: case["id"])
def test_case_keeps_its_words(case: dict[str, Any]):
    """What must be heard is heard, what must not is not, and sentences end where they end."""
    pieces = case["said"]
    spoken = " ".join(pieces)
    ends = [piece for piece in pieces if not re.search(r"[,;:\u2013\u2014-]$", piece)]
    assert [word for word in case.get("keep", []) if word.lower() not in spoken.lower()] == []
    assert [word for word in case.get("never", []) if word in spoken] == []
    assert [pattern for pattern in case.get("never_regex", []) if re.search(pattern, spoken)] == []
    assert [word for word in case.get("whole", []) if not any(word.lower() in piece.lower() for piece in pieces)] == []
    if case.get("one_piece") or case.get("one_piece_or_commas"):
        assert not any(piece in ends for piece in pieces[:-1]), pieces
    if "pieces" in case:
        assert len(ends) == case["pieces"], pieces
