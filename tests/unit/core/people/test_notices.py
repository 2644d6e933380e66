"""Who is still to be told that we listen."""

from __future__ import annotations

import pytest

from voxbridge.core.ids import UserId
from voxbridge.core.people.notices import untold

pytestmark = pytest.mark.unit


def test_each_person_is_told_once_a_day():
    """Who was never told, or told on another day, is to be told; who was told today is not."""
    ada, bob, eve = UserId(1), UserId(2), UserId(3)
    assert untold([ada, bob, eve], {ada: "2026-12-01", bob: "2026-11-30"}, "2026-12-01") == [bob, eve]
