"""Ollama's own API, ``/api/chat``: JSON lines, and a model that stays loaded for as long as we ask.

The bridge keeps the conversation; closing the connection stops the generation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from voxbridge.config.settings import AgentSettings
from voxbridge.core.answer import AnswerReader
from voxbridge.core.chat import OllamaValues
from voxbridge.core.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages import AgentRequest
from voxbridge.stages.agent.address import address_of, secrets_of
from voxbridge.stages.agent.api import api_headers, api_refusal
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.memory import Memory
from voxbridge.stages.agent.openai import checked_model
from voxbridge.stages.agent.wire import Call, Fetch

ROUTE = "/api/chat"


class OllamaWire:
    """An Ollama server."""

    name = "ollama"
    failed = "Ollama reports an error"

    def __init__(self, settings: AgentSettings, *, wall_s: Callable[[], float]) -> None:
        self.settings, self.wall_s = settings, wall_s
        self.address = address_of(settings.url.reveal())
        self.origin = self.address.origin
        self.secrets = secrets_of(settings, hides_path=False)
        self.memory = Memory(settings)

    def begin(self, request: AgentRequest, now: float) -> OllamaExchange:
        """Begin a turn."""
        return OllamaExchange(self, request, now)

    async def probe(self, fetch: Fetch) -> str:
        """Ask for the models that are installed, and whether ours is among them. Raises: StageError."""
        path = self.address.route("/api/tags", ROUTE, "/api", "/v1")
        found = await fetch(Call("GET", path, headers=authorization(self.settings.auth, self.wall_s)))
        if not found.is_success:
            raise self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))
        models = _names(found.body)
        if models is None:
            detail = "this address is no Ollama; agent.url wants http://host:11434 (for other servers: kind = openai)"
            raise StageRefused("agent", found.status, detail, backend=self.name)
        model = self.settings.model
        if model not in models and f"{model}:latest" in models:
            model = f"{model}:latest"  # Ollama adds the tag itself
        if model not in models:
            detail = f"the model {model!r} is not installed: run `ollama pull {model}`"
            raise StageRefused("agent", 0, detail, backend=self.name)
        return checked_model(model, models, self.name)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return api_refusal(status, headers, body, backend=self.name, hidden=hidden, settings=self.settings)


def _names(body: bytes) -> list[str] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    entries = value.get("models") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return None
    return [entry["name"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)]


class OllamaExchange:
    """One turn with a model."""

    def __init__(self, wire: OllamaWire, request: AgentRequest, now: float) -> None:
        self._wire, self._request = wire, request
        self._remembered = wire.memory.begin(request, now)
        self.hidden = Hidden(wire.secrets, speech=self._remembered.user_words)

    def call(self, attempt: int) -> Call:  # noqa: ARG002 - every attempt is the same to the server
        """Return the request."""
        settings = self._wire.settings
        options = {"temperature": settings.temperature, "num_predict": settings.max_tokens}
        options = {key: value for key, value in options.items() if value is not None}
        fields: dict[str, object] = {
            "model": settings.model,
            "messages": self._remembered.messages,
            "stream": True,
        }
        if settings.keep_alive:
            # a bare number must be one: Ollama reads the text "-1" as a duration without a unit and refuses it
            is_number = settings.keep_alive.lstrip("-").isdecimal()
            fields["keep_alive"] = int(settings.keep_alive) if is_number else settings.keep_alive
        if options:
            fields["options"] = options
        body = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
        headers = api_headers(self._request, authorization(settings.auth, self._wire.wall_s))
        return Call("POST", self._wire.address.route(ROUTE, "/api", "/v1"), body, headers)

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return a reader of Ollama's lines."""
        return AnswerReader(content_type=headers.get("content-type", ""), values=OllamaValues)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return self._wire.refusal(status, headers, body, self.hidden)

    def said(self, text: str) -> None:
        """Add to the history."""
        self._remembered.add(text)

    def close(self, now: float, *, is_whole: bool) -> None:  # noqa: ARG002 - the closed connection stops it
        """End the exchange in the history."""
        self._remembered.close(now)
