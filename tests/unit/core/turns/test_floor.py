"""The book of open turns."""

from __future__ import annotations

import pytest

from tests.support.turns import ADA, BOB, Open
from voxbridge.core.turns.floor import Floor

pytestmark = pytest.mark.unit


def test_turns_stand_in_the_order_in_which_they_were_opened() -> None:
    """Oldest first, a text of the operator's among them."""
    floor, turns = Floor(), [Open("a", ADA), Open("s", None), Open("b", BOB)]
    for turn in turns:
        floor.opened(turn)
    assert floor.turns == turns
    assert not floor.is_empty


def test_a_closed_turn_is_forgotten() -> None:
    """After its end a turn is in the book no more, and closing twice is no fault."""
    floor, a = Floor(), Open("a", ADA)
    floor.opened(a)
    floor.closed(a)
    floor.closed(a)
    assert floor.is_empty
    assert floor.turns == []
