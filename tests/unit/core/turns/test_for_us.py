"""Whom it answers, on timestamps alone."""

from __future__ import annotations

import pytest

from voxbridge.core.ids import UserId
from voxbridge.core.turns.for_us import FOR_US, Addressing, Because, FloorRules, Said

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)
NAMES = {ADA: "Ada", BOB: "Bob"}


def addressing(rules: FloorRules | None = None, *people: UserId) -> Addressing:
    made = Addressing(lambda: rules or FloorRules())
    for number, user_id in enumerate(people or (ADA, BOB)):
        made.came(user_id, -100.0 + number)
    return made


def judged(room: Addressing, user_id: UserId, text: str | None, at: float) -> Because:
    others = [name for other, name in NAMES.items() if other != user_id]
    return room.judge(Said(user_id, text, "en", at, own_names=("Iris",), others=others), at + 1.0)


def test_one_person_needs_no_name() -> None:
    """All that a person alone says is for us, also what is not understood; bots are not counted."""
    room = addressing(None, ADA)
    assert judged(room, ADA, "What time is it?", 0.0) == "alone"
    assert judged(room, ADA, None, 0.0) == "alone"


def test_with_two_the_name_decides() -> None:
    """The name in Discord and the operator's own; what is not known is for nobody."""
    room = addressing(FloorRules(names=("Computer",)))
    assert judged(room, ADA, "What time is it?", 0.0) == "not called"
    assert judged(room, ADA, "Iris, what time is it?", 0.0) == "called"
    assert judged(room, BOB, "Computer, what time is it?", 0.0) == "called"
    assert judged(room, ADA, None, 0.0) == "unknown"


def test_who_is_here_is_not_taken_for_a_misheard_name() -> None:
    """Nora, who is in the room, is called and not Nova; where nobody is called so, it is Nova, misheard."""
    for others, because in ((("Nora",), "called another"), (("Max",), "called")):
        said = Said(ADA, "Nora, are you there?", "en", 0.0, own_names=("Nova",), others=others)
        assert addressing().judge(said, 1.0) == because


def test_the_follow_up_is_for_who_was_answered_and_ends() -> None:
    """Ten seconds from the end of the answer to the begin of the words, for Ada and not for Bob."""
    room = addressing()
    room.answering(ADA)
    assert judged(room, ADA, "and tomorrow?", 5.0) == "follow-up", "while it speaks to her"
    room.answered(ADA, 10.0, was_heard=True)
    assert judged(room, ADA, "and tomorrow?", 20.0) == "follow-up"
    assert judged(room, ADA, "and tomorrow?", 20.1) == "not called"
    assert judged(room, BOB, "and tomorrow?", 11.0) == "not called"
    assert judged(room, ADA, "That was funny, Bob.", 12.0) == "called another"


def test_an_answer_without_a_sound_is_followed_up_by_nobody() -> None:
    """Who was not answered does not go on."""
    room = addressing()
    room.answering(ADA)
    room.answered(ADA, 10.0, was_heard=False)
    assert judged(room, ADA, "and tomorrow?", 11.0) == "not called"


def test_the_change_is_smooth() -> None:
    """A sentence that was begun before the second person came needs no name; with the last one's leaving none does."""
    room = addressing(None, ADA)
    room.came(BOB, 50.0)
    assert judged(room, ADA, "What time is it?", 49.0) == "alone"
    assert judged(room, ADA, "What time is it?", 50.9) == "alone", "she has not noticed yet"
    assert judged(room, ADA, "What time is it?", 51.1) == "not called"
    room.went(BOB)
    assert judged(room, ADA, "What time is it?", 52.0) == "alone"
    room.came(ADA, 60.0)
    assert judged(room, ADA, "What time is it?", 70.0) == "alone", "a known person came again"


def test_the_lock_is_for_the_first_until_it_is_quiet() -> None:
    """Bob waits while Ada talks, is told once, and is heard again as soon as she is quiet or gone."""
    room = addressing(FloorRules("lock", lock_s=20.0))
    assert judged(room, ADA, "What time is it?", 0.0) == "holds the floor"
    assert judged(room, BOB, "And me?", 5.0) == "locked"
    assert room.is_first_refusal(BOB)
    assert not room.is_first_refusal(BOB)
    room.answering(ADA)
    assert judged(room, BOB, "And me?", 40.0) == "locked", "an answer may be long"
    room.answered(ADA, 41.0, was_heard=True)
    assert judged(room, BOB, "And me?", 60.0) == "locked"
    assert judged(room, BOB, "And me?", 61.0) == "locked", "20 s of quiet are not over yet"
    assert judged(room, BOB, "And me?", 61.1) == "holds the floor"
    assert judged(room, ADA, "Hello?", 62.0) == "locked"
    assert room.is_first_refusal(ADA)
    room.went(BOB)
    assert judged(room, ADA, "Hello?", 63.0) == "holds the floor"


@pytest.mark.parametrize("mode", ["everyone", "queue"])
def test_everyone_is_answered(mode) -> None:
    """Without a name; in a queue one after the other."""
    room = addressing(FloorRules(mode))
    assert judged(room, BOB, None, 0.0) in FOR_US
    assert room.is_queue == (mode == "queue")


@pytest.mark.parametrize(
    ("text", "is_aside"),
    [
        ("Bob, have you seen my book?", True),
        ("Bob", True),
        ("Iris, ask Bob", False),
        ("Bob said so", False),
        ("what about Friday", False),
    ],
)
def test_an_aside_calls_another_person_who_is_here(text: str, is_aside: bool) -> None:
    """By name; where everybody is answered, or nobody else is here, there is none."""
    said = Said(ADA, text, "en", 0.0, own_names=("Iris",), others=("Bob",))
    assert addressing().is_aside(said) == is_aside
    assert not addressing(FloorRules(mode="everyone")).is_aside(said)
    assert not addressing(None, ADA).is_aside(said)
