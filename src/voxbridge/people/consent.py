"""The book of consent: what members chose, by guild, and who is heard because of it.

``is_heard`` is asked with each packet, before it is opened (``discord/receiver.py``): it looks into one dictionary.
"""

from __future__ import annotations

from collections.abc import Callable

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.people.consent import HEARD, Choice, ConsentRules, Reason, judge
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key

SHELF = "consent"

OnChange = Callable[[GuildId, UserId, bool], None]
"""Told who is heard from now on, or not any more. Called in the step in which it changes; must not raise."""


class Consent:
    """Answers who is heard. ``rules_now`` is asked each time, since a reload may change them."""

    def __init__(self, archive: Archive, rules_now: Callable[[], ConsentRules]) -> None:
        self._archive, self._rules_now = archive, rules_now
        self._rules = rules_now()
        self._roles: dict[tuple[GuildId, UserId], frozenset[int]] = {}
        self._heard: dict[tuple[GuildId, UserId], bool] = {}
        self._listeners: list[OnChange] = []
        archive.when_read(self.review)

    def when_changed(self, listener: OnChange) -> None:
        """Call ``listener`` with each change."""
        self._listeners.append(listener)

    def is_heard(self, guild_id: GuildId, user_id: UserId) -> bool:
        """Tell whether a member may be heard now."""
        if self._rules_now() is not self._rules:
            self.review()
        heard = self._heard.get((guild_id, user_id))
        if heard is None:
            heard = self._heard[guild_id, user_id] = self.reason(guild_id, user_id) in HEARD
        return heard

    def reason(self, guild_id: GuildId, user_id: UserId) -> Reason:
        """Return why a member is heard or not."""
        return judge(
            self._rules_now(),
            user_id,
            self._roles.get((guild_id, user_id)),
            self.choice(guild_id, user_id),
            is_known=self._archive.is_known,
        )

    def choice(self, guild_id: GuildId, user_id: UserId) -> Choice | None:
        """Return what a member chose."""
        match self._archive.get(Key(SHELF, guild_id, str(user_id))):
            case {"choice": "hear"}:
                return "hear"
            case {"choice": "ignore"}:
                return "ignore"
            case _:
                return None

    async def choose(self, guild_id: GuildId, user_id: UserId, choice: Choice | None) -> bool:
        """Take a member's choice; it holds at once. Tell whether it lasts."""
        self._archive.hold({Key(SHELF, guild_id, str(user_id)): None if choice is None else {"choice": choice}})
        self._look_again(guild_id, user_id)
        return await self._archive.flush()

    def saw(self, guild_id: GuildId, member: MemberJoined) -> None:
        """Take what Discord says of a member's roles."""
        if member.role_ids is None:
            return
        self._roles[guild_id, member.user_id] = member.role_ids
        self._look_again(guild_id, member.user_id)

    def review(self) -> None:
        """Judge everybody anew: the rules have changed, or what is known of the choices."""
        self._rules = self._rules_now()
        for guild_id, user_id in list(self._heard):
            self._look_again(guild_id, user_id)

    def _look_again(self, guild_id: GuildId, user_id: UserId) -> None:
        before = self._heard.get((guild_id, user_id))
        now = self._heard[guild_id, user_id] = self.reason(guild_id, user_id) in HEARD
        if before is not None and before != now:
            for listener in self._listeners:
                listener(guild_id, user_id, now)
