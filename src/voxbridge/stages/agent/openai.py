"""Any server with OpenAI's ``/chat/completions``: Ollama, vLLM, llama.cpp, LM Studio, LiteLLM, OpenRouter, Groq ...

The server keeps nothing, so the bridge keeps the conversation, cut at what was really heard. Closing the connection
stops the generation. Tools are not offered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from voxbridge.config.settings import AgentSettings
from voxbridge.core.answer import AnswerReader
from voxbridge.core.chat import OpenAiValues
from voxbridge.core.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages import AgentRequest
from voxbridge.stages.agent.address import address_of, secrets_of
from voxbridge.stages.agent.api import api_headers, api_refusal
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.memory import Memory
from voxbridge.stages.agent.wire import Call, Fetch

ROUTE = "/chat/completions"
_MODELS_NAMED_MAX = 5


class OpenAiWire:
    """An OpenAI-compatible server."""

    name = "openai"
    failed = "the server reports an error"

    def __init__(self, settings: AgentSettings, *, wall_s: Callable[[], float]) -> None:
        self.settings, self.wall_s = settings, wall_s
        self.address = address_of(settings.url.reveal())
        self.origin = self.address.origin
        self.secrets = secrets_of(settings, hides_path=False)
        self.memory = Memory(settings)

    def begin(self, request: AgentRequest, now: float) -> OpenAiExchange:
        """Begin a turn."""
        return OpenAiExchange(self, request, now)

    async def probe(self, fetch: Fetch) -> str:
        """Ask for the list of models, and whether ours is in it. Raises: StageError."""
        path = self.address.route("/models", ROUTE)
        found = await fetch(Call("GET", path, headers=authorization(self.settings.auth, self.wall_s)))
        if found.status in (404, 405):
            return "something answers at this address, but lists no models; the first question will show what"
        if not found.is_success:
            raise self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))
        models = _names(found.body)
        if models is None:
            detail = "this address is no OpenAI-compatible API (no list of models); agent.url wants its base, often /v1"
            raise StageRefused("agent", found.status, detail, backend=self.name)
        return checked_model(self.settings.model, models, self.name)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return api_refusal(status, headers, body, backend=self.name, hidden=hidden, settings=self.settings)


def _names(body: bytes) -> list[str] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    entries = value.get("data") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return None
    return [entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def checked_model(model: str, models: list[str], backend: str) -> str:
    """Say that the model is there. Raises: StageRefused, naming some that are."""
    if not models or model in models:
        return f"the server is there and has the model {model}" if models else "the server is there and has no models"
    named = ", ".join(models[:_MODELS_NAMED_MAX]) + (", ..." if len(models) > _MODELS_NAMED_MAX else "")
    detail = f"the server has no model {model!r}; agent.model may be {named}"
    raise StageRefused("agent", 0, detail, backend=backend)


class OpenAiExchange:
    """One turn with a model."""

    def __init__(self, wire: OpenAiWire, request: AgentRequest, now: float) -> None:
        self._wire, self._request = wire, request
        self._remembered = wire.memory.begin(request, now)
        self.hidden = Hidden(wire.secrets, speech=self._remembered.user_words)

    def call(self, attempt: int) -> Call:  # noqa: ARG002 - every attempt is the same to the server
        """Return the request."""
        settings = self._wire.settings
        fields = {
            "model": settings.model,
            "messages": self._remembered.messages,
            "stream": True,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
        }
        body = json.dumps({key: value for key, value in fields.items() if value is not None}, ensure_ascii=False)
        headers = api_headers(self._request, authorization(settings.auth, self._wire.wall_s))
        return Call("POST", self._wire.address.route(ROUTE), body.encode("utf-8", "replace"), headers)

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return a reader of chat completion chunks."""
        return AnswerReader(content_type=headers.get("content-type", ""), values=OpenAiValues)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return self._wire.refusal(status, headers, body, self.hidden)

    def said(self, text: str) -> None:
        """Add to the history."""
        self._remembered.add(text)

    def close(self, now: float, *, is_whole: bool) -> None:  # noqa: ARG002 - the closed connection stops it
        """End the exchange in the history."""
        self._remembered.close(now)
