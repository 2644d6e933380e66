"""Where it goes and when it leaves, on timestamps alone."""

from __future__ import annotations

import attrs
import pytest

from voxbridge.core.ids import ChannelId, UserId
from voxbridge.core.people.whereabouts import GoAway, GoTo, PresenceRules, Whereabouts

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)
HALL, ROOM, ATTIC = ChannelId(10), ChannelId(20), ChannelId(30)
OCCUPIED = PresenceRules(comes_when_occupied=True, alone_s=60.0)
FOLLOW = PresenceRules(follows=(ADA,))


def test_it_comes_where_most_people_are_and_leaves_when_they_have_left() -> None:
    """After a second in which nobody moved; alone for the operator's time; another channel calls after that."""
    where = Whereabouts()
    where.moved(ADA, HALL, 0.0)
    assert where.decide(OCCUPIED, 0.5) is None
    assert where.deadline(OCCUPIED, 0.5) == 1.0
    assert where.decide(OCCUPIED, 1.0) == GoTo(HALL, "occupied")
    where.moved(ADA, None, 10.0)
    assert where.decide(OCCUPIED, 69.0) is None
    assert where.deadline(OCCUPIED, 69.0) == 70.0
    assert where.decide(OCCUPIED, 70.0) == GoAway("alone")
    where.moved(BOB, ROOM, 71.0)
    assert where.decide(OCCUPIED, 72.0) == GoTo(ROOM, "occupied")


def test_only_channels_that_are_allowed() -> None:
    """And never by itself where the operator did not ask for it."""
    where = Whereabouts()
    where.moved(ADA, HALL, 0.0)
    assert where.decide(attrs.evolve(OCCUPIED, channels=frozenset({ROOM})), 5.0) is None
    assert where.decide(PresenceRules(), 5.0) is None
    where.moved(BOB, ROOM, 6.0)
    assert where.decide(attrs.evolve(OCCUPIED, channels=frozenset({ROOM})), 7.0) == GoTo(ROOM, "occupied")


def test_a_followed_person_goes_through_three_channels() -> None:
    """It comes, moves along, and leaves when that person has left voice for good."""
    where = Whereabouts()
    where.moved(BOB, ROOM, 0.0)
    where.moved(ADA, HALL, 0.0)
    assert where.decide(FOLLOW, 1.0) == GoTo(HALL, "follow", ADA)
    for number, channel in enumerate((ROOM, ATTIC)):
        where.moved(ADA, channel, 10.0 + number)
        assert where.decide(FOLLOW, 10.0 + number) == GoTo(channel, "follow", ADA), "at once: she is waited for nowhere"
    where.moved(ADA, None, 20.0)
    assert where.decide(FOLLOW, 20.5) is None, "she may be back in a moment"
    assert where.decide(FOLLOW, 21.0) == GoAway("follow")


def test_who_sends_it_away_has_peace() -> None:
    """It comes back by itself when the channel was empty once; who asks for it has it at once."""
    where = Whereabouts()
    where.moved(ADA, HALL, 0.0)
    where.decide(OCCUPIED, 1.0)
    where.was_sent_away()
    assert where.decide(OCCUPIED, 100.0) is None
    where.moved(ADA, None, 110.0)
    where.moved(ADA, HALL, 120.0)
    assert where.decide(OCCUPIED, 121.0) == GoTo(HALL, "occupied")
    where.was_sent_away()
    where.sits(HALL, "asked", 130.0)
    where.was_sent_away()
    assert where.decide(attrs.evolve(OCCUPIED, follows=(ADA,)), 140.0) is None, "the followed is where we may not be"
    where.moved(ADA, ROOM, 150.0)
    assert where.decide(attrs.evolve(OCCUPIED, follows=(ADA,)), 151.0) == GoTo(ROOM, "follow", ADA)


def test_who_asked_for_it_keeps_it() -> None:
    """A followed person elsewhere does not take it away from those who typed /join; always is always."""
    where = Whereabouts()
    where.moved(BOB, HALL, 0.0)
    where.sits(HALL, "asked", 0.0)
    where.moved(ADA, ROOM, 1.0)
    assert where.decide(FOLLOW, 5.0) is None
    where.moved(BOB, None, 10.0)
    assert where.decide(FOLLOW, 310.0) == GoAway("alone")
    where.sits(HALL, "always", 400.0)
    assert where.decide(attrs.evolve(FOLLOW, idle_s=10.0), 10_000.0) is None


def test_idle_counts_what_people_say() -> None:
    """So long after the last word, or after it came; it does not come back to the same people by itself."""
    rules, where = attrs.evolve(OCCUPIED, idle_s=100.0), Whereabouts()
    where.moved(ADA, HALL, 0.0)
    where.decide(rules, 1.0)
    where.spoke(50.0)
    assert where.decide(rules, 149.0) is None
    assert where.deadline(rules, 149.0) == 150.0
    assert where.decide(rules, 150.0) == GoAway("idle")
    assert where.decide(rules, 1000.0) is None


def test_a_channel_that_cannot_be_joined_is_tried_again_after_growing_pauses() -> None:
    """30 s, a minute, up to ten."""
    where = Whereabouts()
    where.moved(ADA, HALL, 0.0)
    pauses, now = [], 1.0
    for _ in range(7):
        assert where.decide(OCCUPIED, now) == GoTo(HALL, "occupied")
        where.failed(now)
        again = where.deadline(OCCUPIED, now)
        pauses.append(again - now)
        now = again
    assert pauses == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]


def test_a_survey_replaces_what_was_known() -> None:
    """After an outage of the gateway: who is not in it has left."""
    where = Whereabouts()
    where.moved(ADA, HALL, 0.0)
    where.decide(OCCUPIED, 1.0)
    where.surveyed({BOB: ROOM}, 10.0)
    assert where.decide(OCCUPIED, 70.0) == GoAway("alone")
    assert where.people_in(ROOM) == [BOB]


def test_who_is_followed_leaves_company() -> None:
    """Where it also comes by itself, it stays with the others."""
    rules = attrs.evolve(OCCUPIED, follows=(ADA,))
    where = Whereabouts()
    where.moved(ADA, HALL, 0.0)
    where.moved(BOB, HALL, 0.0)
    assert where.decide(rules, 1.0) == GoTo(HALL, "follow", ADA)
    where.moved(ADA, None, 5.0)
    assert where.decide(rules, 10.0) is None
    assert where.seat is not None
    assert where.seat.why == "occupied"
