"""The table of staying in the call: complete, bounded, and told as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxbridge.core.call.table import LIMITS_S, MEANINGS, NOTHING, TABLE, Act, Signal, State, in_words

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[4] / "docs" / "staying-in-the-call.md"


@pytest.mark.parametrize("state", State)
def test_every_pair_has_a_row_or_a_reason(state: State) -> None:
    """Each signal in each state is either answered, or passed over for a reason that is written down; never both."""
    without_row = [signal for signals in NOTHING[state].values() for signal in signals]
    assert len(without_row) == len(set(without_row)), "two reasons for one signal"
    assert set(without_row).isdisjoint(TABLE[state])
    assert set(without_row) | TABLE[state].keys() == set(Signal)


def test_every_state_that_waits_has_a_limit() -> None:
    """Only three states may last: out, up, and away while the main gateway is down."""
    assert {state for state, limit_s in LIMITS_S.items() if limit_s is None} == {State.OUT, State.UP, State.AWAY}
    assert LIMITS_S.keys() == set(State)


def test_a_link_is_cut_exactly_where_there_is_one() -> None:
    """No state but linking and up holds a link; who goes from there cuts it, and nobody else can."""
    holders = {State.LINKING, State.UP}
    for state, rows in TABLE.items():
        for signal, row in rows.items():
            if signal is Signal.LINKED:
                assert Act.CUT not in row.acts
                continue
            assert (Act.CUT in row.acts) == (state in holders), f"{state} {signal}"
            assert (Act.LINK in row.acts) == (row.next is State.LINKING), f"{state} {signal}"
            assert (Act.ASK in row.acts) == (row.next is State.ASKING), f"{state} {signal}"


def test_whatever_is_wanted_can_be_taken_back() -> None:
    """From every state in which a channel is wanted, the wish for none leads out."""
    for state in State:
        if state not in (State.OUT, State.LEAVING):
            assert TABLE[state][Signal.UNWANTED].next in (State.OUT, State.LEAVING)


def test_everything_has_a_meaning() -> None:
    """Each name is explained."""
    assert MEANINGS.keys() == {*State, *Signal, *Act}


def test_the_page_says_what_the_table_says() -> None:
    """``docs/staying-in-the-call.md`` ends with the table in words."""
    assert PAGE.read_text(encoding="utf-8").endswith("table.py -->\n\n" + in_words()), (
        "write voxbridge.core.call.table.in_words() below the comment of docs/staying-in-the-call.md"
    )
