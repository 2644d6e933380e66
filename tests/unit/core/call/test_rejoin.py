"""The table of close codes: every row, and the waits between."""

from __future__ import annotations

import pytest

from voxbridge.core.call.rejoin import Drop, Rejoin, RejoinPolicy, StayOut

pytestmark = pytest.mark.unit


def closed(code: int | None) -> Drop:
    return Drop("closed", f"closed with {code}", code)


def after(drop: Drop, *, channel_exists: bool = True) -> Rejoin | StayOut:
    return RejoinPolicy(rng=lambda: 1.0).after(drop, 0.0, 100.0, channel_exists=channel_exists)


@pytest.mark.parametrize("code", [None, 1006, 4001, 4002, 4003, 4004, 4005, 4006, 4009, 4012, 4014, 4015, 4020, 4999])
def test_policy_after_a_passing_fault_rejoins_at_once(code):
    """A connection that had held is made again without a wait."""
    assert after(closed(code)) == Rejoin(0.0)


@pytest.mark.parametrize("code", [1000, 4011, 4022])
def test_policy_after_a_goodbye_waits_a_little(code):
    """The server said goodbye, or is not to be found: not at once."""
    assert after(closed(code)) == Rejoin(0.25)


@pytest.mark.parametrize("code", [4016, 4017])
def test_policy_after_a_fatal_code_stays_out(code):
    """No encryption in common cannot be mended by trying."""
    verdict = after(closed(code))
    assert isinstance(verdict, StayOut)
    assert verdict.is_fault


def test_policy_after_a_kick_stays_out_without_blame():
    """Somebody did not want us there."""
    assert after(Drop("kicked", "removed")) == StayOut("removed from the channel by somebody", is_fault=False)


def test_policy_after_a_deleted_channel_stays_out():
    """4022 with the channel gone is the end of it."""
    assert after(closed(4022), channel_exists=False) == StayOut("the channel is gone", is_fault=False)


@pytest.mark.parametrize("kind", ["gateway", "unsound", "handshake"])
def test_policy_after_our_own_reasons_rejoins_at_once(kind):
    """A new gateway session, failing decryption, a move that was not followed."""
    assert after(Drop(kind, "x")) == Rejoin(0.0)


def test_policy_where_joining_is_impossible_backs_off():
    """No such channel, no permission: tried again, but never in a loop."""
    assert after(Drop("unreachable", "no permission")) == Rejoin(0.25)


def test_policy_waits_grow_to_five_seconds():
    """0, 0.5, 1, 2, 4, 5 s, and a connection that held begins anew."""
    policy = RejoinPolicy(rng=lambda: 1.0)
    waits = [policy.after(closed(4006), float(n), 1.0, channel_exists=True) for n in range(9)]
    assert waits == [Rejoin(w) for w in (0.0, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0)]
    assert policy.after(closed(4006), 99.0, 5.0, channel_exists=True) == Rejoin(0.0)


def test_policy_waits_have_jitter():
    """Many rooms must not come back in step."""
    policy = RejoinPolicy(rng=lambda: 0.5)
    waits = [policy.after(closed(4006), 0.0, 1.0, channel_exists=True) for _ in range(3)]
    assert waits == [Rejoin(0.0), Rejoin(0.25), Rejoin(0.5)]


def test_policy_gives_up_on_a_fault_of_ours_after_three_in_a_minute():
    """A broken protocol would be broken again."""
    policy = RejoinPolicy(rng=lambda: 1.0)
    assert isinstance(policy.after(closed(4002), 0.0, 100.0, channel_exists=True), Rejoin)
    assert isinstance(policy.after(closed(4020), 50.0, 0.0, channel_exists=True), Rejoin)
    assert isinstance(policy.after(closed(4001), 61.0, 0.0, channel_exists=True), Rejoin), "the first was a minute ago"
    assert isinstance(policy.after(closed(4002), 62.0, 0.0, channel_exists=True), StayOut)


def test_policy_tries_one_fresh_token():
    """A refused token is replaced by joining again, once."""
    policy = RejoinPolicy(rng=lambda: 1.0)
    assert policy.after(closed(4004), 0.0, 0.0, channel_exists=True) == Rejoin(0.0)
    assert isinstance(policy.after(closed(4004), 1.0, 0.0, channel_exists=True), StayOut)


def test_policy_respects_a_rate_limit():
    """A minute, doubled each time up to ten, until a connection has held."""
    policy = RejoinPolicy(rng=lambda: 0.0)
    waits = [policy.after(closed(4021), 0.0, 0.0, channel_exists=True) for _ in range(6)]
    assert waits == [Rejoin(60.0), Rejoin(120.0), Rejoin(240.0), Rejoin(480.0), Rejoin(600.0), Rejoin(600.0)]
    policy.after(closed(4006), 0.0, 61.0, channel_exists=True)
    assert policy.after(closed(4021), 0.0, 0.0, channel_exists=True) == Rejoin(60.0)
