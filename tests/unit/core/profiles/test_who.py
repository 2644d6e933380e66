"""Which of several profiles answers."""

from __future__ import annotations

import pytest

from voxbridge.core.ids import UserId
from voxbridge.core.profiles.who import STAYS_S, WhoAnswers

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)
NAMES = {"iris": ("Iris", "VoxBridge"), "otto": ("Otto",)}


def ask(who: WhoAnswers, text: str, *, user: UserId = ADA, at: float = 0.0, prior: str = "") -> str:
    return who.choose(text, "en", NAMES, user, at, prior=prior)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Iris, what time is it?", "iris"),
        ("What do you think, Otto?", "otto"),
        ("Ottoh, what time is it?", "otto"),
        ("Hey VoxBridge, what time is it?", "iris"),
        ("What time is it?", "iris"),
        ("Otto, where is Iris?", "otto"),
    ],
)
def test_a_name_chooses(text: str, wanted: str) -> None:
    """Also one that is nearly right; without any, the first one answers."""
    assert ask(WhoAnswers(), text) == wanted


def test_who_is_called_exactly_goes_before_who_is_nearly_called() -> None:
    """Two names that are alike do not take each other's questions."""
    names = {"lena": ("Lena",), "lina": ("Lina",)}
    assert WhoAnswers().choose("Lina, how are you?", "en", names, ADA, 0.0) == "lina"
    assert WhoAnswers().choose("Lena, how are you?", "en", names, ADA, 0.0) == "lena"


def test_a_follow_up_goes_to_who_answered_last() -> None:
    """For each person by themselves, for two minutes."""
    who = WhoAnswers()
    who.answers(ADA, "otto", 10.0)
    assert ask(who, "And tomorrow?", at=12.0) == "otto"
    assert ask(who, "And tomorrow?", at=12.0, user=BOB) == "iris"
    assert ask(who, "And tomorrow?", at=10.0 + STAYS_S + 1) == "iris"
    assert ask(who, "Iris, and tomorrow?", at=12.0) == "iris"
    who.went(ADA)
    assert ask(who, "And tomorrow?", at=12.0) == "iris"


def test_the_rest_of_a_question_goes_where_its_beginning_went() -> None:
    """Unless it calls somebody else."""
    assert ask(WhoAnswers(), "and in Rome?", prior="otto") == "otto"
    assert ask(WhoAnswers(), "no, Iris, in Rome?", prior="otto") == "iris"


def test_who_is_gone_from_the_channel_answers_nothing() -> None:
    """A reload may take a profile away between two questions."""
    who = WhoAnswers()
    who.answers(ADA, "eve", 0.0)
    assert ask(who, "And tomorrow?", at=1.0, prior="eve") == "iris"
