"""One backend's health: what calls and probes say of it, and when it is probed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.health.backend import BackendHealth, HealthRules

pytestmark = pytest.mark.unit

WHY = "connection refused"


def probe(health: BackendHealth, *, is_well: bool, took_s: float = 0.0) -> float:
    """Probe it when it is due; return when that was."""
    began = health.probe_at
    health.probed(began, began + took_s, "ready" if is_well else WHY, is_well=is_well)
    return began


def up() -> BackendHealth:
    health = BackendHealth()
    health.probed(0.0, 0.0, "ready", is_well=True)
    assert (health.state, health.detail, health.probe_at) == ("up", "ready", 300.0)
    return health


def test_the_first_probe_is_due_at_once_unless_nobody_wants_it() -> None:
    """A new backend is asked before anybody needs it."""
    assert BackendHealth().probe_at < 0
    assert BackendHealth(HealthRules(at_start=False)).probe_at == math.inf


def test_a_dead_server_is_probed_after_2_4_8_16_and_then_30_seconds() -> None:
    """Five probes in the first minute, and two a minute from then on, for two nights and more."""
    health = up()
    health.failed(10.0, WHY)
    assert (health.state, health.since, health.detail) == ("failing", 10.0, WHY)
    at = [probe(health, is_well=False) - 10.0 for _ in range(5000)]
    assert at[:6] == [2.0, 6.0, 14.0, 30.0, 60.0, 90.0]
    assert at[-1] == 30.0 * (5000 - 3)
    assert (health.state, health.since) == ("down", 12.0)


def test_further_failures_cause_no_further_probes() -> None:
    """However many turns fail in however many rooms."""
    one, many = up(), up()
    one.failed(10.0, WHY)
    for number in range(50):
        many.failed(10.0 + number / 10, WHY)
        if many.probe_at <= 10.0 + number / 10:
            probe(many, is_well=False)
    probe(one, is_well=False)
    assert many.probe_at == one.probe_at


def test_a_probe_that_comes_through_ends_what_a_probe_has_seen() -> None:
    """Killed and started again: nobody has to ask it first."""
    health = up()
    health.failed(10.0, WHY)
    probe(health, is_well=False)
    at = probe(health, is_well=True)
    assert (health.state, health.since, health.probe_at) == ("up", at, at + 300.0)


def test_who_answers_probes_and_fails_at_its_work_is_failing_until_it_has_done_some() -> None:
    """Its probes prove nothing, and become rare."""
    health = up()
    health.failed(10.0, WHY)
    at = [probe(health, is_well=True) - 10.0 for _ in range(10)]
    assert at == [2.0, 6.0, 14.0, 30.0, 62.0, 126.0, 254.0, 510.0, 810.0, 1110.0]
    assert (health.state, health.since) == ("failing", 10.0)
    health.succeeded(2000.0)
    assert (health.state, health.detail, health.probe_at) == ("up", "", 2300.0)


def test_a_circuit_that_opens_is_probed_soon() -> None:
    """Only a probe lets the backend try again: one in five minutes would be too late."""
    health = up()
    health.failed(10.0, WHY)
    for _ in range(8):
        probe(health, is_well=True)
    for now in (600.0, 610.0, 620.0):
        health.failed(now, WHY)
    assert not health.allows
    assert health.probe_at == 650.0
    probe(health, is_well=True)
    assert health.allows, "a probe came through, and nobody may try"


def test_what_a_call_brought_while_a_probe_hung_is_the_newer_proof() -> None:
    """The probe began before the server was back."""
    health = up()
    health.failed(10.0, WHY)
    health.succeeded(15.0)
    health.probed(12.0, 22.0, "no answer", is_well=False)
    assert health.state == "up"


def test_a_call_that_brought_nothing_proves_nothing() -> None:
    """Neither that it is well nor that it is not."""
    health = up()
    health.failed(10.0, WHY)
    health.abandoned(is_trial=health.begin())
    assert health.state == "failing"


def test_one_who_is_suspected_is_probed_and_stays_in_use() -> None:
    """The turn's time was over: perhaps it was its fault."""
    health = up()
    for now in (10.0, 20.0, 30.0):
        health.suspected(now, "no answer in time")
    assert (health.state, health.allows, health.probe_at) == ("failing", True, 12.0)


