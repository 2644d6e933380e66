"""What the end of an answer with status 2xx means."""

from __future__ import annotations

from voxbridge.core.agents.said import Ended
from voxbridge.core.wire.quote import QUOTE_CHARS_MAX, Hidden
from voxbridge.errors import AgentFailed, NoReply, StageError, StageProtocolError, StageUnavailable


def outcome_error(ended: Ended, *, backend: str, hidden: Hidden, failed: str, retry_empty: bool) -> StageError | None:
    """Return the error that the end of an answer stands for, or None if it is none.

    ``failed`` introduces the peer's own error message. ``retry_empty``: an empty answer may be tried again (older n8n
    reports a failed workflow so), though the run may have had effects.
    """
    detail = " ".join(ended.detail.split())
    said = hidden.clean(detail)[:QUOTE_CHARS_MAX] or "its message is not shown: it repeats what the user said"
    match ended.outcome:
        case "ok":
            return None
        case "agent_error":
            is_all = detail.strip(" .!").casefold() == failed.removeprefix("the ")
            return AgentFailed("agent", failed if is_all else f"{failed}: {said}", backend=backend)
        case "starting":
            return StageUnavailable("agent", said, backend=backend)
        case "cut":
            return StageProtocolError("agent", f"the answer was cut: {said}", backend=backend)
        case "protocol_error":
            broken = StageProtocolError("agent", f"the answer cannot be read: {said}", backend=backend)
            broken.retryable = False  # it was not cut: asking again gives the same
            return broken
        case _:
            silent = NoReply("agent", said, backend=backend)
            silent.retryable = retry_empty and ended.outcome == "empty"
            return silent
