"""The conversation that the bridge keeps for a model that keeps none, as messages for a chat API."""

from __future__ import annotations

from voxbridge.core.agents.history import History, HistoryRules
from voxbridge.stages.agent.request import session_id
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.contracts import AgentRequest


class Memory:
    """The histories of one stage, per user or per channel; system prompt included when they are sent."""

    def __init__(self, settings: ModelSettings) -> None:
        self._scope, self._system = settings.session_scope, settings.system_prompt.strip()
        self._history = History(HistoryRules(tokens_max=settings.history_tokens, age_s=settings.history_age_ms / 1000))

    def begin(self, request: AgentRequest, now: float) -> Remembered:
        """Begin an exchange."""
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
        )
        messages = [{"role": "system", "content": self._system}] if self._system else []
        messages += [{"role": message.role, "content": message.content} for message in asked]
        return Remembered(self._history, session, request.turn_id, messages)


class Remembered:
    """One exchange: its messages, and what is added to it."""

    def __init__(self, history: History, session: str, turn_id: str, messages: list[dict[str, str]]) -> None:
        self._history, self._session, self._turn_id = history, session, turn_id
        self.messages = messages

    @property
    def user_words(self) -> str:
        """Return all that users have said in it, which no message may quote."""
        return "\n".join(message["content"] for message in self.messages if message["role"] == "user")

    def add(self, text: str) -> None:
        """Add to the answer."""
        self._history.add(self._session, self._turn_id, text)

    def close(self, now: float) -> None:
        """End the exchange."""
        self._history.close(self._session, self._turn_id, now)
