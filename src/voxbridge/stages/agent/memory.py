"""The conversation that the bridge keeps for a model that keeps none, as messages for a chat API."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from voxbridge.core.agents.history import History, HistoryRules, Message, Scope
from voxbridge.core.ids import GuildId, UserId
from voxbridge.stages.agent.request import session_id, sessions_of
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.contracts import AgentRequest


class Memory:
    """The histories of one stage, per user or per channel; system prompt included when they are sent."""

    def __init__(self, settings: ModelSettings) -> None:
        self._scope, self._system = settings.session_scope, settings.system_prompt.strip()
        scope: Scope = "channel" if settings.session_scope == "channel" else "user"
        age_s = settings.history_age_ms / 1000
        self.rules = HistoryRules(tokens_max=settings.history_tokens, age_s=age_s, scope=scope)
        self._history = History(self.rules)

    def begin(self, request: AgentRequest, now: float) -> Remembered:
        """Begin an exchange; in a conversation that somebody else keeps it is theirs to write down."""
        if request.conversation is not None:
            return Remembered(None, "", request.turn_id, self._told(request.conversation.messages(self.rules, now)))
        speaker, previous = request.speaker, request.previous
        session = session_id(speaker, self._scope)
        asked = self._history.ask(
            session,
            request.turn_id,
            str(speaker.user_id),
            request.text,
            now,
            name=speaker.name if self._scope == "channel" else "",
            heard=previous.heard if previous is not None and previous.interrupted else None,
            heard_of=previous.turn_id if previous is not None else "",
            goes_on=previous is not None and previous.goes_on,
        )
        return Remembered(self._history, session, request.turn_id, self._told(asked))

    def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how many exchanges of a member are remembered."""
        return self._history.count(sessions_of(guild_id), str(user_id))

    def forget(self, guild_id: GuildId, user_id: UserId) -> int:
        """Forget a member's exchanges; return how many they were."""
        return self._history.forget(sessions_of(guild_id), str(user_id))

    def _told(self, asked: list[Message]) -> list[dict[str, str]]:
        messages = [{"role": "system", "content": self._system}] if self._system else []
        return messages + [{"role": message.role, "content": message.content} for message in asked]


@runtime_checkable
class Remembers(Protocol):
    """A dialect for which the bridge keeps the conversation."""

    memory: Memory


class Remembered:
    """One exchange: its messages, and what is added to it."""

    def __init__(self, history: History | None, session: str, turn_id: str, messages: list[dict[str, str]]) -> None:
        self._history, self._session, self._turn_id = history, session, turn_id
        self.messages = messages

    @property
    def user_words(self) -> str:
        """Return all that users have said in it, which no message may quote."""
        return "\n".join(message["content"] for message in self.messages if message["role"] == "user")

    def add(self, text: str) -> None:
        """Add to the answer."""
        if self._history is not None:
            self._history.add(self._session, self._turn_id, text)

    def close(self, now: float) -> None:
        """End the exchange."""
        if self._history is not None:
            self._history.close(self._session, self._turn_id, now)
