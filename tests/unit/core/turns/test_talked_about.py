"""A name as the object of talk: "Ask Iris." is no call, "Iris, ask me something" is one; nine languages."""

from __future__ import annotations

import pytest

from tests.support.calls import Heard, sets
from voxbridge.core.turns.calling import is_called, spoken_names

pytestmark = pytest.mark.unit

# what no rule of ours takes for the name: "Virus" for Iris, "Auto" in English and "Ado" for Otto
WRONG_MAX = {"talked_about": 1, "talked_about_2": 0, "talked_about_3": 2}


@pytest.mark.parametrize(("title", "heard"), sets().items(), ids=lambda each: each if isinstance(each, str) else "")
def test_a_call_is_told_from_talk_about_somebody(title: str, heard: list[Heard]) -> None:
    """Half are calls and half are not, misheard names among them; of sixty at most two are judged wrongly."""
    assert len(heard) >= 60
    wrong = [each for each in heard if is_called(each.text, spoken_names([each.name]), each.language) != each.is_call]
    assert len(wrong) <= WRONG_MAX[title], "\n".join(f"{each.text} ({each.language})" for each in wrong)
    assert not [each for each in wrong if not each.is_call], "answered, and was not asked"
