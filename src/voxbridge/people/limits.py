"""The limits of all servers: the core's books, with the clocks, the settings, and what lasts over a restart."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable
from functools import partial

import attrs
import trio

from voxbridge.config.limits import LimitSettings
from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.people.limits import GuildLimits, LimitRules, Refusal, read_span
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key

SHELF = "limits"


class Limits:
    """One for the daemon. ``wall_iso`` is the time of day."""

    def __init__(
        self, archive: Archive, settings_now: Callable[[], LimitSettings], wall_iso: Callable[[], str]
    ) -> None:
        self._archive, self._settings_now, self._wall_iso = archive, settings_now, wall_iso
        self._settings = settings_now()
        self.rules = limit_rules(self._settings)
        self._books: dict[GuildId, GuildLimits] = {}
        archive.when_read(self._recall)

    def of(self, guild_id: GuildId) -> GuildAllowance:
        """Return the allowance of a server."""
        return GuildAllowance(self, guild_id, partial(self._save, guild_id))

    def book(self, guild_id: GuildId) -> GuildLimits:
        """Return the book of a server."""
        if (latest := self._settings_now()) is not self._settings:
            self._settings, self.rules = latest, limit_rules(latest)
        if guild_id not in self._books:
            book = self._books[guild_id] = GuildLimits()
            book.recall(self._archive.get(Key(SHELF, guild_id)) or {})
        return self._books[guild_id]

    @property
    def local(self) -> dt.datetime:
        """Return the time of day where the operator lives."""
        now = dt.datetime.fromisoformat(self._wall_iso())
        zone = self._settings.time_zone
        return now.astimezone(zoneinfo.ZoneInfo(zone) if zone else None)

    def _save(self, guild_id: GuildId) -> None:
        self._archive.hold({Key(SHELF, guild_id): self._books[guild_id].as_fact()})

    def _recall(self) -> None:
        """Take what was stored for servers that nobody has asked for yet; what was counted meanwhile stands."""
        for key, value in self._archive.on(SHELF):
            if key.guild_id not in self._books:
                self._books.setdefault(key.guild_id, GuildLimits()).recall(value)


@attrs.frozen
class GuildAllowance:
    """See ``session.allowance.Allowance``."""

    _limits: Limits
    _guild_id: GuildId
    _save: Callable[[], None]

    def refusal(self, user_id: UserId) -> Refusal | None:
        """Return why a member is not answered now, if so."""
        book = self._limits.book(self._guild_id)
        refusal = book.refusal(self._limits.rules, user_id, trio.current_time(), self._limits.local)
        if refusal is not None and refusal.is_first:
            self._save()
        return refusal

    def is_allowed(self, user_id: UserId) -> bool:
        """Tell whether a member would be answered now."""
        book = self._limits.book(self._guild_id)
        return book.is_allowed(self._limits.rules, user_id, trio.current_time(), self._limits.local)

    def silence(self) -> Refusal | None:
        """Return why nothing may be said aloud now, if so."""
        return self._limits.book(self._guild_id).silence(self._limits.rules, self._limits.local)

    def took(self, user_id: UserId) -> None:
        """Count a turn that is answered."""
        self._limits.book(self._guild_id).took(user_id, trio.current_time())

    def asked(self) -> None:
        """Count a call of the agent."""
        self._limits.book(self._guild_id).asked(self._limits.local)
        if self._limits.rules.calls:
            self._save()

    def spoke(self, seconds: float) -> None:
        """Count sound that has left."""
        self._limits.book(self._guild_id).spoke(seconds, self._limits.local)
        if self._limits.rules.spoken_s:
            self._save()


def limit_rules(settings: LimitSettings) -> LimitRules:
    """Return what the settings mean."""
    return LimitRules(
        member_turns=settings.member_turns_per_minute,
        server_turns=settings.server_turns_per_minute,
        calls=settings.agent_calls_per_day,
        spoken_s=float(settings.spoken_seconds_per_day),
        quiet=tuple(read_span(each) for each in settings.quiet_hours),
    )
