"""What the agents behind an API key have in common: headers, refusals, and the sessions of their users."""

from __future__ import annotations

from collections.abc import Mapping

from voxbridge.core.wire.json_text import json_value
from voxbridge.core.wire.quote import Hidden, quotable
from voxbridge.errors import StageError, StageRefused, StageUnavailable
from voxbridge.stages.agent.dialect import ACCEPT
from voxbridge.stages.agent.settings import HttpSettings, ModelSettings
from voxbridge.stages.contracts import AgentRequest
from voxbridge.stages.http_status import status_error

_NO_MORE_MONEY = ("insufficient_quota", "billing_hard_limit_reached")


def api_headers(request: AgentRequest, authorization: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a question. The ids are the same for every attempt, so that a proxy can tell."""
    return {
        "Content-Type": "application/json",
        "Accept": ACCEPT,
        "X-Request-Id": request.turn_id,
        "Idempotency-Key": request.turn_id,
        **authorization,
    }


def api_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, backend: str, hidden: Hidden, settings: HttpSettings
) -> StageError:
    """Return the error that a status outside 2xx stands for, with what to look at in the configuration."""
    error = status_error("agent", status, headers, body, backend=backend, hidden=hidden)
    said = quotable(body, hidden)
    tail = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if isinstance(error, StageUnavailable):
        if status == 429 and _code(body) in _NO_MORE_MONEY:
            hint = "the account's quota is used up; asking again does not help"
            return StageRefused("agent", status, f"{hint} ({tail})", backend=backend)
        return error
    if status in (401, 403):
        hint = "the server refuses our credentials; set agent.api_key"
        return StageRefused("agent", status, f"{hint} ({tail})", backend=backend)
    if status == 404:
        model = f", or its model {settings.model!r}" if isinstance(settings, ModelSettings) else ""
        hint = f"the server does not know this address{model}; check agent.url" + (" and agent.model" if model else "")
        return StageRefused("agent", status, f"{hint} ({tail})", backend=backend)
    return error


def _code(body: bytes) -> str:
    match json_value(body):
        case {"error": {"code": str(code)}} | {"error": {"type": str(code)}}:
            return code
        case _:
            return ""
