"""Whom it answers: whether what somebody said was for us.

    one person here ........................ always
    called by name ......................... yes
    called somebody else who is here ....... no
    soon after our answer to that person ... yes (the follow-up)
    otherwise .............................. no: nobody is asked, nothing is interrupted

That is mode ``addressed``. ``everyone`` is always answered; ``lock`` answers whoever came first until they have been
quiet for a while; in ``queue`` everyone is answered, one after the other in the order of their questions; in ``nobody``
no one is: it only takes down what is said.

A second person who comes changes nothing for a sentence that was begun before. Times in seconds on any one clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.turns.calling import is_called, spoken_names

FloorMode = Literal["addressed", "everyone", "lock", "queue", "nobody"]
Because = Literal[
    "everyone",
    "alone",
    "called",
    "follow-up",
    "holds the floor",
    "called another",
    "not called",
    "locked",
    "nobody",
    "typed",
    "unknown",
]

FOR_US: frozenset[Because] = frozenset({"everyone", "alone", "called", "follow-up", "holds the floor", "typed"})

_JUST_COME_S = 1.0
"""Who starts a sentence so soon after a second person came has not noticed."""


@attrs.frozen
class FloorRules:
    """The operator's part. ``names`` are further ones beside the name in Discord."""

    mode: FloorMode = "addressed"
    names: tuple[str, ...] = ()
    follow_up_s: float = 10.0
    lock_s: float = 20.0


@attrs.frozen
class Said:
    """Something was said, from ``began_at`` on. ``text`` None: it is not known what.

    ``own_names`` are the names that we bear in Discord, ``others`` the names of everybody else who is here.
    """

    user_id: UserId
    text: str | None
    language: str
    began_at: float
    own_names: Sequence[str] = ()
    others: Sequence[str] = ()


class Addressing:
    """One room's. ``rules_now`` is asked each time, since a reload may change them."""

    def __init__(self, rules_now: Callable[[], FloorRules]) -> None:
        self._rules_now = rules_now
        self._people: set[UserId] = set()
        self._came_at = float("-inf")  # when there came to be more than one
        self._answering: set[UserId] = set()
        self._answered_at: dict[UserId, float] = {}
        self._holder: UserId | None = None
        self._held_at = float("-inf")
        self._refused: set[UserId] = set()  # who has been told that somebody else holds the floor

    @property
    def is_queue(self) -> bool:
        """Tell whether answers come one after the other, in the order of the questions."""
        return self._rules_now().mode == "queue"

    def came(self, user_id: UserId, now: float) -> None:
        """Note that a person (no bot) is here."""
        before = len(self._people)
        self._people.add(user_id)
        if before == 1 and len(self._people) > 1:
            self._came_at = now

    def went(self, user_id: UserId) -> None:
        """Note that a person left."""
        self._people.discard(user_id)
        self._answered_at.pop(user_id, None)
        if self._holder == user_id:
            self._holder = None

    def answering(self, user_id: UserId) -> None:
        """Note that an answer to somebody begins."""
        self._answering.add(user_id)

    def answered(self, user_id: UserId, now: float, *, was_heard: bool) -> None:
        """Note that an answer has ended; ``was_heard``: something of it sounded, so that it can be followed up."""
        self._answering.discard(user_id)
        if was_heard:
            self._answered_at[user_id] = self._held_at = now

    def is_first_refusal(self, user_id: UserId) -> bool:
        """Tell whether somebody whom the lock keeps out has not been told so yet, by this holder of the floor."""
        is_first = user_id not in self._refused
        self._refused.add(user_id)
        return is_first

    def is_aside(self, said: Said) -> bool:
        """Tell whether somebody turns to another person who is here, by name."""
        rules = self._rules_now()
        return rules.mode == "addressed" and self._by_name(said, rules) == "called another"

    def calls_us(self, said: Said) -> bool:
        """Tell whether our name is in it, where people call somebody."""
        return _called(said, self._rules_now()) == "called"

    def judge(self, said: Said, now: float) -> Because:
        """Say whether this was for us, as the reason (``FOR_US`` has those that mean yes)."""
        rules = self._rules_now()
        match rules.mode:
            case "everyone" | "queue":
                return "everyone"
            case "nobody":
                return "nobody"
            case "lock":
                return self._in_lock(said, rules, now)
            case "addressed":
                return self._by_name(said, rules)

    def _by_name(self, said: Said, rules: FloorRules) -> Because:
        if self._is_alone(said):
            return "alone"
        if (called := _called(said, rules)) is not None:
            return called
        answered_at = self._answered_at.get(said.user_id)
        is_soon = answered_at is not None and said.began_at - answered_at <= rules.follow_up_s
        if said.user_id in self._answering or is_soon:
            return "follow-up"
        return "unknown" if said.text is None else "not called"

    def _in_lock(self, said: Said, rules: FloorRules, now: float) -> Because:
        is_free = self._holder is None or (
            self._holder not in self._answering and said.began_at - self._held_at > rules.lock_s
        )
        if self._holder != said.user_id and not is_free:
            return "locked"
        if self._holder != said.user_id:
            self._refused.clear()
        self._holder, self._held_at = said.user_id, now
        return "holds the floor"

    def _is_alone(self, said: Said) -> bool:
        return len(self._people) < 2 or said.began_at < self._came_at + _JUST_COME_S


def _called(said: Said, rules: FloorRules) -> Because | None:
    """Tell who is called, if anybody is: who is called exactly goes before who is nearly so (Nora is not Nova)."""
    if said.text is None:
        return None
    own, others = spoken_names((*rules.names, *said.own_names)), spoken_names(said.others)
    for is_exact in (True, False):
        if is_called(said.text, own, said.language, is_exact=is_exact):
            return "called"
        if is_called(said.text, others, said.language, is_exact=is_exact):
            return "called another"
    return None
