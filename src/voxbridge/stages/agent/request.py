"""The body we post: one shape for n8n's Webhook and its Chat Trigger alike (agents' side of the wire, both seen)."""

from __future__ import annotations

from typing import Protocol

from voxbridge.core.agents.session import Scope, session_name
from voxbridge.core.people.company import plain_names
from voxbridge.stages.contracts import AgentRequest, Speaker

PROBE_SESSION = "voxbridge:probe"


def session_id(speaker: Speaker, scope: Scope, profile: str = "") -> str:
    """Return the name of the conversation that the agent's memory keeps; each profile but the usual one has its own."""
    session = session_name(scope, speaker.guild_id, speaker.channel_id, speaker.user_id)
    return f"{session}:{profile}" if profile else session


class RequestKeys(Protocol):
    """The settings that shape the body."""

    @property
    def input_key(self) -> str:
        """Return the key of what the user said."""
        ...

    @property
    def session_key(self) -> str:
        """Return the key of the conversation's id."""
        ...

    @property
    def also_as(self) -> tuple[str, ...]:
        """Return further keys of what the user said."""
        ...

    @property
    def session_scope(self) -> str:
        """Return whose conversation it is."""
        ...


def request_body(request: AgentRequest, settings: RequestKeys, attempt: int) -> dict[str, object]:
    """Return the JSON body of one attempt.

    Without a session id or the text under its key n8n's agent answers 200 and an error line, so both are always
    there. Discord's ids are strings, since JavaScript loses 64-bit integers; what is not known is left out.
    """
    speaker = request.speaker
    metadata: dict[str, object] = {
        "source": "voxbridge",
        "turnId": request.turn_id,
        "attempt": attempt,
        "guildId": str(speaker.guild_id),
        "channelId": str(speaker.channel_id),
        "userId": str(speaker.user_id),
        "userName": speaker.name,
        "language": speaker.language,
        "sttConfidence": request.confidence,
        "speechMs": request.speech_ms,
        "startedAt": request.started_at,
        "participants": request.participants,
        "people": list(plain_names(request.people)) or None,
        "joined": list(request.joined) or None,
        "left": list(request.left) or None,
        "profile": request.profile or None,
        "prompt": request.prompt,
    }
    if request.speculative:
        metadata["speculative"] = True
    if request.previous is not None:
        metadata["previous"] = {"interrupted": request.previous.interrupted, "heard": request.previous.heard}
    return {
        **dict.fromkeys(settings.also_as, request.text),
        "action": "sendMessage",
        settings.session_key: session_id(speaker, settings.session_scope, request.profile),
        settings.input_key: request.text,
        "metadata": {key: value for key, value in metadata.items() if value is not None},
    }
