"""Tells people that we listen: when we come, and when somebody new comes; each of them once a day and guild."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import structlog
import trio

from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.people.notices import untold
from voxbridge.session.room import Room
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key

_log = structlog.get_logger(__name__)

SHELF = "told"
_SETTLE_S = 2.0  # people who come together are told together
_DAY_CHARS = 10  # of an ISO date


Writing = Literal["none", "chat", "minutes"]
"""What is written of what people say: nothing, the conversation with us, or all of it and nothing else is done."""


class NoticeRules(Protocol):
    """The operator's part: [privacy]."""

    @property
    def mode(self) -> str:
        """Return who is heard."""
        ...

    @property
    def notice(self) -> str:
        """Return how people are told: text, spoken or none."""
        ...


class Notices:
    """One for all rooms."""

    def __init__(
        self,
        archive: Archive,
        rules_now: Callable[[], NoticeRules],
        wall_iso: Callable[[], str],
        writing_now: Callable[[], Writing] = lambda: "none",
    ) -> None:
        self._archive, self._rules_now, self._wall_iso, self._writing_now = archive, rules_now, wall_iso, writing_now

    async def run(self, room: Room) -> None:
        """Tell who is in a room and who comes, until cancelled."""
        while True:
            changed = room.people_changed
            if self._due(room) and self._rules_now().notice != "none":
                await trio.sleep(_SETTLE_S)
                await self._tell(room)
            await changed.wait()

    def _due(self, room: Room) -> list[UserId]:
        guild_id = room.port.guild_id
        told_on = {UserId(int(key.subject)): str(value.get("day")) for key, value in self._archive.on(SHELF, guild_id)}
        people = (member.user_id for member in room.members if not member.is_bot)
        return untold(people, told_on, self._today)

    async def _tell(self, room: Room) -> None:
        due, rules = self._due(room), self._rules_now()
        if not due:
            return
        self._archive.hold({self._key(room.port.guild_id, user_id): {"day": self._today} for user_id in due})
        told = self._words(rules.mode)
        is_spoken = rules.notice == "spoken" and self._writing_now() != "minutes"  # who only writes says nothing
        if is_spoken and await room.say(room.spoken(line("listen_spoken"))):
            return
        await room.post(told)
        _log.info("told that we listen", guild=str(room.port.guild_id), people=len(due))

    def _words(self, mode: str) -> Line:
        match (self._writing_now(), mode):
            case ("minutes", "opt-in"):
                return line("listen_notice_minutes_opt_in")
            case ("minutes", _):
                return line("listen_notice_minutes")
            case (writing, mode):
                told = line("listen_notice_opt_in") if mode == "opt-in" else line("listen_notice")
                return told if writing == "none" else line("listen_notice_chat", told=told)

    @property
    def _today(self) -> str:
        return self._wall_iso()[:_DAY_CHARS]

    @staticmethod
    def _key(guild_id: GuildId, user_id: UserId) -> Key:
        return Key(SHELF, guild_id, str(user_id))
