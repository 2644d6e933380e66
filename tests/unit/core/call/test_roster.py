"""Who is here: a short absence is none, and a ghost is laid."""

from __future__ import annotations

import pytest

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.call.roster import Roster
from voxbridge.core.ids import UserId

pytestmark = pytest.mark.unit

ADA = MemberJoined(UserId(1), "Ada", is_bot=False)


def test_an_arrival_is_news_once() -> None:
    """Told again that somebody is here, the room hears nothing."""
    roster = Roster()
    assert [roster.came(ADA), roster.came(ADA)] == [True, False]


def test_a_short_absence_is_none() -> None:
    """Out and back within two seconds: neither a departure nor an arrival."""
    roster = Roster()
    roster.came(ADA)
    roster.went(ADA.user_id, 10.0)
    assert (roster.deadline, roster.departures(11.9)) == (12.0, [])
    assert not roster.came(ADA)
    assert (roster.deadline, roster.departures(60.0)) == (None, [])


def test_an_absence_that_lasts_is_a_departure_once() -> None:
    """After two seconds, and never twice; who was never here does not leave."""
    roster = Roster()
    roster.came(ADA)
    roster.went(ADA.user_id, 10.0)
    roster.went(ADA.user_id, 11.0)
    roster.went(UserId(2), 10.0)
    assert roster.departures(12.0) == [ADA.user_id]
    assert roster.departures(60.0) == []
    assert roster.came(ADA), "who comes back after that is new"


def test_who_is_out_of_the_call_for_long_is_a_ghost() -> None:
    """The main gateway says nothing and the voice server let him go: ten seconds, unless it has him again."""
    roster = Roster()
    roster.came(ADA)
    roster.out_of_call(ADA.user_id, 0.0)
    assert roster.departures(9.9) == []
    roster.in_call(ADA.user_id)
    assert roster.departures(60.0) == []
    roster.out_of_call(ADA.user_id, 60.0)
    roster.went(ADA.user_id, 61.0)
    roster.in_call(ADA.user_id)
    assert roster.departures(63.0) == [ADA.user_id], "the main gateway's word is another matter"
    assert roster.deadline is None
