"""The ledger of a line, on timestamps alone: what is owed, and when the server is called again."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxbridge.core.stt.ledger import LAST_TRY_S, Dial, Finished, HangUp, Ledger, Rest, Settle
from voxbridge.core.stt.owed import Call, Failure, FailureKind, Manners, Owed
from voxbridge.core.stt.redial import PENDING_WAIT_S, REFUSED_WAIT_S
from voxbridge.core.stt.states import CALL, OWED, CallEvent, CallState, OwedEvent, OwedState

pytestmark = pytest.mark.unit

LIMIT_S = 5.0
LASTING = Manners(is_lasting=True, connects_ahead=True, tries_max=2)
AHEAD = Manners(is_lasting=False, connects_ahead=True, tries_max=3)
WHEN_NEEDED = Manners(is_lasting=False, connects_ahead=False, tries_max=3)
UPLOAD = Manners(is_lasting=False, connects_ahead=False, tries_max=3, has_connection=False)
ALL_MANNERS = [LASTING, AHEAD, WHEN_NEEDED, UPLOAD]

ABSENT, BROKEN, LATE, REFUSED = (Failure(kind, RuntimeError(kind.value)) for kind in FailureKind)


def ledger(
    manners: Manners, rng: Callable[[], float] = lambda: 1.0, *, is_down: bool = False, is_mute: bool = False
) -> Ledger:
    return Ledger(manners, limit_s=LIMIT_S, rng=rng, is_down=lambda: is_down, is_mute=lambda: is_mute)


def begin(book: Ledger, now: float = 0.0) -> tuple[Owed, Call]:
    """Open an utterance, and dial for it."""
    book.feed(b"a")
    owed = book.current
    assert owed is not None
    assert book.next_step(owed.call, now) == Dial()
    return owed, owed.call


def dials_within(book: Ledger, call: Call, failure: Failure, until: float, now: float = 0.0) -> list[float]:
    """Return when a call dials a server that fails each time at once; it is being dialled at ``now``."""
    dials = [now]
    book.lost(call, failure, now)
    while isinstance(step := book.next_step(call, now), Rest) and step.until < until:
        now = step.until
        if book.next_step(call, now) == Dial():
            dials.append(now)
            book.lost(call, failure, now)
    return dials


def exactly(times: list[float]) -> object:
    return pytest.approx(times, abs=1e-9)


# -- the tables --


def test_the_tables_say_what_comes_of_everything_that_can_happen():
    """Only what cannot happen is missing: an answer to one that is being said, an end of one that has ended."""
    missing = {(state, event) for state in OwedState for event in OwedEvent if event not in OWED[state]}
    assert missing == {
        *((state, OwedEvent.ANSWER) for state in (OwedState.OPEN, OwedState.REFUSED, OwedState.DOOMED)),
        *(
            (state, event)
            for state in (OwedState.ENDED, OwedState.LAST_TRY)
            for event in (OwedEvent.END, OwedEvent.END_IN_OUTAGE)
        ),
    }
    missing_calls = {(state, event) for state in CallState for event in CallEvent if event not in CALL[state]}
    assert missing_calls == {
        (CallState.RESTING, CallEvent.UP),
        (CallState.DIALLING, CallEvent.DIAL),
        (CallState.UP, CallEvent.UP),
        (CallState.UP, CallEvent.DIAL),
        (CallState.OVER, CallEvent.DIAL),
    }


def test_what_is_over_stays_over():
    """No event brings an utterance or a call back that has ended."""
    for state in (OwedState.FAILED, OwedState.OVER):
        assert set(OWED[state].values()) == {state}
    assert set(CALL[CallState.OVER].values()) == {CallState.OVER}


# -- when to call again --


@pytest.mark.parametrize("manners", ALL_MANNERS)
def test_where_nothing_listens_a_try_is_made_every_250_ms(manners):
    """While somebody speaks a port where nobody listens is tried every 250 ms: the server may start any moment."""
    book = ledger(manners)
    owed, call = begin(book)
    assert dials_within(book, call, ABSENT, 1.1) == exactly([0.0, 0.25, 0.5, 0.75, 1.0])
    assert not owed.is_over


@pytest.mark.parametrize("manners", ALL_MANNERS)
@pytest.mark.parametrize("failure", [BROKEN, LATE])
def test_a_server_that_is_there_and_fails_is_given_growing_pauses(manners, failure):
    """A server that is there and fails is tried after pauses that double up to 2 s."""
    book = ledger(manners)
    _, call = begin(book)
    assert dials_within(book, call, failure, 8) == exactly([0.0, 0.25, 0.75, 1.75, 3.75, 5.75, 7.75])


def test_the_pauses_are_jittered():
    """The pauses are shortened by chance, so that many lines do not call at once."""
    book = ledger(LASTING, rng=lambda: 0.5)
    _, call = begin(book)
    assert dials_within(book, call, BROKEN, 2) == exactly([0.0, 0.125, 0.375, 0.875, 1.875])


@pytest.mark.parametrize("failure", [ABSENT, BROKEN])
def test_while_nobody_speaks_the_pauses_grow_to_ten_seconds(failure):
    """A line on which nobody speaks tries ever more seldom, at last every 10 s."""
    book = ledger(LASTING)
    [call] = book.new_calls()
    assert book.next_step(call, 0.0) == Dial()
    dials = dials_within(book, call, failure, 60)
    assert dials[:7] == exactly([0.0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75])
    assert dials[-1] - dials[-2] == pytest.approx(10.0)


@pytest.mark.parametrize("manners", ALL_MANNERS)
def test_a_refusal_is_asked_once_per_utterance_and_told_at_its_end(manners):
    """A server that refuses us is not asked again while one utterance lasts, and its end is told at once."""
    book = ledger(manners)
    owed, call = begin(book)
    assert dials_within(book, call, REFUSED, 4.9) == [0.0]
    ended, commands = book.end(4.9)
    assert ended is owed
    assert [each for each in commands if isinstance(each, Settle)] == [Settle(owed)]


def test_a_refusal_that_is_mended_while_somebody_speaks_is_found_after_five_seconds():
    """In a long utterance a server that refused is tried again every 5 s."""
    book = ledger(WHEN_NEEDED)
    owed, call = begin(book)
    assert dials_within(book, call, REFUSED, 11) == exactly([0.0, REFUSED_WAIT_S, 2 * REFUSED_WAIT_S])
    assert book.next_step(call, 15.0) == Dial()
    book.up(call, 15.0)
    assert owed.state is OwedState.OPEN


@pytest.mark.parametrize("manners", [LASTING, AHEAD, WHEN_NEEDED])
def test_who_names_a_time_is_left_alone_until_then(manners):
    """A server that names a time is not called before it; the utterance is given up at once if it is too late."""
    book = ledger(manners)
    owed, call = begin(book)
    busy = attrs.evolve(BROKEN, retry_after_s=3.0)
    assert dials_within(book, call, busy, 6.5) == exactly([0.0, 3.0, 6.0])
    _, commands = book.end(7.0)
    assert not [each for each in commands if isinstance(each, Settle)], "the next try comes in time"
    assert book.next_step(call, 9.0) == Dial()
    commands = book.lost(call, attrs.evolve(busy, retry_after_s=3.01), 9.0)
    assert [each for each in commands if isinstance(each, Settle)] == [Settle(owed)]


def test_a_time_of_a_day_is_a_minute():
    """A named time of a day is taken as a minute."""
    book = ledger(LASTING)
    _, call = begin(book)
    assert dials_within(book, call, attrs.evolve(BROKEN, retry_after_s=86_400), 130) == exactly([0.0, 60.0, 120.0])


def test_nothing_is_connected_ahead_while_one_that_is_waited_for_tries():
    """While a connection that somebody needs cannot be made, none is made ahead."""
    book = ledger(AHEAD)
    _, call = begin(book)
    [_, spare] = book.new_calls()
    assert spare.owed is None
    book.lost(call, BROKEN, 0.0)
    assert book.next_step(spare, 100.0) == Rest(math.inf)
    assert book.next_step(call, 100.0) == Dial()
    book.up(call, 100.0)
    assert book.next_step(spare, 100.0) == Dial()


@pytest.mark.parametrize("manners", [AHEAD, WHEN_NEEDED, UPLOAD])
def test_a_server_that_fails_by_itself_is_asked_three_times(manners):
    """A server that fails over one utterance is asked three times, 250 ms apart."""
    book = ledger(manners)
    owed, call = begin(book)
    book.end(0.0)
    for now in (0.0, 0.25):
        assert not [each for each in book.lost(call, BROKEN, now, blamed=owed) if isinstance(each, Settle)]
        assert book.next_step(call, now + PENDING_WAIT_S) == Dial(), "counted tries have no growing pauses as well"
    assert Settle(owed) in book.lost(call, BROKEN, 0.5, blamed=owed)
    assert book.next_step(call, 9.0) == Finished()


def test_one_that_failed_too_often_while_it_was_said_is_told_at_its_end_and_not_tried_again():
    """An utterance on which the server failed three times keeps no sound and is told at its end."""
    book = ledger(WHEN_NEEDED)
    owed, call = begin(book)
    for now in (0.0, 1.0, 2.0):
        book.lost(call, BROKEN, now, blamed=owed)
        book.next_step(call, now + 1)
    assert owed.state is OwedState.DOOMED
    assert book.next_step(call, 60.0) == Rest(math.inf)
    book.feed(b"more")
    assert not owed.packets
    assert Settle(owed) in book.end(61.0)[1]


# -- outages that are known --


def lose_one(book: Ledger, failure: Failure) -> None:
    """Let an utterance wait in vain for a server that is not there."""
    owed, call = begin(book)
    book.lost(call, failure, 0.0)
    book.end(0.0)
    book.drop(owed, LIMIT_S)


@pytest.mark.parametrize("manners", ALL_MANNERS)
@pytest.mark.parametrize("failure", [ABSENT, BROKEN])
def test_in_a_known_outage_one_more_try_is_made_and_its_failure_told(manners, failure):
    """The apology does not wait for the limit again."""
    book = ledger(manners)
    lose_one(book, failure)
    book.feed(b"b")
    owed = book.current
    assert owed is not None
    _, commands = book.end(LIMIT_S)
    assert not commands
    assert owed.state is OwedState.LAST_TRY
    assert book.next_step(owed.call, LIMIT_S) == Dial(), "whatever the pauses are"
    if manners.has_connection:
        assert book.deadline(owed.call) == LIMIT_S + LAST_TRY_S
    assert Settle(owed) in book.lost(owed.call, failure, LIMIT_S + 0.01)


def test_in_a_known_outage_a_server_that_is_back_has_all_its_time():
    """In a known outage a server that answers the last try has the whole limit; the next outage is new."""
    book = ledger(LASTING)
    lose_one(book, ABSENT)
    book.feed(b"b")
    owed, _ = book.end(LIMIT_S)
    assert owed is not None
    assert book.next_step(owed.call, LIMIT_S) == Dial()
    book.up(owed.call, LIMIT_S)
    assert owed.state is OwedState.ENDED
    assert owed.due == 2 * LIMIT_S
    assert book.deadline(owed.call) == math.inf
    book.answered(owed)
    book.lost(owed.call, ABSENT, 7.0)
    book.feed(b"c")
    later, _ = book.end(8.0)
    assert later is not None
    assert later.state is OwedState.ENDED, "that outage is over; this one is new"


@pytest.mark.parametrize("manners", ALL_MANNERS)
def test_what_others_have_found_counts_as_well(manners):
    """A speaker who was never let down yet does not wait the whole limit either."""
    book = ledger(manners, is_down=True)
    owed, call = begin(book, now=1.5)
    book.end(2.0)
    assert owed.state is OwedState.LAST_TRY
    assert Settle(owed) in book.lost(call, ABSENT, 2.01)


@pytest.mark.parametrize(("is_greeted", "share"), [(True, 1.0), (False, 0.5)])
def test_one_who_is_found_down_and_only_takes_connections_has_half_of_the_limit(is_greeted, share):
    """One that answers when it is called is back, whatever was found before."""
    book = ledger(attrs.evolve(AHEAD, is_greeted=is_greeted), is_down=True)
    _, call = begin(book)
    book.up(call, 0.0)
    book.end(2.0)
    assert book.deadline(call) == 2.0 + LIMIT_S * share


@pytest.mark.parametrize("manners", ALL_MANNERS)
@pytest.mark.parametrize("is_early", [True, False])
def test_a_connection_to_one_who_is_mute_proves_nothing(manners, is_early):
    """Connected before the end or after it: its answer has half of the limit, and is as welcome as ever."""
    book = ledger(manners, is_mute=True)
    owed, call = begin(book, now=1.5)
    if is_early:
        book.up(call, 1.6)
        book.end(2.0)
    else:
        book.end(2.0)
        book.up(call, 2.1)
    assert owed.state is OwedState.LAST_TRY
    assert book.deadline(call) == (2.0 if is_early else 2.1) + LIMIT_S / 2
    is_awaited, _ = book.answered(owed)
    assert is_awaited
    assert owed.is_over


def test_a_try_that_hangs_since_before_the_end_is_not_the_last_one():
    """A try that hung before the utterance ended is hung up, and one more is made."""
    book = ledger(AHEAD)
    lose_one(book, BROKEN)
    book.feed(b"b")
    owed = book.current
    assert owed is not None
    assert book.next_step(owed.call, 3.9) == Dial()
    _, commands = book.end(LIMIT_S)
    assert commands == [HangUp(owed.call)]
    assert book.next_step(owed.call, LIMIT_S) == Dial()


def test_a_last_try_that_was_too_slow_leaves_the_next_one_all_its_time():
    """The server is there again, and takes more than a second to be ready."""
    book = ledger(AHEAD)
    lose_one(book, BROKEN)
    book.feed(b"b")
    owed, _ = book.end(LIMIT_S)
    assert owed is not None
    assert book.next_step(owed.call, LIMIT_S) == Dial()
    assert Settle(owed) in book.lost(owed.call, LATE, LIMIT_S + LAST_TRY_S)
    book.feed(b"c")
    later, _ = book.end(9.0)
    assert later is not None
    assert later.state is OwedState.ENDED


def test_a_server_that_is_merely_slow_makes_no_outage():
    """A server that was too slow once is no outage: the next utterance has all its time."""
    book = ledger(AHEAD)
    owed, call = begin(book)
    book.up(call, 0.0)
    book.end(0.0)
    book.drop(owed, LIMIT_S)
    book.feed(b"b")
    later, _ = book.end(LIMIT_S)
    assert later is not None
    assert later.state is OwedState.ENDED


# -- what is overdue --


def test_an_overdue_final_makes_connections_doubtful_that_were_made_meanwhile():
    """After an overdue final the connections that were made ahead are made anew."""
    book = ledger(AHEAD)
    owed, call = begin(book)
    [_, spare] = book.new_calls()
    for each in (call, spare):
        if each is spare:
            book.next_step(spare, 0.0)
        book.up(each, 0.0)
    book.end(0.0)
    assert HangUp(spare) in book.drop(owed, LIMIT_S)
    assert book.next_step(spare, LIMIT_S) == Dial(), "no pause: it is ours to hang up"
    book.up(spare, LIMIT_S)
    assert HangUp(spare) in book.feed(b"b"), "the server may hang still"


def test_a_lasting_connection_whose_final_is_overdue_is_made_anew():
    """A connection that owes a final is hung up, and its successor counts as one reconnect."""
    book = ledger(LASTING)
    owed, call = begin(book)
    book.up(call, 0.0)
    book.end(0.0)
    owed.is_told = True
    assert book.drop(owed, LIMIT_S) == [HangUp(call)]
    assert call.state is CallState.RESTING
    assert book.next_step(call, LIMIT_S + 0.25) == Dial()
    book.up(call, LIMIT_S + 0.25)
    assert book.reconnect_count == 1


def test_one_that_nobody_looks_after_ends_with_its_limit():
    """An utterance that nobody waits for ends with its limit, and so does its call."""
    book = ledger(WHEN_NEEDED)
    owed, call = begin(book)
    book.lost(call, ABSENT, 0.0)
    book.end(0.0)
    step = book.next_step(call, 0.01)
    assert step == Rest(0.25)
    assert book.expire(LIMIT_S) == [HangUp(call)]
    assert (owed.is_over, book.next_step(call, LIMIT_S)) == (True, Finished())


def test_an_outage_is_one_reconnect_however_many_calls_notice_it():
    """An outage that two connections notice is counted once."""
    book = ledger(AHEAD)
    owed, call = begin(book)
    [_, spare] = book.new_calls()
    assert book.next_step(spare, 0.0) == Dial()
    for each in (call, spare):
        book.up(each, 0.0)
    for each in (call, spare):
        book.lost(each, BROKEN, 1.0)
    assert not book.is_up
    for each in (call, spare):
        assert book.next_step(each, 9.0) == Dial()
        book.up(each, 9.0)
    assert (book.reconnect_count, book.is_up, owed.failure) == (1, True, None)


# -- all of it at once --


class World:
    """A line's shell and its server in one, without I/O: each dial meets the next fate of a script."""

    def __init__(self, manners: Manners, fates: list[str]) -> None:
        self.fates, self.now = fates, 0.0
        self.book = Ledger(manners, limit_s=LIMIT_S, rng=lambda: 1.0)
        self.calls: list[Call] = []
        self.dials: list[float] = []
        self.told: dict[int, str] = {}
        self.answers: list[tuple[float, Call, str]] = []

    def carry_out(self, commands: list[Settle | HangUp]) -> None:
        for command in commands:
            match command:
                case Settle(owed):
                    self.tell(owed, "failed")
                case HangUp(call):
                    assert call.state in {CallState.RESTING, CallState.OVER}

    def tell(self, owed: Owed, outcome: str) -> None:
        assert owed.id not in self.told, "told twice"
        self.told[owed.id] = outcome
        assert owed.is_over
        assert not owed.packets

    def run(self, until: float) -> None:
        """Let time pass, from one thing that is due to the next."""
        while True:
            self.carry_out(self.book.expire(self.now))
            self.calls += self.book.new_calls()
            due = [until, *(at for at, _, _ in self.answers)]
            due += [owed.due for owed in self.book.owed]
            for call in list(self.calls):
                if call.state in {CallState.DIALLING, CallState.UP}:
                    if self.book.deadline(call) <= self.now:
                        self.carry_out(self.book.lost(call, LATE, self.now))
                    due.append(self.book.deadline(call))
                    continue
                match self.book.next_step(call, self.now):
                    case Rest(at):
                        assert at > self.now, "a rest that is over"
                        due.append(at)
                    case Finished():
                        self.calls.remove(call)
                    case Dial():
                        self.dial(call)
                        due.append(self.now)
            self.answer()
            assert sum(call.state is not CallState.OVER for call in self.calls) <= len(self.book.owed) + 1
            at = min(each for each in [*due, *(at for at, _, _ in self.answers)] if each > self.now or each == until)
            if at >= until:
                self.now = until
                return
            self.now = at

    def dial(self, call: Call) -> None:
        self.dials.append(self.now)
        fate = self.fates.pop(0) if self.fates else "serve"
        match fate:
            case "absent" | "broken" | "refused" | "busy":
                failure = {
                    "absent": ABSENT,
                    "broken": BROKEN,
                    "refused": REFUSED,
                    "busy": attrs.evolve(BROKEN, retry_after_s=2.0),
                }[fate]
                self.carry_out(self.book.lost(call, failure, self.now))
            case "hang":
                pass
            case _:
                self.book.up(call, self.now)
                self.answers.append((self.now + 0.3, call, fate))

    def answer(self) -> None:
        for answer in [each for each in self.answers if each[0] <= self.now]:
            self.answers.remove(answer)
            at, call, fate = answer
            if call.state is not CallState.UP:
                continue
            owed = next((each for each in self.book.owed if each.call is call and each.has_ended), None)
            if fate in {"lose", "fail"}:
                blamed = owed if fate == "fail" else None
                self.carry_out(self.book.lost(call, BROKEN, self.now, blamed=blamed))
                continue
            if owed is not None and fate == "serve":
                is_awaited, commands = self.book.answered(owed)
                assert is_awaited
                self.tell(owed, "answered")
                self.carry_out(commands)
            if call.state is CallState.UP:
                self.answers.append((at + 0.3, call, fate))


