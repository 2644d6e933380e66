"""Where we want to be in one guild, and why: come where people are, follow somebody, leave when nobody needs us.

    why we sit somewhere      we leave when                             what calls us elsewhere
    always  (discord.join)    somebody sends us away                    nothing
    asked   (/join, ctl)      alone, or nobody speaks, for so long      nothing
    follow                    the followed left voice                   the followed, going to another channel
    occupied                  alone, or nobody speaks, for so long      the followed, coming into voice

Whoever sends us away (``/leave``, a kick) means the channel and those who are in it: we come there by ourselves only
after it was empty once, or the followed person went somewhere else. Nothing is awaited here; times in seconds on any
one clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import attrs

from voxbridge.core.ids import ChannelId, UserId

Why = Literal["always", "asked", "follow", "occupied"]
WhyLeave = Literal["alone", "idle", "follow"]

SETTLE_S = 1.0
"""A client that connects again is away for about so long: nothing is made of a shorter absence."""
_RETRY_S = 30.0
_RETRY_MAX_S = 600.0
_RETURNS_MAX = 5  # tries to come back where somebody had asked for us


@attrs.frozen
class PresenceRules:
    """The operator's part. ``channels`` are those to come to by ourselves (none: all); 0 s: never."""

    comes_when_occupied: bool = False
    follows: tuple[UserId, ...] = ()
    channels: frozenset[ChannelId] = frozenset()
    alone_s: float = 300.0
    idle_s: float = 0.0


@attrs.frozen
class GoTo:
    """Join this channel. ``user_id``: whom we follow."""

    channel_id: ChannelId
    why: Why
    user_id: UserId | None = None


@attrs.frozen
class GoAway:
    """Leave the channel."""

    why: WhyLeave


@attrs.define
class Seat:
    """Where we sit, and since when nobody was there, or spoke."""

    channel_id: ChannelId
    why: Why
    since: float
    user_id: UserId | None = None
    alone_since: float | None = None
    spoken_at: float = -math.inf


