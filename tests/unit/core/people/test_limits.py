"""The book of one server's limits."""

from __future__ import annotations

import datetime as dt
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.ids import UserId
from voxbridge.core.people.limits import GuildLimits, LimitRules, Refusal, quiet_until, read_span

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)
NOON = dt.datetime(2026, 11, 30, 12, 0, tzinfo=dt.UTC)


def at(hour: int, minute: int = 0, day: int = 30) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=dt.UTC)


def test_nothing_is_refused_without_a_limit():
    """Zero is none."""
    book = GuildLimits()
    for second in range(1000):
        assert book.refusal(LimitRules(), ADA, float(second), NOON) is None
        book.took(ADA, float(second))
        book.asked(NOON)
        book.spoke(1000.0, NOON)


def test_a_member_has_so_many_turns_in_any_minute():
    """Two at 0 and 10 s: the third waits until 60 s; others are not concerned."""
    book, rules = GuildLimits(), LimitRules(member_turns=2)
    for now in (0.0, 10.0):
        assert book.refusal(rules, ADA, now, NOON) is None
        book.took(ADA, now)
    assert book.refusal(rules, ADA, 20.0, NOON) == Refusal("member", is_first=True, wait_s=40.0)
    assert book.refusal(rules, ADA, 30.0, NOON) == Refusal("member", is_first=False, wait_s=30.0)
    assert book.refusal(rules, BOB, 30.0, NOON) is None
    assert book.refusal(rules, ADA, 60.0, NOON) is None
    book.took(ADA, 60.0)
    assert book.refusal(rules, ADA, 61.0, NOON) == Refusal("member", is_first=True, wait_s=9.0), "a new time is told"


def test_a_server_has_so_many_turns_in_any_minute():
    """Whoever has them."""
    book, rules = GuildLimits(), LimitRules(server_turns=2)
    book.took(ADA, 0.0)
    book.took(BOB, 1.0)
    assert book.refusal(rules, UserId(3), 2.0, NOON) == Refusal("server", is_first=True, wait_s=58.0)
    assert book.refusal(rules, UserId(4), 2.0, NOON) == Refusal("server", is_first=False, wait_s=58.0)


def test_a_day_has_so_many_calls_and_seconds():
    """Counted up to midnight, where the operator lives; told once a day."""
    book, rules = GuildLimits(), LimitRules(calls=2, spoken_s=10.0)
    book.asked(NOON)
    book.spoke(9.9, NOON)
    assert book.refusal(rules, ADA, 0.0, NOON) is None
    book.asked(NOON)
    assert book.refusal(rules, ADA, 0.0, NOON) == Refusal("calls", is_first=True)
    assert book.refusal(rules, BOB, 0.0, at(23, 59)) == Refusal("calls", is_first=False)
    assert book.silence(rules, NOON) is None, "it may still be made to say something"
    assert book.refusal(rules, ADA, 0.0, at(0, 0, day=30) + dt.timedelta(days=1)) is None
    book = GuildLimits()
    book.spoke(10.0, NOON)
    assert book.refusal(rules, ADA, 0.0, NOON) == Refusal("spoken", is_first=True)
    assert book.silence(rules, NOON) == Refusal("spoken", is_first=False)


@pytest.mark.parametrize(
    ("spans", "local", "until"),
    [
        (["22:00-07:00"], at(21, 59), None),
        (["22:00-07:00"], at(22, 0, day=29), at(7)),
        (["22:00-07:00"], at(6, 59), at(7)),
        (["22:00-07:00"], at(7), None),
        (["13:00-14:00"], at(13, 30), at(14)),
        (["13:00-14:00", "14:00-15:00"], at(13, 30), at(15)),
        (["23:00-01:00", "00:30-02:00"], at(23, 30, day=29), at(2)),
        ([], NOON, None),
    ],
)
def test_quiet_hours(spans, local, until):
    """Over midnight, and joined where they touch."""
    rules = LimitRules(quiet=tuple(read_span(each) for each in spans))
    assert quiet_until(rules, local) == until


