"""What the placeholders of a template stand for in one turn."""

from __future__ import annotations

from voxbridge.core.agents.placeholders import NAMES
from voxbridge.core.people.company import plain_names
from voxbridge.stages.agent.request import session_id
from voxbridge.stages.contracts import AgentRequest


def placeholder_values(request: AgentRequest, scope: str, attempt: int) -> dict[str, str]:
    """Return a text for each placeholder; what is not known is empty."""
    speaker, previous = request.speaker, request.previous
    values = {
        "text": request.text,
        "user_id": str(speaker.user_id),
        "user_name": speaker.name,
        "session_id": session_id(speaker, scope, request.profile),
        "turn_id": request.turn_id,
        "attempt": str(attempt),
        "guild_id": str(speaker.guild_id),
        "channel_id": str(speaker.channel_id),
        "language": speaker.language,
        "started_at": request.started_at or "",
        "people": ", ".join(plain_names(request.people)),
        "joined": ", ".join(request.joined),
        "left": ", ".join(request.left),
        "heard": previous.heard if previous is not None and previous.interrupted else "",
        "profile": request.profile,
        "prompt": request.prompt or "",
    }
    assert values.keys() == set(NAMES), "the placeholders and what they stand for have come apart"
    return values
