"""One memory of a conversation for several backends: whoever answers a turn, all know it afterwards.

Each turn is one exchange, however many backends were asked for it. What was passed on is added by who stands before
them, and what was heard of an answer that was cut short is written over that turn, not over an older one of somebody
else's. A backend reads by rules of its own: per user or per channel, so many tokens, so old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import attrs

from voxbridge.core.agents.history import Exchange, History, HistoryRules, Message
from voxbridge.core.agents.session import Scope, is_shared


@attrs.frozen
class Place:
    """Where an exchange is kept: whose conversation it is, as the settings say, and its name."""

    scope: Scope
    session: str


class Conversations:
    """The memory for backends with these ``rules``: as much is kept as the one with the longest memory wants."""

    def __init__(self, rules: Iterable[HistoryRules]) -> None:
        widest: dict[Scope, HistoryRules] = {}
        for each in rules:
            known = widest.get(each.scope, each)
            widest[each.scope] = attrs.evolve(
                known,
                tokens_max=max(known.tokens_max, each.tokens_max),
                age_s=max(known.age_s, each.age_s),
                turns_max=max(known.turns_max, each.turns_max),
            )
        self._histories = {scope: History(rules) for scope, rules in widest.items()}
        self._on_change: Callable[[], None] = lambda: None

    def when_changed(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` in the step in which something was added, changed or forgotten; it must not raise."""
        self._on_change = listener

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
        guild: str = "",
    ) -> Conversation:
        """Begin a turn; what is told of the one before is as in ``History.open``. It is to be closed in any case."""
        for scope, history in self._histories.items():
            called, session = name if is_shared(scope) else "", session_of(scope)
            history.open(
                session,
                turn_id,
                user,
                text,
                now,
                name=called,
                heard=heard,
                heard_of=heard_of,
                goes_on=goes_on,
                guild=guild,
            )
        sessions = {scope: session_of(scope) for scope in self._histories}
        return Conversation(self._histories, sessions, turn_id, text, self._closed)

    def _closed(self) -> None:
        self._on_change()

    def count(self, guild: str, user: str) -> int:
        """Return how many exchanges there are of what a user said in a guild."""
        return max((history.count(guild, user) for history in self._histories.values()), default=0)

    def forget(self, guild: str, user: str) -> int:
        """Forget what a user said in a guild; return how many exchanges they were."""
        forgotten = max((history.forget(guild, user) for history in self._histories.values()), default=0)
        self._on_change()
        return forgotten

    # For who keeps the conversations over the end of the process.

    def expire(self, now: float) -> None:
        """Forget what has become too old."""
        for history in self._histories.values():
            history.expire(now)

    def changed(self) -> dict[Place, list[Exchange]]:
        """Return what has changed since the last call; see ``History.changed``."""
        return {
            Place(scope, session): exchanges
            for scope, history in self._histories.items()
            for session, exchanges in history.changed().items()
        }

    def touch(self, places: Iterable[Place]) -> None:
        """Count places as changed again."""
        for place in places:
            self._histories[place.scope].touch([place.session])

    def restore(self, kept: Mapping[Place, list[Exchange]], now: float) -> list[Place]:
        """Remember what was kept; return the places that belong to nobody here."""
        for place, exchanges in kept.items():
            if (history := self._histories.get(place.scope)) is not None:
                history.restore(place.session, exchanges, now)
        return [place for place in kept if place.scope not in self._histories]


_BETWEEN = "\x1f"  # between an agent's name and whose conversation it is; neither can hold it


class AgentMemories:
    """The conversations of several agents by name, for who keeps them over the end of the process."""

    def __init__(self, of_agents: Mapping[str, Conversations]) -> None:
        self._of_agents = of_agents

    def when_changed(self, listener: Callable[[], None]) -> None:
        """See Conversations."""
        for conversations in self._of_agents.values():
            conversations.when_changed(listener)

    def count(self, guild: str, user: str) -> int:
        """Return how many exchanges there are of what a user said in a guild."""
        return sum(conversations.count(guild, user) for conversations in self._of_agents.values())

    def forget(self, guild: str, user: str) -> int:
        """Forget what a user said in a guild; return how many exchanges they were."""
        return sum(conversations.forget(guild, user) for conversations in self._of_agents.values())

    def expire(self, now: float) -> None:
        """Forget what has become too old."""
        for conversations in self._of_agents.values():
            conversations.expire(now)

    def changed(self) -> dict[Place, list[Exchange]]:
        """Return what has changed since the last call; see ``History.changed``."""
        return {
            Place(f"{name}{_BETWEEN}{place.scope}", place.session): exchanges
            for name, conversations in self._of_agents.items()
            for place, exchanges in conversations.changed().items()
        }

    def touch(self, places: Iterable[Place]) -> None:
        """Count places as changed again."""
        for place in places:
            name, _, scope = place.scope.partition(_BETWEEN)
            self._of_agents[name].touch([Place(scope, place.session)])

    def restore(self, kept: Mapping[Place, list[Exchange]], now: float) -> list[Place]:
        """Remember what was kept; return the places that belong to nobody here."""
        orphans = []
        for place, exchanges in kept.items():
            name, _, scope = place.scope.partition(_BETWEEN)
            conversations = self._of_agents.get(name)
            if conversations is None or conversations.restore({Place(scope, place.session): exchanges}, now):
                orphans.append(place)
        return orphans


class Conversation:
    """The conversation in one turn: what was said before it, and what is being answered."""

    def __init__(
        self,
        histories: dict[Scope, History],
        sessions: dict[Scope, str],
        turn_id: str,
        text: str,
        on_close: Callable[[], None],
    ) -> None:
        self._histories, self._sessions, self._turn_id, self._text = histories, sessions, turn_id, text
        self._on_close = on_close

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
        self._on_close()