def unanswered(health: BackendHealth, *at: float) -> None:
    for now in at:
        health.failed(now, "no answer in time", is_unanswered=True)


def test_who_gives_no_answer_three_times_in_a_row_is_down_whatever_its_probes_say() -> None:
    """A probe only looks whether it lets us in; an answer ends it, at once."""
    health = up()
    unanswered(health, 10.0, 20.0)
    assert (health.state, health.is_mute) == ("failing", False)
    unanswered(health, 30.0)
    assert (health.state, health.is_mute, health.is_absent, health.since) == ("down", True, False, 30.0)
    assert "3 times in a row" in health.detail
    probe(health, is_well=True)
    assert health.state == "down"
    health.succeeded(200.0)
    assert (health.state, health.is_mute, health.probe_at) == ("up", False, 500.0)


def test_who_is_mute_is_given_all_its_time_once_after_each_probe() -> None:
    """It may be slow by now, and no longer mute: once a minute at first, then more rarely."""
    health = up()
    unanswered(health, 10.0, 20.0, 30.0)
    at = []
    for _ in range(8):
        at.append(probe(health, is_well=True) - 30.0)
        assert not health.is_mute
        unanswered(health, health.probe_at - 1.0)
        assert health.is_mute
    assert at == [60.0, 120.0, 180.0, 240.0, 304.0, 432.0, 688.0, 988.0]


def test_who_was_mute_and_is_started_again_is_another_server() -> None:
    """Its probes fail while it is away, and with the first that does not it is up."""
    health = up()
    unanswered(health, 10.0, 20.0, 30.0)
    probe(health, is_well=False)
    assert (health.state, health.is_mute, health.is_absent) == ("down", False, True)
    probe(health, is_well=True)
    assert health.state == "up"


@pytest.mark.parametrize("between", ["answer", "error", "at the same time"])
def test_three_that_are_not_in_a_row_are_no_proof(between: str) -> None:
    """Who says something in between is not mute; and three people who spoke at once have asked it once."""
    health = up()
    match between:
        case "answer":
            unanswered(health, 10.0, 20.0)
            health.succeeded(25.0)
            unanswered(health, 30.0)
        case "error":
            unanswered(health, 10.0, 20.0)
            health.failed(25.0, "HTTP 500")
            unanswered(health, 30.0)
        case _:
            unanswered(health, 10.0, 10.1, 10.2)
    assert (health.state, health.is_mute) == ("failing", False)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["well", "failed", "unanswered", "suspected", "abandoned", "probe well", "probe failed"]),
        st.floats(0, 40),
    ),
    max_size=80,
)


@given(EVENTS)
def test_any_history_keeps_the_rules(events: list[tuple[str, float]]) -> None:
    """A probe is always due, never later than the rules say; success is up, a failed probe down, a failure never up."""
    health, now = up(), 0.0
    for kind, gap_s in events:
        now += gap_s
        was = health.state
        was_mute = was == "down" and not health.is_absent
        match kind:
            case "well":
                health.succeeded(now, is_trial=health.begin())
                assert health.state == "up"
            case "failed":
                health.failed(now, WHY, is_trial=health.begin())
                assert health.is_in_trouble
            case "unanswered":
                health.failed(now, WHY, is_trial=health.begin(), is_unanswered=True)
                assert health.is_in_trouble
                assert health.is_mute == (health.state == "down" and not health.is_absent)
            case "suspected":
                health.suspected(now, WHY)
                assert health.is_in_trouble
            case "abandoned":
                health.abandoned(is_trial=health.begin())
                assert health.state == was
            case "probe well":
                health.probed(now, now, "ready", is_well=True)
                assert health.state == (was if was == "failing" or was_mute else "up")
            case _:
                health.probed(now - 1e-6, now, WHY, is_well=False)
                assert health.state in ("down", "up", was)
        assert health.probe_at <= now + 300.0
        if health.is_absent:
            assert health.probe_at <= now + 30.0
