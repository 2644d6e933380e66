"""When silence is deafness, and what is tried against it."""

from __future__ import annotations

import itertools

import pytest

from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.ids import UserId
from voxbridge.core.wire.rtp import DaveAdvice

pytestmark = pytest.mark.unit

ADA, BOB = UserId(1), UserId(2)


def advice(watch: DeafnessWatch, until: float, *, start: float = 0.0, can_heal: bool = True) -> list[object]:
    """Check twice a second; return each advice with its time."""
    found: list[object] = []
    for tick in range(round(start * 2), round(until * 2) + 1):
        said: DaveAdvice | None = watch.check(tick / 2, can_heal=can_heal)
        if said is not None:
            found.append((tick / 2, said))
    return found


def test_speech_that_is_announced_and_does_not_come() -> None:
    """Three seconds: fresh keys. Three more: join anew, as often as the price allows."""
    watch = DeafnessWatch()
    watch.speaking(ADA, 1.0, is_speaking=True)
    assert advice(watch, 9) == [(4.0, "heal"), (7.0, "rejoin")]


def test_joining_anew_has_a_price_that_doubles() -> None:
    """At once, then not within 10 s, 20, 40 ... 300; a quarter of an hour without, and it is forgiven."""
    watch = DeafnessWatch()
    paid = [now for now in range(2000) if watch.may_rejoin(float(now))]
    assert [b - a for a, b in itertools.pairwise(paid)] == [10, 20, 40, 80, 160, 300, 300, 300, 300, 300]
    assert watch.may_rejoin(paid[-1] + 900.0)
    assert not watch.may_rejoin(paid[-1] + 909.0)
    assert watch.may_rejoin(paid[-1] + 910.0)


def test_a_packet_that_cannot_be_opened_shows_that_the_way_is_open() -> None:
    """A member who is announced, and plain or slow with his keys, is no sign of deafness."""
    watch = DeafnessWatch()
    watch.speaking(ADA, 1.0, is_speaking=True)
    watch.arrived(1.2)
    assert advice(watch, 60) == []


def test_deafened_by_the_server_hearing_nobody_is_as_it_should_be() -> None:
    """No remedy is tried for what a moderator did."""
    watch = DeafnessWatch()
    watch.is_deafened = True
    watch.speaking(ADA, 1.0, is_speaking=True)
    assert advice(watch, 60) == []


def test_what_was_opened_lately_speaks_against_deafness() -> None:
    """Packets that nobody can open are no sign while others were heard within ten seconds."""
    watch = DeafnessWatch()
    watch.heard(0.0)
    for number in range(1000):
        watch.failed(number * 0.02)
        if number * 0.02 < DeafnessWatch.PROOF_S:
            assert watch.check(number * 0.02, can_heal=True) is None
    assert watch.check(20.0, can_heal=True) == "heal"


def test_one_frame_from_anybody_ends_the_suspicion() -> None:
    """The way to us is open; that one member announces speech and sends none is his own affair."""
    watch = DeafnessWatch()
    watch.speaking(ADA, 1.0, is_speaking=True)
    assert advice(watch, 3.5) == []
    watch.heard(3.5)
    assert advice(watch, 60, start=4) == []


@pytest.mark.parametrize("how", ["closed", "left", "new connection"])
def test_a_microphone_that_closed_is_not_waited_for(how: str) -> None:
    """Closed again, gone, or on a connection that is no more."""
    watch = DeafnessWatch()
    watch.speaking(ADA, 1.0, is_speaking=True)
    match how:
        case "closed":
            watch.speaking(ADA, 2.0, is_speaking=False)
        case "left":
            watch.gone(ADA)
        case _:
            watch.new_connection()
    assert advice(watch, 60) == []


def test_announcements_do_not_push_the_limit_away() -> None:
    """Who says again and again that he speaks is silent since the first time."""
    watch = DeafnessWatch()
    for tick in range(7):
        watch.speaking(ADA, tick / 2, is_speaking=True)
    assert advice(watch, 3.5) == [(3.0, "heal")]


def test_packets_that_do_not_open() -> None:
    """A second of them, over three seconds, and none that opens."""
    watch = DeafnessWatch()
    for number in range(200):
        watch.failed(number * 0.02)
    assert advice(watch, 20) == [(3.0, "heal")], "they have stopped: nothing is known of the remedy"
    for number in range(200):
        watch.failed(20 + number * 0.02)
    assert advice(watch, 30, start=20) == [(23.0, "rejoin")]


def test_an_announcement_that_its_packets_have_overtaken() -> None:
    """A short word is over before op 5 says that it begins: it was heard."""
    watch = DeafnessWatch()
    watch.heard(0.9)
    watch.speaking(ADA, 1.0, is_speaking=True)
    assert advice(watch, 60) == []
    watch.speaking(ADA, 60.0, is_speaking=True)
    assert advice(watch, 63, start=60) == [(63.0, "heal")]


def test_stray_packets_are_no_deafness() -> None:
    """A few datagrams of nobody's, however old."""
    watch = DeafnessWatch()
    for number in range(DeafnessWatch.FAILED_PACKETS - 1):
        watch.failed(number * 0.02)
    assert advice(watch, 60) == []


def test_a_frame_that_opens_among_many_that_do_not() -> None:
    """One speaker's failing frames are judged elsewhere as long as another is heard."""
    watch = DeafnessWatch()
    for number in range(1000):
        watch.failed(number * 0.02)
        if number % 40 == 0:
            watch.heard(number * 0.02)
        assert watch.check(number * 0.02, can_heal=True) is None


def test_without_keys_to_renew_we_join_anew_at_once() -> None:
    """A call that is not end-to-end encrypted has nothing to heal."""
    watch = DeafnessWatch()
    watch.speaking(ADA, 0.0, is_speaking=True)
    assert advice(watch, 5, can_heal=False) == [(3.0, "rejoin")]
    watch.new_connection()
    watch.speaking(BOB, 300.0, is_speaking=True)
    assert advice(watch, 305, start=300, can_heal=False) == [(303.0, "rejoin")]
