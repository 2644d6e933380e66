"""A fresh place in the group that shares the keys: asked for once at a time, not for ever."""

from __future__ import annotations

import pytest

from voxbridge.core.call.recovery import Recovery

pytestmark = pytest.mark.unit


def remedies(recovery: Recovery, until: float, *, start: float = 0.0, is_ready: bool = False) -> list[object]:
    """Check four times a second."""
    found: list[object] = []
    for tick in range(round(start * 4), round(until * 4) + 1):
        remedy = recovery.check(tick / 4, is_ready=is_ready, has_company=True)
        if remedy is not None:
            found.append((tick / 4, remedy))
            if remedy == "rejoin":
                break
    return found


def test_a_bad_commit_is_answered_once() -> None:
    """What fails while a request is open is of the group that we have left: hundreds of commits, one request."""
    recovery = Recovery()
    assert [recovery.failed(0.001 * n) for n in range(500)] == [True] + [False] * 499


def test_two_bad_commits_in_a_row_are_healed_within_two_seconds() -> None:
    """The Welcome that was to heal us is bad as well: the next request is due when the first one's time is over."""
    recovery = Recovery()
    assert recovery.failed(0.0)
    assert not recovery.failed(0.05)
    assert remedies(recovery, 1.0) == [(1.0, "heal")]
    assert remedies(recovery, 3.0, start=1.25, is_ready=True) == []
    assert not recovery.is_open
    assert recovery.failed(3.0), "a new fault is answered at once"


def test_requests_that_lead_nowhere_end_in_joining_anew() -> None:
    """Three requests, growing waits, and then the call is left: six seconds in all."""
    recovery = Recovery()
    assert recovery.failed(0.0)
    assert remedies(recovery, 60.0) == [(1.0, "heal"), (2.75, "heal"), (6.0, "rejoin")]


def test_no_keys_though_there_is_company() -> None:
    """Nobody has to say a word for it to be noticed; alone in a call there are no keys to be had."""
    recovery = Recovery()
    assert recovery.check(50.0, is_ready=False, has_company=False) is None
    assert remedies(recovery, 105.0, start=100.0) == [(104.0, "heal"), (105.0, "heal")]