def test_quiet_all_day_has_an_end_that_can_be_told():
    """A span that ends when it begins lasts the whole day."""
    rules = LimitRules(quiet=(read_span("00:00-00:00"),))
    until = quiet_until(rules, NOON)
    assert until is not None
    assert NOON < until <= NOON + dt.timedelta(days=1)


def test_quiet_hours_are_told_once_each_time():
    """Again in the next night."""
    book, rules = GuildLimits(), LimitRules(quiet=(read_span("22:00-07:00"),))
    told = [
        refusal is not None and refusal.is_first
        for refusal in (
            book.refusal(rules, ADA, 0.0, at(22, 0, day=28)),
            book.refusal(rules, BOB, 0.0, at(6, 0, day=29)),
            book.refusal(rules, ADA, 0.0, at(12, 0, day=29)),
            book.refusal(rules, ADA, 0.0, at(23, 0, day=29)),
        )
    ]
    assert told == [True, False, False, True]


def test_asking_whether_it_is_allowed_tells_nobody():
    """The word for people is not used up by it."""
    book, rules = GuildLimits(), LimitRules(member_turns=1)
    book.took(ADA, 0.0)
    assert not book.is_allowed(rules, ADA, 1.0, NOON)
    refusal = book.refusal(rules, ADA, 2.0, NOON)
    assert refusal is not None
    assert refusal.is_first


def test_the_days_counts_survive_a_restart():
    """As JSON; and that people have been told."""
    book, rules = GuildLimits(), LimitRules(calls=1, member_turns=1)
    book.asked(NOON)
    book.spoke(1.5, NOON)
    book.took(ADA, 0.0)
    assert book.refusal(rules, ADA, 0.0, NOON) == Refusal("calls", is_first=True)
    again = GuildLimits()
    again.recall(json.loads(json.dumps(book.as_fact())))
    assert (again.calls, again.spoken_s) == (1, 1.5)
    assert again.refusal(rules, ADA, 0.0, NOON) == Refusal("calls", is_first=False)


@given(
    st.dictionaries(
        st.sampled_from(["day", "calls", "spoken_s", "told"]),
        st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.dictionaries(st.text(), st.text()),
    )
)
def test_what_was_stored_by_another_hand_breaks_nothing(fact):
    """Whatever stands in the store, limits are counted on from it and no count is below nothing."""
    book = GuildLimits()
    book.recall(fact)
    book.refusal(LimitRules(calls=5, spoken_s=5.0), ADA, 0.0, NOON)
    assert book.calls >= 0
    assert book.spoken_s >= 0


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.floats(0, 20)), max_size=60), st.integers(1, 5))
def test_no_minute_ever_has_more_turns_than_allowed(asked, limit):
    """Whoever asks whenever: no member and no server has more turns in a minute than the limit."""
    book, rules, now = GuildLimits(), LimitRules(member_turns=limit, server_turns=2 * limit), 0.0
    taken: list[tuple[int, float]] = []
    for user, gap in asked:
        now += gap
        if book.refusal(rules, UserId(user), now, NOON) is None:
            book.took(UserId(user), now)
            taken.append((user, now))
    for user, start in taken:
        within = [who for who, when in taken if start <= when < start + 60.0]
        assert within.count(user) <= limit
        assert len(within) <= 2 * limit


@pytest.mark.parametrize("text", ["24:00-07:00", "7:00-8:00", "22:00", "", "22:60-07:00"])
def test_what_is_no_span_is_refused(text):
    """A span is HH:MM-HH:MM and nothing else."""
    with pytest.raises(ValueError, match="HH:MM"):
        read_span(text)


def test_a_stored_time_without_end_is_none():
    """A spoken time that is no number forbids nobody to speak."""
    for spoken_s in (math.inf, math.nan, -5.0):
        book = GuildLimits()
        book.recall({"day": NOON.date().isoformat(), "calls": 2, "spoken_s": spoken_s, "told": {}})
        assert (book.calls, book.spoken_s) == (2, 0.0)
