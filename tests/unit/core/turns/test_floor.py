"""Whose speech cuts whose answer short."""

from __future__ import annotations

import attrs
import pytest

from voxbridge.core.ids import UserId
from voxbridge.core.turns.floor import Cut, CutReason, Floor

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)


@attrs.define
class Open:
    """A turn as the floor knows it."""

    id: str
    user_id: UserId | None
    is_sounding: bool = False

    def cut(self, reason: CutReason) -> None:
        raise AssertionError(f"the floor decides on {reason}; who asked it cuts")

    def wind_up(self) -> None:
        raise AssertionError

    def fade_out(self, frames: int) -> None:
        raise AssertionError(frames)


def floor_with(*turns: Open) -> Floor:
    floor = Floor()
    for turn in turns:
        floor.opened(turn)
    return floor


def test_speech_before_the_answer_supersedes_the_own_turn_only() -> None:
    """Who goes on before the answer began has not finished; the others' turns are not touched."""
    a, b = Open("a", ADA), Open("b", BOB)
    assert floor_with(a, b).on_speech(ADA) == [Cut(a, "superseded")]


def test_speech_over_the_own_answer_is_a_barge_in() -> None:
    """An answer that sounds is cut by the one it answers, and by nobody else."""
    a = Open("a", ADA, is_sounding=True)
    floor = floor_with(a)
    assert floor.on_speech(BOB) == []
    assert floor.on_speech(ADA) == [Cut(a, "barge-in")]


def test_anyone_may_interrupt_where_the_room_has_it_so() -> None:
    """With ``by_anyone`` every voice stops the answer, but nobody supersedes another's turn."""
    a, later = Open("a", ADA, is_sounding=True), Open("later", ADA)
    assert floor_with(a, later).on_speech(BOB, by_anyone=True) == [Cut(a, "barge-in")]


def test_without_barge_in_an_answer_ends_by_itself() -> None:
    """The setting lets answers finish; a turn not yet answered is superseded all the same."""
    a, b = Open("a", ADA, is_sounding=True), Open("b", ADA)
    assert floor_with(a, b).on_speech(ADA, barge_in=False) == [Cut(b, "superseded")]


def test_a_text_of_the_operator_is_cut_by_nobodys_speech() -> None:
    """It stands in the book, for a stop and a drain, and speech passes it over, whoever may interrupt."""
    saying = Open("s", None, is_sounding=True)
    floor = floor_with(saying)
    assert floor.turns == [saying]
    assert floor.on_speech(ADA, by_anyone=True) == []


def test_a_closed_turn_is_cut_no_more() -> None:
    """After its end a turn is forgotten, and closing twice is no fault."""
    a = Open("a", ADA)
    floor = floor_with(a)
    floor.closed(a)
    floor.closed(a)
    assert floor.is_empty
    assert floor.on_speech(ADA) == []