@attrs.define
class Whereabouts:
    """One guild's."""

    seat: Seat | None = attrs.field(default=None, init=False)
    _people: dict[UserId, ChannelId] = attrs.field(factory=dict, init=False)  # no bots
    _moved_at: dict[UserId, float] = attrs.field(factory=dict, init=False)
    _shunned: set[ChannelId] = attrs.field(factory=set, init=False)  # where we were sent away
    _back: GoTo | None = attrs.field(default=None, init=False)
    _again_at: float = attrs.field(default=-math.inf, init=False)
    _failures: int = attrs.field(default=0, init=False)

    def moved(self, user_id: UserId, channel_id: ChannelId | None, now: float) -> None:
        """Note in which voice channel a person (no bot) is now."""
        before = self._people.pop(user_id, None)
        if channel_id is not None:
            self._people[user_id] = channel_id
        if before != channel_id:
            self._moved_at[user_id] = now
            if before is not None and not self.people_in(before):
                self._shunned.discard(before)
            self._look_who_is_here(now)

    def surveyed(self, people: dict[UserId, ChannelId], now: float) -> None:
        """Note who is where, all at once: what was known before is outdated."""
        for user_id in set(self._people) - set(people):
            self.moved(user_id, None, now)
        for user_id, channel_id in people.items():
            self.moved(user_id, channel_id, now)

    def people_in(self, channel_id: ChannelId) -> list[UserId]:
        """Return which people are in a channel."""
        return [user_id for user_id, there in self._people.items() if there == channel_id]

    def spoke(self, now: float) -> None:
        """Note that somebody speaks where we are."""
        if self.seat is not None:
            self.seat.spoken_at = now

    def sits(self, channel_id: ChannelId, why: Why, now: float, user_id: UserId | None = None) -> None:
        """Note where we are, or mean to be."""
        self._shunned.discard(channel_id)
        self._failures = 0
        self.seat = Seat(channel_id, why, now, user_id)
        self._look_who_is_here(now)

    def returns(self, channel_id: ChannelId, why: Why) -> None:
        """Note where we were before the daemon ended: there we go again."""
        self._back = GoTo(channel_id, why)

    def was_sent_away(self) -> None:
        """Note that somebody put us out of the channel."""
        if self.seat is not None:
            self._shunned.add(self.seat.channel_id)
            self.seat = None

    def failed(self, now: float) -> None:
        """Note that we could not come where we wanted to: it is tried again after a while."""
        if self.seat is not None and self.seat.why == "asked" and self._failures < _RETURNS_MAX:
            self._back = GoTo(self.seat.channel_id, "asked")
        self.seat = None
        self._again_at = now + min(_RETRY_S * 2**self._failures, _RETRY_MAX_S)
        self._failures = min(self._failures + 1, 10)

    def decide(self, rules: PresenceRules, now: float) -> GoTo | GoAway | None:
        """Return what to do now. What is returned is taken for done, unless ``failed`` follows."""
        deed = self._decision(rules, now)
        if isinstance(deed, GoTo):
            failures = self._failures
            self.sits(deed.channel_id, deed.why, now, deed.user_id)
            self._failures = failures
        elif isinstance(deed, GoAway):
            assert self.seat is not None, "who sits nowhere leaves nothing"
            if deed.why == "idle":
                self._shunned.add(self.seat.channel_id)
            self.seat = None
        return deed

    def deadline(self, rules: PresenceRules, now: float) -> float:
        """Return when to ask again though nothing has happened."""
        times = [at + SETTLE_S for at in self._moved_at.values()]
        times.append(self._again_at)
        if self.seat is not None:
            times += [at for at, _ in self._limits(self.seat, rules)]
        return min((at for at in times if at > now), default=math.inf)

    def _decision(self, rules: PresenceRules, now: float) -> GoTo | GoAway | None:
        seat = self.seat
        if seat is not None and seat.why in ("always", "asked"):
            self._back = None
            return self._over(seat, rules, now) if seat.why == "asked" else None
        if (call := self._call_of_the_followed(rules, now)) is not None:
            return call if seat is None or seat.channel_id != call.channel_id or seat.why != "follow" else None
        if seat is not None and seat.why == "follow":
            if rules.comes_when_occupied and self.people_in(seat.channel_id):
                seat.why, seat.user_id = "occupied", None
                return None
            is_settled = seat.user_id is None or self._has_settled(seat.user_id, now)
            return GoAway("follow") if is_settled else None
        if seat is not None:
            return self._over(seat, rules, now)
        if self._back is not None and now >= self._again_at:
            back, self._back = self._back, None
            return back
        return self._occupied(rules, now)

    def _call_of_the_followed(self, rules: PresenceRules, now: float) -> GoTo | None:
        seat = self.seat
        order = list(rules.follows)
        if seat is not None and seat.user_id in order:  # whom we follow already goes first
            order.sort(key=lambda user_id: user_id != seat.user_id)
        for user_id in order:
            channel_id = self._people.get(user_id)
            if channel_id is None or not self._may_come(channel_id, rules, now):
                continue
            if self._has_settled(user_id, now) or seat is not None:
                return GoTo(channel_id, "follow", user_id)
        return None

    def _occupied(self, rules: PresenceRules, now: float) -> GoTo | None:
        if not rules.comes_when_occupied:
            return None
        counts: dict[ChannelId, int] = {}
        for user_id, channel_id in self._people.items():
            if self._has_settled(user_id, now) and self._may_come(channel_id, rules, now):
                counts[channel_id] = counts.get(channel_id, 0) + 1
        if not counts:
            return None
        return GoTo(max(counts, key=lambda channel_id: (counts[channel_id], -channel_id)), "occupied")

    def _over(self, seat: Seat, rules: PresenceRules, now: float) -> GoAway | None:
        due = [why for at, why in self._limits(seat, rules) if at <= now]
        return GoAway(due[0]) if due else None

    def _limits(self, seat: Seat, rules: PresenceRules) -> Iterable[tuple[float, WhyLeave]]:
        if seat.why in ("always", "follow"):
            return
        if rules.alone_s and seat.alone_since is not None:
            yield seat.alone_since + rules.alone_s, "alone"
        if rules.idle_s:
            yield max(seat.since, seat.spoken_at) + rules.idle_s, "idle"

    def _may_come(self, channel_id: ChannelId, rules: PresenceRules, now: float) -> bool:
        is_allowed = not rules.channels or channel_id in rules.channels
        return is_allowed and channel_id not in self._shunned and now >= self._again_at

    def _has_settled(self, user_id: UserId, now: float) -> bool:
        return now - self._moved_at.get(user_id, -math.inf) >= SETTLE_S

    def _look_who_is_here(self, now: float) -> None:
        if self.seat is None:
            return
        if self.people_in(self.seat.channel_id):
            self.seat.alone_since = None
        elif self.seat.alone_since is None:
            self.seat.alone_since = now
