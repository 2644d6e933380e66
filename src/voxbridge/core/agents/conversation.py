"""One memory of a conversation for several backends: whoever answers a turn, all know it afterwards.

Each turn is one exchange, however many backends were asked for it. What was passed on is added by who stands before
them, and what was heard of an answer that was cut short is written over that turn, not over an older one of somebody
else's. A backend reads by rules of its own: per user or per channel, so many tokens, so old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from voxbridge.core.agents.history import History, HistoryRules, Message, Scope


class Conversations:
    """The memory for backends with these ``rules``: as much is kept as the one with the longest memory wants."""

    def __init__(self, rules: Iterable[HistoryRules]) -> None:
        widest: dict[Scope, HistoryRules] = {}
        for each in rules:
            known = widest.get(each.scope, each)
            widest[each.scope] = attrs.evolve(
                known, tokens_max=max(known.tokens_max, each.tokens_max), age_s=max(known.age_s, each.age_s)
            )
        self._histories = {scope: History(rules) for scope, rules in widest.items()}

    def begin(
        self,
        session_of: Callable[[Scope], str],
        turn_id: str,
        user: str,
        text: str,
        now: float,
        *,
        name: str,
        heard: str | None,
        heard_of: str = "",
        goes_on: bool = False,
    ) -> Conversation:
        """Begin a turn; what is told of the one before is as in ``History.open``. It is to be closed in any case."""
        for scope, history in self._histories.items():
            called, session = name if scope == "channel" else "", session_of(scope)
            history.open(
                session, turn_id, user, text, now, name=called, heard=heard, heard_of=heard_of, goes_on=goes_on
            )
        return Conversation(self._histories, {scope: session_of(scope) for scope in self._histories}, turn_id, text)

    def count(self, sessions: str, user: str) -> int:
        """Return how many exchanges of a user are kept; see ``History.count``."""
        return max((history.count(sessions, user) for history in self._histories.values()), default=0)

    def forget(self, sessions: str, user: str) -> int:
        """Forget a user's exchanges; return how many they were."""
        return max((history.forget(sessions, user) for history in self._histories.values()), default=0)


class Conversation:
    """The conversation in one turn: what was said before it, and what is being answered."""

    def __init__(self, histories: dict[Scope, History], sessions: dict[Scope, str], turn_id: str, text: str) -> None:
        self._histories, self._sessions, self._turn_id, self._text = histories, sessions, turn_id, text

    def messages(self, rules: HistoryRules, now: float) -> list[Message]:
        """Return the messages to send, the question last."""
        history = self._histories.get(rules.scope)
        found = [] if history is None else history.messages(self._sessions[rules.scope], self._turn_id, now, rules)
        return found or [Message("user", self._text)]

    def add(self, text: str) -> None:
        """Note a piece of the answer that was passed on."""
        for scope, history in self._histories.items():
            history.add(self._sessions[scope], self._turn_id, text)

    def close(self, now: float) -> None:
        """End the turn."""
        for scope, history in self._histories.items():
            history.close(self._sessions[scope], self._turn_id, now)
