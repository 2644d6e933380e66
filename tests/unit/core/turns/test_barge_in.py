"""What speech does to what is being said, by timestamps and facts alone."""

from __future__ import annotations

import pytest

from tests.support.turns import ADA, BOB, Open
from voxbridge.core.ids import UserId
from voxbridge.core.turns.barge_in import Cut, CutWhenConfirmed, Deed, Phase, SpeechOver

pytestmark = pytest.mark.unit


USUAL = CutWhenConfirmed()


def speech(
    user_id: UserId, *turns: Open, by: CutWhenConfirmed = USUAL, phase: Phase = "confirmed", lasts_s: float = 0.16
) -> list[Deed]:
    """Return what the policy does to the open turns, of which it must not touch any itself."""
    deeds = by.on_speech(SpeechOver(user_id, phase, voiced_s=0.16, lasts_s=lasts_s), turns)
    assert not any(turn.done for turn in turns), "a policy decides; who asked it carries it out"
    return deeds


def test_speech_before_the_answer_supersedes_the_own_turn_only() -> None:
    """Who goes on before the answer began has not finished; the others' turns are not touched."""
    a, b = Open("a", ADA), Open("b", BOB)
    assert speech(ADA, a, b) == [Cut(a, "superseded")]


def test_speech_over_the_own_answer_is_a_barge_in() -> None:
    """An answer that sounds is cut by the one it answers, and by nobody else."""
    a = Open("a", ADA, is_sounding=True, heard_s=2.0)
    assert speech(BOB, a) == []
    assert speech(ADA, a) == [Cut(a, "barge-in")]


def test_speech_that_began_before_a_second_was_heard_is_the_same_question() -> None:
    """What was heard counts up to the beginning of the speech, however long it takes to be judged."""
    a = Open("a", ADA, is_sounding=True, heard_s=1.5)
    assert speech(ADA, a, lasts_s=0.6) == [Cut(a, "superseded")]
    assert speech(ADA, a, lasts_s=0.4) == [Cut(a, "barge-in")]


def test_anyone_may_interrupt_where_the_room_has_it_so() -> None:
    """With ``by_anyone`` every voice stops the answer, but nobody supersedes another's turn."""
    a, later = Open("a", ADA, is_sounding=True), Open("later", ADA)
    assert speech(BOB, a, later, by=CutWhenConfirmed(by_anyone=True)) == [Cut(a, "barge-in")]


def test_without_barge_in_an_answer_ends_by_itself() -> None:
    """The setting lets answers finish; a turn not yet answered is superseded all the same."""
    a, b = Open("a", ADA, is_sounding=True), Open("b", ADA)
    assert speech(ADA, a, b, by=CutWhenConfirmed(is_enabled=False)) == [Cut(b, "superseded")]


def test_a_text_of_the_operator_is_cut_by_nobodys_speech() -> None:
    """Speech passes it over, whoever may interrupt."""
    assert speech(ADA, Open("s", None, is_sounding=True), by=CutWhenConfirmed(by_anyone=True)) == []


@pytest.mark.parametrize("phase", ["began", "words", "ended"])
def test_only_speech_that_was_confirmed_counts(phase: Phase) -> None:
    """An onset may be a cough, and what ended has done what it does."""
    assert speech(ADA, Open("a", ADA, is_sounding=True), phase=phase) == []
