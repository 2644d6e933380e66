"""Who makes no pause, by plain numbers."""

from __future__ import annotations

import pytest

from voxbridge.core.turns.unbroken import Unbroken

pytestmark = pytest.mark.unit


def after(*by_limit: bool) -> Unbroken:
    """Return what is known after utterances of two minutes with no pause between them."""
    unbroken = Unbroken()
    for number, is_limit in enumerate(by_limit):
        unbroken.began(120.0 * number, 0.5)
        unbroken.ended(120.0 * (number + 1), by_limit=is_limit)
    return unbroken


def test_one_long_story_is_answered_and_the_second_in_a_row_is_endless() -> None:
    """One utterance that the limit ended is a long story; two with no pause between them are no conversation."""
    assert not after(True).is_endless
    assert after(True, True).is_endless
    assert not after(True, False, True).is_endless


def test_a_pause_makes_a_new_beginning() -> None:
    """After a pause as long as one that ends a turn, whoever went on and on is listened to again."""
    unbroken = after(True, True)
    unbroken.began(240.4, 0.5)
    assert unbroken.is_endless, "0.4 s are a breath"
    unbroken.began(240.6, 0.5)
    assert not unbroken.is_endless


def test_it_is_told_once_and_for_how_long() -> None:
    """The length of all utterances in a row is told, and once only."""
    unbroken = after(True, True)
    assert unbroken.to_tell_s(120.0) == 240
    assert unbroken.to_tell_s(120.0) is None
