"""The turns that were over last, for the status: in memory only."""

from __future__ import annotations

from collections import deque

import trio

from voxbridge.core.ids import GuildId, UserId
from voxbridge.session.report import TurnReport

_KEPT = 20


class LastTurns:
    """The last reports. A member's can be erased (see ``people.privacy.Records``)."""

    holds = "records_memory"

    def __init__(self) -> None:
        self._reports: deque[TurnReport] = deque(maxlen=_KEPT)

    @property
    def reports(self) -> list[TurnReport]:
        """Return them, the oldest first."""
        return list(self._reports)

    def add(self, report: TurnReport) -> None:
        """Take the newest."""
        self._reports.append(report)

    async def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how many are a member's."""
        await trio.lowlevel.checkpoint()
        return sum(_is_of(report, guild_id, user_id) for report in self._reports)

    async def erase(self, guild_id: GuildId, user_id: UserId) -> int:
        """Forget a member's; return how many they were."""
        found = await self.count(guild_id, user_id)
        kept = [report for report in self._reports if not _is_of(report, guild_id, user_id)]
        self._reports.clear()
        self._reports.extend(kept)
        return found


def _is_of(report: TurnReport, guild_id: GuildId, user_id: UserId) -> bool:
    return (report.guild_id, report.user_id) == (guild_id, user_id)
