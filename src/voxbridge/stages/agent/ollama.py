"""Ollama's own API, ``/api/chat``: JSON lines, and a model that stays loaded for as long as we ask.

The bridge keeps the conversation; closing the connection stops the generation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import attrs

from voxbridge import clock
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import matches, option, own_kind
from voxbridge.core.agents.chat import OllamaValues
from voxbridge.core.agents.said import Said
from voxbridge.core.agents.tools import CalledTools, Tool, ToolCall
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages.agent.address import address_of, secrets_of
from voxbridge.stages.agent.api import api_refusal
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.dialect import Call, Fetch
from voxbridge.stages.agent.memory import ApiMessage, Memory
from voxbridge.stages.agent.model import ModelExchange, names_in
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.agent.tools.toolbox import functions, toolbox_of
from voxbridge.stages.contracts import AgentRequest

ROUTE = "/api/chat"
_COPIED = ("/api", "/v1")  # what people have at the end of the address, for other clients


@attrs.frozen(kw_only=True)
class OllamaSettings(ModelSettings):
    """The settings of this kind."""

    kind: str = own_kind("ollama")
    keep_alive: str = option(
        "",
        "How long the model stays loaded after an answer; if not set, the server decides (5m).",
        matches(r"-?\d+(ms|s|m|h)?", "a duration such as 30m, or -1 for ever"),
        example="30m",
    )


def ollama_stage(
    settings: OllamaSettings, *, rng: Callable[[], float] = random.random, wall_s: Callable[[], float] = clock.wall_s
) -> AgentClient:
    """Make the stage. ``rng`` gives the jitter of retries, ``wall_s`` the time for signed tokens."""
    return AgentClient(OllamaDialect(settings, wall_s=wall_s), settings, rng=rng)


class OllamaDialect:
    """An Ollama server."""

    name = "ollama"
    failed = "Ollama reports an error"

    def __init__(self, settings: OllamaSettings, *, wall_s: Callable[[], float]) -> None:
        self.settings, self.wall_s = settings, wall_s
        address = address_of(settings.url.reveal())
        self.origin, self.target = address.origin, address.route(ROUTE, *_COPIED)
        self.secrets = secrets_of(settings, hides_path=False)
        self.memory = Memory(settings)
        self.toolbox = toolbox_of(settings)
        self._models_target = address.route("/api/tags", ROUTE, *_COPIED)

    def begin(self, request: AgentRequest, now: float) -> ModelExchange:
        """Begin a turn."""
        return ModelExchange(self, request, now)

    def fields(self, messages: list[ApiMessage], tools: Sequence[Tool]) -> dict[str, object]:
        """Return the body of a request."""
        settings = self.settings
        options = {"temperature": settings.temperature, "num_predict": settings.max_tokens}
        options = {key: value for key, value in options.items() if value is not None}
        keep_alive: str | int | None = settings.keep_alive or None
        if settings.keep_alive.lstrip("-").isdecimal():
            keep_alive = int(settings.keep_alive)  # as a text it would be a duration without a unit, and refused
        return {
            "model": settings.model,
            "messages": messages,
            "stream": True,
            "keep_alive": keep_alive,
            "options": options or None,
            "tools": functions(tools) or None,
        }

    def called(self, text: str, results: Sequence[tuple[ToolCall, str]]) -> list[ApiMessage]:
        """Return the messages of an answer that called tools; a result names its tool (Ollama's API documentation)."""
        calls = [{"function": {"name": call.name, "arguments": call.arguments or {}}} for call, _ in results]
        told: list[ApiMessage] = [{"role": "assistant", "content": text, "tool_calls": calls}]
        return told + [{"role": "tool", "tool_name": call.name, "content": result} for call, result in results]

    def values(self, said: Said, called: CalledTools | None) -> OllamaValues:
        """Return what reads Ollama's lines."""
        return OllamaValues(said, called)

    async def probe(self, fetch: Fetch) -> str:
        """Ask for the models that are installed, and whether ours is among them. Raises: StageError."""
        found = await fetch(Call("GET", self._models_target, headers=authorization(self.settings, self.wall_s)))
        if not found.is_success:
            raise self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))
        models, model = names_in(found.body, "models", "name"), self.settings.model
        if models is None:
            detail = (
                "no Ollama answers at this address; set agent.url to http://host:11434 (for other servers: kind "
                "= openai)"
            )
            raise StageRefused("agent", found.status, detail, backend=self.name)
        # Ollama adds the tag itself
        if model not in models and f"{model}:latest" not in models:
            detail = f"the model {model!r} is not installed: run `ollama pull {model}`"
            raise StageRefused("agent", 0, detail, backend=self.name)
        return f"the server is there and has the model {model}"

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return api_refusal(status, headers, body, backend=self.name, hidden=hidden, settings=self.settings)


KIND = Kind(OllamaSettings, ollama_stage)
