"""What a member may ask with /privacy: to be heard, not to be, what there is, and that it goes away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol, assert_never, runtime_checkable

import structlog

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.people.consent import Choice
from voxbridge.errors import StorageError
from voxbridge.people.consent import Consent

_log = structlog.get_logger(__name__)

PrivacyWish = Literal["hear-me", "ignore-me", "show", "delete"]

_ELSEWHERE = line("privacy_elsewhere")


@runtime_checkable
class Records(Protocol):
    """A place that holds what a member said: the journal, what is kept for an agent."""

    @property
    def holds(self) -> str:
        """Return the key of the message that says how much it holds."""
        ...

    async def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how much it holds of a member. Raises: StorageError."""
        ...

    async def erase(self, guild_id: GuildId, user_id: UserId) -> int:
        """Take all of it away; return how much it was. Raises: StorageError, and then it may still be there."""
        ...


class Privacy:
    """Answers /privacy. ``records`` are all places that hold what members said."""

    def __init__(self, consent: Consent, records: Sequence[Records]) -> None:
        self._consent, self._records = consent, list(records)

    def covers(self, records: Records) -> None:
        """Know of a further place that holds what members said."""
        self._records.append(records)

    async def answer(self, guild_id: GuildId, member: MemberJoined, wish: PrivacyWish) -> Line:
        """Do what a member wishes and return the answer."""
        self._consent.saw(guild_id, member)
        match wish:
            case "hear-me":
                return await self._choose(guild_id, member.user_id, "hear")
            case "ignore-me":
                return await self._choose(guild_id, member.user_id, "ignore")
            case "show":
                return await self._show(guild_id, member.user_id)
            case "delete":
                return await self._delete(guild_id, member.user_id)
            case _:
                assert_never(wish)

    async def _choose(self, guild_id: GuildId, user_id: UserId, choice: Choice) -> Line:
        lasts = await self._consent.choose(guild_id, user_id, choice)
        told = self._now(guild_id, user_id)
        return told if lasts else line("privacy_not_stored", told=told)

    def _now(self, guild_id: GuildId, user_id: UserId) -> Line:
        return line(f"privacy_{self._consent.reason(guild_id, user_id)}")

    async def _show(self, guild_id: GuildId, user_id: UserId) -> Line:
        records, is_all = await self._each(lambda records: records.count(guild_id, user_id))
        told = line("privacy_has", told=self._now(guild_id, user_id), records=records, elsewhere=_ELSEWHERE)
        return told if is_all else line("privacy_not_all", told=told)

    async def _delete(self, guild_id: GuildId, user_id: UserId) -> Line:
        """Delete what was said, and all that is stored but an objection: without it the member would be heard again."""
        records, is_all = await self._each(lambda records: records.erase(guild_id, user_id))
        if self._consent.choice(guild_id, user_id) == "ignore":
            told = line("privacy_deleted_but_no", records=records, elsewhere=_ELSEWHERE)
        else:
            told = line("privacy_deleted", records=records, elsewhere=_ELSEWHERE)
            if not await self._consent.choose(guild_id, user_id, None):
                told = line("privacy_not_stored", told=told)
        _log.info("a member had everything deleted", guild=str(guild_id), user=str(user_id))
        return told if is_all else line("privacy_not_all", told=told)

    async def _each(self, ask: Callable[[Records], Awaitable[int]]) -> tuple[tuple[Line, ...], bool]:
        """Ask each place; return what they say, and whether all of them could be reached."""
        found: list[Line] = []
        for records in self._records:
            try:
                found.append(line(records.holds, count=await ask(records)))
            except StorageError as error:
                _log.error("a member's records could not be read or erased", records=records.holds, reason=error.reason)
        return tuple(found), len(found) == len(self._records)
