"""The conversation that the bridge keeps for a model that keeps none, as messages for a chat API."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, runtime_checkable

from voxbridge.config.stages import AUTO
from voxbridge.core.agents.conversation import Conversation, Conversations
from voxbridge.core.agents.history import HistoryRules
from voxbridge.core.agents.room_text import room_text
from voxbridge.core.agents.session import is_shared
from voxbridge.stages.agent.request import session_id
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.contracts import AgentRequest

ApiMessage = dict[str, Any]
"""A message as a chat API takes it: role and content, and what belongs to calls of tools."""


def opened(conversations: Conversations, request: AgentRequest, now: float) -> Conversation:
    """Begin a turn in conversations, with what the request says of the one before."""
    speaker, previous = request.speaker, request.previous
    return conversations.begin(
        partial(session_id, speaker, profile=request.profile),
        request.turn_id,
        str(speaker.user_id),
        request.text,
        now,
        name=speaker.name,
        heard=previous.heard if previous is not None and previous.interrupted else None,
        heard_of=previous.turn_id if previous is not None else "",
        goes_on=previous is not None and previous.goes_on,
        guild=str(speaker.guild_id),
    )


class Memory:
    """The conversations of one stage; the system prompt is added when they are sent."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self.rules = HistoryRules(
            tokens_max=settings.history_tokens,
            age_s=settings.history_age_ms / 1000,
            turns_max=settings.history_turns,
            scope=settings.session_scope,
        )
        self.conversations = Conversations([self.rules])

    def begin(self, request: AgentRequest, now: float) -> Remembered:
        """Begin an exchange; in a conversation that somebody else keeps it is theirs to write down."""
        is_ours = request.conversation is None
        conversation = request.conversation or opened(self.conversations, request, now)
        system = self._system_prompt(request)
        messages: list[ApiMessage] = [{"role": "system", "content": system}] if system else []
        messages += [
            {"role": message.role, "content": message.content} for message in conversation.messages(self.rules, now)
        ]
        return Remembered(conversation if is_ours else None, messages)

    def _system_prompt(self, request: AgentRequest) -> str:
        speaker = request.speaker
        prompt = (self._settings.system_prompt if request.prompt is None else request.prompt).strip()
        if not self._settings.room_in_prompt:
            return prompt
        room = room_text(
            speaker=speaker.name,
            people=request.people,
            participants=request.participants,
            joined=request.joined,
            left=request.left,
            language="" if speaker.language == AUTO else speaker.language,
            is_shared=is_shared(self._settings.session_scope),
        )
        return "\n\n".join(part for part in (prompt, room) if part)


@runtime_checkable
class Remembers(Protocol):
    """A dialect for which the bridge keeps the conversation."""

    memory: Memory


class Remembered:
    """One exchange: its messages, and what is added to it if it is ours to keep."""

    def __init__(self, conversation: Conversation | None, messages: list[ApiMessage]) -> None:
        self._conversation = conversation
        self.messages = messages

    @property
    def user_words(self) -> str:
        """Return all that users have said in it, which no message may quote."""
        return "\n".join(message["content"] for message in self.messages if message["role"] == "user")

    def add(self, text: str) -> None:
        """Add to the answer."""
        if self._conversation is not None:
            self._conversation.add(text)

    def close(self, now: float) -> None:
        """End the exchange."""
        if self._conversation is not None:
            self._conversation.close(now)
