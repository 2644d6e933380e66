"""Who is in the channel, for the room: a short absence is none. Pure.

A member whose own connection fails for a second leaves and comes back, by Discord's account. His question must not be
dropped and his answer not be cut for that, so the room hears of a departure when it has lasted.

The main gateway says who is in the channel, the voice server who is in the call. Somebody who leaves the server
(guild) may be out of the call without a word of the main gateway: then the voice server's word counts, after a while.
"""

from __future__ import annotations

import attrs

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import UserId


@attrs.define
class Roster:
    """All times in seconds on any one clock."""

    ABSENCE_S = 2.0  # a client that connects again takes about one
    GHOST_S = 10.0  # a client that changes voice servers is out of the call for a moment

    _here: set[UserId] = attrs.field(factory=set, init=False)
    _leaving: dict[UserId, float] = attrs.field(factory=dict, init=False)  # by the main gateway's word
    _ghosts: dict[UserId, float] = attrs.field(factory=dict, init=False)  # by the voice server's word only

    @property
    def deadline(self) -> float | None:
        """Return when the next departure is due."""
        return min((*self._leaving.values(), *self._ghosts.values()), default=None)

    def came(self, member: MemberJoined) -> bool:
        """Note an arrival; tell whether it is news."""
        self._leaving.pop(member.user_id, None)
        self._ghosts.pop(member.user_id, None)
        is_news = member.user_id not in self._here
        self._here.add(member.user_id)
        return is_news

    def went(self, user_id: UserId, now: float) -> None:
        """Note that somebody is not in the channel, by the main gateway's word."""
        if user_id in self._here:
            self._leaving.setdefault(user_id, now + self.ABSENCE_S)

    def out_of_call(self, user_id: UserId, now: float) -> None:
        """Note that the voice server let somebody go."""
        if user_id in self._here:
            self._ghosts.setdefault(user_id, now + self.GHOST_S)

    def in_call(self, user_id: UserId) -> None:
        """Note that the voice server has somebody (again)."""
        self._ghosts.pop(user_id, None)

    def missing(self, present: set[UserId]) -> set[UserId]:
        """Return who is here by our account and not by another."""
        return self._here - present

    def departures(self, now: float) -> list[UserId]:
        """Return whose absence has lasted, and forget them."""
        due = {**self._ghosts, **self._leaving}
        gone = [user_id for user_id, at in due.items() if at <= now]
        for user_id in gone:
            self._leaving.pop(user_id, None)
            self._ghosts.pop(user_id, None)
            self._here.discard(user_id)
        return gone
