"""Whose speech cuts whose answer short."""

from __future__ import annotations

import pytest

from voxbridge.core.ids import UserId
from voxbridge.core.turns.floor import Cut, Floor

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)


def test_speech_before_the_answer_supersedes_the_own_turn_only() -> None:
    """Who goes on before the answer began has not finished; the others' turns are not touched."""
    floor = Floor()
    floor.opened("a", ADA)
    floor.opened("b", BOB)
    assert floor.on_speech(ADA) == [Cut("a", "superseded")]


def test_speech_over_the_own_answer_is_a_barge_in() -> None:
    """An answer that sounds is cut by the one it answers, and by nobody else."""
    floor = Floor()
    floor.opened("a", ADA)
    floor.sounding("a")
    assert floor.on_speech(BOB) == []
    assert floor.on_speech(ADA) == [Cut("a", "barge-in")]


def test_anyone_may_interrupt_where_the_room_has_it_so() -> None:
    """With ``by_anyone`` every voice stops the answer, but nobody supersedes another's turn."""
    floor = Floor()
    floor.opened("a", ADA)
    floor.sounding("a")
    floor.opened("later", ADA)
    assert floor.on_speech(BOB, by_anyone=True) == [Cut("a", "barge-in")]


def test_without_barge_in_an_answer_ends_by_itself() -> None:
    """The setting lets answers finish; a turn not yet answered is superseded all the same."""
    floor = Floor()
    floor.opened("a", ADA)
    floor.sounding("a")
    floor.opened("b", ADA)
    assert floor.on_speech(ADA, barge_in=False) == [Cut("b", "superseded")]


def test_a_closed_turn_is_cut_no_more() -> None:
    """After its end a turn is forgotten, and closing twice is no fault."""
    floor = Floor()
    floor.opened("a", ADA)
    floor.closed("a")
    floor.closed("a")
    floor.sounding("a")
    assert floor.open_turns == []
    assert floor.on_speech(ADA) == []