FATES = st.lists(
    st.sampled_from(["absent", "broken", "refused", "busy", "hang", "mute", "lose", "fail", "serve"]), max_size=30
)
SAID = st.lists(
    st.tuples(st.sampled_from(["say", "say", "discard", "give up"]), st.floats(0.02, 4.0), st.floats(0.02, 6.0)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ALL_MANNERS), FATES, SAID)
def test_everything_that_is_owed_is_told_once_and_in_time(manners, fates, said):
    """Whatever the server does: no utterance waits beyond its limit, none is told twice, and nothing is left over."""
    world = World(manners, list(fates))
    ended: dict[int, Owed] = {}
    for what, speaks_s, pause_s in said:
        world.carry_out(world.book.feed(b"a"))
        world.run(world.now + speaks_s)
        owed = world.book.current
        assert owed is not None
        if what == "discard":
            world.carry_out(world.book.drop(owed, world.now))
            world.told[owed.id] = "dropped"
            continue
        _, commands = world.book.end(world.now)
        world.carry_out(commands)
        if what == "give up" and not owed.is_over:
            world.carry_out(world.book.drop(owed, world.now))
            world.told[owed.id] = "dropped"
        ended[owed.id] = owed
        world.run(world.now + pause_s)
    world.run(world.now + LIMIT_S)
    assert not world.book.owed
    for owed in ended.values():
        assert owed.is_over
    world.run(world.now + 60)
    assert len(world.calls) == (1 if manners.connects_ahead else 0), "calls are left over"
    # afterwards, with a server that is well again, the next utterance is heard
    world.fates.clear()
    world.carry_out(world.book.feed(b"z"))
    last = world.book.current
    assert last is not None
    world.run(world.now + 6.0)
    world.carry_out(world.book.end(world.now)[1])
    world.run(world.now + 1.0)
    assert world.told.get(last.id) == "answered" or "mute" in fates or "hang" in fates


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ALL_MANNERS), st.lists(st.sampled_from(["broken", "busy", "refused"]), min_size=60, max_size=60))
def test_a_server_that_fails_is_not_hammered(manners, fates):
    """In five seconds of speech and the five after it: eight tries at most, whoever makes them."""
    world = World(manners, list(fates))
    world.carry_out(world.book.feed(b"a"))
    world.run(5.0)
    world.carry_out(world.book.end(world.now)[1])
    world.run(10.0)
    assert len(world.dials) <= 10, world.dials
