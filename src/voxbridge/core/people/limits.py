"""What a server may ask of us: turns a minute, agent calls and spoken seconds a day, quiet hours.

One ``GuildLimits`` for each server. Whoever wants to answer asks ``refusal`` first, and tells what was used: a turn
(``took``), a call of the agent (``asked``; also one whose answer nobody heard), sound (``spoke``).

Times come in two ways: ``now`` in seconds, for the minute, and ``local``, the time of day where the operator lives,
for the day and the quiet hours. A refusal says whether it is the first of its kind: people are told once, until it is
over and comes again.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from voxbridge.core.ids import UserId

Reason = Literal["quiet", "calls", "spoken", "member", "server"]

MINUTE_S = 60.0
_DAY = dt.timedelta(days=1)
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
SPAN_PATTERN = _SPAN.pattern
_MEMBERS_MAX = 1000  # that are remembered; who is pushed out has not asked for longer than a minute, or there is a mob


@attrs.frozen
class QuietSpan:
    """A part of each day, such as 22:00 to 07:00; one that ends when it begins is the whole day."""

    begins: dt.time
    ends: dt.time

    def end_of(self, local: dt.datetime) -> dt.datetime | None:
        """Return when the span ends in which ``local`` lies; None: it lies in none."""
        for day in (local.date() - _DAY, local.date()):
            begins = dt.datetime.combine(day, self.begins, local.tzinfo)
            ends = dt.datetime.combine(day, self.ends, local.tzinfo)
            if ends <= begins:
                ends += _DAY
            if begins <= local < ends:
                return ends
        return None


def read_span(text: str) -> QuietSpan:
    """Read ``22:00-07:00``. Raises: ValueError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"not HH:MM-HH:MM: {text!r}")
    numbers = [int(each) for each in found.groups()]
    return QuietSpan(dt.time(numbers[0], numbers[1]), dt.time(numbers[2], numbers[3]))


@attrs.frozen
class LimitRules:
    """The operator's part; 0 is no limit."""

    member_turns: int = 0
    server_turns: int = 0
    calls: int = 0
    spoken_s: float = 0.0
    quiet: tuple[QuietSpan, ...] = ()


@attrs.frozen
class Refusal:
    """Why we don't answer now. ``wait_s``: for a minute's limit; ``until``: for quiet hours."""

    reason: Reason
    is_first: bool
    wait_s: float = 0.0
    until: dt.datetime | None = None

    @property
    def may_be_spoken(self) -> bool:
        """Tell whether that may be said aloud."""
        return self.reason in ("member", "server", "calls")


class GuildLimits:
    """The book of one server."""

    def __init__(self) -> None:
        self._turns: dict[UserId, deque[float]] = {}
        self._all_turns: deque[float] = deque()
        self._day: dt.date | None = None
        self._calls = 0
        self._spoken_s = 0.0
        self._told: dict[str, str] = {}
        """What people were told, and in which episode: a day, the end of the quiet hours, a minute's limit ("")."""

    def refusal(self, rules: LimitRules, user_id: UserId, now: float, local: dt.datetime) -> Refusal | None:
        """Return why a turn of a member is not answered, if it is not. Changes nothing but what has been told."""
        self._turn_day(local)
        if (until := quiet_until(rules, local)) is not None:
            return Refusal("quiet", self._is_first("quiet", until.isoformat()), until=until)
        if rules.calls and self._calls >= rules.calls:
            return Refusal("calls", self._is_first("calls", str(self._day)))
        if rules.spoken_s and self._spoken_s >= rules.spoken_s:
            return Refusal("spoken", self._is_first("spoken", str(self._day)))
        member = f"member {user_id}"
        if wait_s := _wait_s(self._turns.get(user_id, deque()), rules.member_turns, now):
            return Refusal("member", self._is_first(member, ""), wait_s)
        self._told.pop(member, None)
        if wait_s := _wait_s(self._all_turns, rules.server_turns, now):
            return Refusal("server", self._is_first("server", ""), wait_s)
        self._told.pop("server", None)
        return None

    def is_allowed(self, rules: LimitRules, user_id: UserId, now: float, local: dt.datetime) -> bool:
        """Tell whether a turn would be answered; nobody counts as told by that."""
        told = dict(self._told)
        is_allowed = self.refusal(rules, user_id, now, local) is None
        self._told = told
        return is_allowed

    def silence(self, rules: LimitRules, local: dt.datetime) -> Refusal | None:
        """Return why nothing may be said aloud now, whoever wants it said; nobody counts as told by that."""
        self._turn_day(local)
        if (until := quiet_until(rules, local)) is not None:
            return Refusal("quiet", is_first=False, until=until)
        if rules.spoken_s and self._spoken_s >= rules.spoken_s:
            return Refusal("spoken", is_first=False)
        return None

    def took(self, user_id: UserId, now: float) -> None:
        """Count a turn that is answered."""
        if len(self._turns) >= _MEMBERS_MAX:
            self._turns = {who: times for who, times in self._turns.items() if times and now - times[-1] < MINUTE_S}
        for times in (self._turns.setdefault(user_id, deque()), self._all_turns):
            times.append(now)
            while times and now - times[0] >= MINUTE_S:
                times.popleft()

    def asked(self, local: dt.datetime) -> None:
        """Count a call of the agent."""
        self._turn_day(local)
        self._calls += 1

    def spoke(self, seconds: float, local: dt.datetime) -> None:
        """Count sound that has left."""
        self._turn_day(local)
        self._spoken_s += seconds

    def as_fact(self) -> dict[str, Any]:
        """Return what is to last over a restart: the day's counts, and what people were told in it."""
        told = {what: episode for what, episode in self._told.items() if episode}
        return {"day": str(self._day), "calls": self._calls, "spoken_s": float(round(self._spoken_s, 3)), "told": told}

    def recall(self, fact: Mapping[str, Any]) -> None:
        """Take what was stored; of what does not make sense, nothing."""
        match fact:
            case {"day": str(day), "calls": int(calls), "spoken_s": float(spoken_s), "told": dict(told)}:
                pass
            case _:
                return
        try:
            self._day = dt.date.fromisoformat(day)
        except ValueError:
            return
        self._calls = max(0, calls)
        self._spoken_s = max(0.0, spoken_s) if math.isfinite(spoken_s) else 0.0
        self._told = {str(what): str(episode) for what, episode in told.items()}

    @property
    def calls(self) -> int:
        """Return the agent calls of the day."""
        return self._calls

    @property
    def spoken_s(self) -> float:
        """Return the spoken seconds of the day."""
        return self._spoken_s

    def _turn_day(self, local: dt.datetime) -> None:
        if local.date() != self._day:
            self._day, self._calls, self._spoken_s = local.date(), 0, 0.0

    def _is_first(self, what: str, episode: str) -> bool:
        if self._told.get(what) == episode:
            return False
        self._told[what] = episode
        return True


def quiet_until(rules: LimitRules, local: dt.datetime) -> dt.datetime | None:
    """Return when the quiet hours end in which we are; spans that touch are one. None: it is not quiet now."""
    until: dt.datetime | None = None
    for _ in range(len(rules.quiet) + 1):
        ends = [end for span in rules.quiet if (end := span.end_of(until or local)) is not None]
        if not ends or (until is not None and max(ends) - local > _DAY):
            break
        until = max(ends)
    return until


def _wait_s(times: deque[float], limit: int, now: float) -> float:
    """Return how long it takes until one more may come; 0.0: now."""
    if not limit:
        return 0.0
    recent = [at for at in times if now - at < MINUTE_S]
    return 0.0 if len(recent) < limit else recent[-limit] + MINUTE_S - now
