"""Carries out where we want to be: one task that joins and leaves for all guilds, and tells those who are there.

    Discord's news, commands --facts--> Whereabouts (pure, one for each guild) --deeds--> Seats (the bridge)
                                            '--> stored: a restart finds its way back

What somebody else makes us do (``/join``, ``/leave``, ctl, a kick, a moderator's move) is seen by the seat itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Protocol, assert_never

import structlog
import trio

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.people.whereabouts import GoAway, GoTo, PresenceRules, Whereabouts, Why
from voxbridge.errors import VoiceHandshakeError
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key

_log = structlog.get_logger(__name__)

SHELF = "seat"
_LASTING: frozenset[Why] = frozenset({"asked", "follow", "occupied"})


class Seats(Protocol):
    """What joins and leaves: the bridge."""

    def seat(self, guild_id: GuildId) -> ChannelId | None:
        """Return the channel we sit in, or mean to."""
        ...

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        """Join. Raises: VoiceHandshakeError."""

    async def leave(self, guild_id: GuildId) -> None:
        """Leave."""


class Presence:
    """All guilds. ``always_now`` returns the channels of ``discord.join``."""

    def __init__(
        self,
        archive: Archive,
        rules_now: Callable[[], PresenceRules],
        always_now: Callable[[], Iterable[tuple[GuildId, ChannelId]]],
    ) -> None:
        self._archive, self._rules_now, self._always_now = archive, rules_now, always_now
        self._guilds: dict[GuildId, Whereabouts] = {}
        self._stirred = trio.Event()
        self._is_over = False
        self._busy: set[GuildId] = set()  # we are on our way, in or out

    # Facts; all of it synchronous

    def moved(self, guild_id: GuildId, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note in which voice channel somebody is now."""
        if not member.is_bot:
            self._guild(guild_id).moved(member.user_id, channel_id, trio.current_time())
            self.stir()

    def surveyed(self, guild_id: GuildId, people: Iterable[tuple[MemberJoined, ChannelId]]) -> None:
        """Note who is where in a guild, all at once."""
        there = {member.user_id: channel_id for member, channel_id in people if not member.is_bot}
        self._guild(guild_id).surveyed(there, trio.current_time())
        self.stir()

    def spoke(self, guild_id: GuildId) -> None:
        """Note that a person speaks where we are."""
        if guild_id in self._guilds:
            self._guilds[guild_id].spoke(trio.current_time())

    def stir(self) -> None:
        """Look at everything anew: somebody moved, or we were moved, or the rules have changed."""
        self._stirred.set()

    def end(self) -> None:
        """Leave everything as it is from now on: the daemon stops, and is to find it so."""
        self._is_over = True

    def why(self, guild_id: GuildId) -> Line | None:
        """Say why we are where we are."""
        seat = self._guild(guild_id).seat
        match seat:
            case None:
                return None
            case _ if seat.why == "follow" and seat.user_id is not None:
                return line("here_follow", user=f"<@{seat.user_id}>")
            case _:
                return line(f"here_{seat.why}")

    # The task

    async def run(self, seats: Seats) -> None:
        """Go where we want to be, for ever."""
        self._busy.clear()
        async with trio.open_nursery() as nursery:
            while True:
                self._stirred = trio.Event()
                for guild_id in set(self._guilds) - self._busy if not self._is_over else ():
                    deed = self._decide(guild_id, seats)
                    if deed is not None:
                        self._busy.add(guild_id)
                        nursery.start_soon(self._carry_out, guild_id, deed, seats)
                with trio.move_on_at(self._deadline()):
                    await self._stirred.wait()

    def _deadline(self) -> float:
        if self._is_over:
            return math.inf
        rules, now = self._rules_now(), trio.current_time()
        return min((where.deadline(rules, now) for where in self._guilds.values()), default=math.inf)

    def _decide(self, guild_id: GuildId, seats: Seats) -> GoTo | GoAway | None:
        where, now = self._guild(guild_id), trio.current_time()
        self._see_seat(guild_id, where, seats.seat(guild_id), now)
        return where.decide(self._rules_now(), now)

    async def _carry_out(self, guild_id: GuildId, deed: GoTo | GoAway, seats: Seats) -> None:
        where = self._guild(guild_id)
        try:
            match deed:
                case GoTo(channel_id, why, user_id):
                    self._log(guild_id, "join", channel_id, why, user_id)
                    try:
                        await seats.join(guild_id, channel_id)
                    except VoiceHandshakeError as error:
                        if error.told is None or error.told.key != "why_superseded":
                            _log.warning("could not come into a voice channel", guild=str(guild_id), reason=str(error))
                            where.failed(trio.current_time())
                case GoAway(why):
                    self._log(guild_id, "leave", None, why, None)
                    await seats.leave(guild_id)
                case _:
                    assert_never(deed)
            await self._archive.put(self._key(guild_id), self._record(where))
        finally:
            self._busy.discard(guild_id)
            self.stir()

    def _see_seat(self, guild_id: GuildId, where: Whereabouts, seat: ChannelId | None, now: float) -> None:
        """Take over what somebody else has made of us."""
        known = None if where.seat is None else where.seat.channel_id
        if seat == known:
            return
        if seat is None:
            where.was_sent_away()
        else:
            is_always = (guild_id, seat) in set(self._always_now())
            where.sits(seat, "always" if is_always else "asked", now)
        self._archive.hold({self._key(guild_id): self._record(where)})

    @staticmethod
    def _record(where: Whereabouts) -> dict[str, str] | None:
        seat = where.seat
        if seat is None or seat.why not in _LASTING:
            return None
        return {"channel": str(seat.channel_id), "why": seat.why}

    @staticmethod
    def _key(guild_id: GuildId) -> Key:
        return Key(SHELF, guild_id)

    def recall(self) -> None:
        """Want to be again where we sat when the daemon ended."""
        always = {guild_id for guild_id, _ in self._always_now()}
        for key, value in self._archive.on(SHELF):
            match value:
                case {"channel": str(channel), "why": why} if channel.isdecimal() and key.guild_id not in always:
                    self._guild(key.guild_id).returns(ChannelId(int(channel)), _why(why))
                case _:
                    pass

    def _guild(self, guild_id: GuildId) -> Whereabouts:
        return self._guilds.setdefault(guild_id, Whereabouts())

    @staticmethod
    def _log(guild_id: GuildId, what: str, channel: ChannelId | None, why: str, user: UserId | None) -> None:
        fields = {"channel": str(channel)} if channel is not None else {}
        if user is not None:
            fields["user"] = str(user)
        _log.info("presence", guild=str(guild_id), what=what, why=why, **fields)


def _why(text: object) -> Why:
    match text:
        case "follow":
            return "follow"
        case "occupied":
            return "occupied"
        case _:
            return "asked"
