"""Four people in a room, in several languages, by the rules alone: whom does it answer?"""

from __future__ import annotations

import pytest

from tests.support.rounds import Round, rounds
from voxbridge.core.turns.for_us import FOR_US, Addressing, FloorRules, Said

pytestmark = pytest.mark.unit

SAYING_S, DECIDING_S, ANSWER_S = 2.0, 1.0, 4.0


@pytest.mark.parametrize("talk", rounds(), ids=lambda talk: talk.title)
def test_at_least_eleven_of_twelve_and_at_most_one_of_the_others(talk: Round) -> None:
    """Names at the start, at the end, misheard, in the middle and of others; what follows an answer; 40 utterances."""
    assert (len(talk.said), sum(each.is_for_us for each in talk.said)) == (40, 12)
    answered = _answered(talk)
    missed = [each.text for each, was in zip(talk.said, answered, strict=True) if each.is_for_us and not was]
    wrong = [each.text for each, was in zip(talk.said, answered, strict=True) if was and not each.is_for_us]
    assert len(missed) <= 1, f"not answered: {missed}"
    assert len(wrong) <= 1, f"answered: {wrong}"


def _answered(talk: Round) -> list[bool]:
    """Play a round by the clock; say for each utterance whether it is answered."""
    room = Addressing(lambda: FloorRules(names=talk.names))
    for who in talk.people:
        room.came(who, 0.0)
    now, answered = 60.0, []
    for each in talk.said:
        began_at = now + each.pause_s
        now = began_at + SAYING_S + DECIDING_S
        others = [name for who, name in talk.people.items() if who != each.who]
        said = Said(each.who, each.text, talk.language, began_at, own_names=(talk.bot,), others=others)
        answered.append(room.judge(said, now) in FOR_US)
        if answered[-1]:
            room.answering(each.who)
            now += ANSWER_S
            room.answered(each.who, now, was_heard=True)
    return answered
