"""Who is still to be told that we listen: each person once a day and guild."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from voxbridge.core.ids import UserId


def untold(people: Iterable[UserId], told_on: Mapping[UserId, str], today: str) -> list[UserId]:
    """Return which of these people have not been told today. ``told_on`` has the day on which each was told last."""
    return [user_id for user_id in people if told_on.get(user_id) != today]
