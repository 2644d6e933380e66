"""Any server with OpenAI's ``/chat/completions``: Ollama, vLLM, llama.cpp, LM Studio, LiteLLM, OpenRouter, Groq ...

The server keeps nothing, so the bridge keeps the conversation, cut at what was really heard. Closing the connection
stops the generation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import attrs

from voxbridge import clock
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.core.agents.chat import OpenAiValues
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
from voxbridge.stages.agent.model import ModelExchange, names_in, without_model
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.agent.tools.toolbox import functions, toolbox_of
from voxbridge.stages.contracts import AgentRequest

ROUTE = "/chat/completions"


@attrs.frozen(kw_only=True)
class OpenAiAgentSettings(ModelSettings):
    """The settings of this kind."""

    kind: str = own_kind("openai")


def openai_stage(
    settings: OpenAiAgentSettings,
    *,
    rng: Callable[[], float] = random.random,
    wall_s: Callable[[], float] = clock.wall_s,
) -> AgentClient:
    """Make the stage. ``rng`` gives the jitter of retries, ``wall_s`` the time for signed tokens."""
    return AgentClient(OpenAiDialect(settings, wall_s=wall_s), settings, rng=rng)


class OpenAiDialect:
    """An OpenAI-compatible server."""

    name = "openai"
    failed = "the server reports an error"

    def __init__(self, settings: OpenAiAgentSettings, *, wall_s: Callable[[], float]) -> None:
        self.settings, self.wall_s = settings, wall_s
        address = address_of(settings.url.reveal())
        self.origin, self.target = address.origin, address.route(ROUTE)
        self.secrets = secrets_of(settings, hides_path=False)
        self.memory = Memory(settings)
        self.toolbox = toolbox_of(settings)
        self._models_target = address.route("/models", ROUTE)
        self._models_below = address.route("/v1/models", ROUTE)

    def begin(self, request: AgentRequest, now: float) -> ModelExchange:
        """Begin a turn."""
        return ModelExchange(self, request, now)

    def fields(self, messages: list[ApiMessage], tools: Sequence[Tool]) -> dict[str, object]:
        """Return the body of a request."""
        return {
            "model": self.settings.model,
            "messages": messages,
            "stream": True,
            "temperature": self.settings.temperature,
            "max_tokens": self.settings.max_tokens,
            "tools": functions(tools) or None,
        }

    def called(self, text: str, results: Sequence[tuple[ToolCall, str]]) -> list[ApiMessage]:
        """Return the messages of an answer that called tools; each result names its call (OpenAI API reference)."""
        calls = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_text or "{}"},
            }
            for call, _ in results
        ]
        told: list[ApiMessage] = [{"role": "assistant", "content": text or None, "tool_calls": calls}]
        return told + [{"role": "tool", "tool_call_id": call.call_id, "content": result} for call, result in results]

    def values(self, said: Said, called: CalledTools | None) -> OpenAiValues:
        """Return what reads chat completion chunks."""
        return OpenAiValues(said, called)

    async def probe(self, fetch: Fetch) -> str:
        """Ask for the list of models, and whether ours is in it. Raises: StageError."""
        found = await fetch(Call("GET", self._models_target, headers=authorization(self.settings, self.wall_s)))
        if found.status in (404, 405):
            await self._look_below(fetch)
            return "something answers at this address, but lists no models; the first question will show what"
        if not found.is_success:
            raise self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))
        models, model = names_in(found.body, "data", "id"), self.settings.model
        if models is None:
            detail = (
                "no OpenAI-compatible API answers at this address (no list of models); set agent.url to its "
                "base, often /v1"
            )
            raise StageRefused("agent", found.status, detail, backend=self.name)
        if not models:
            return "the server is there, but does not list its models"
        if model not in models:
            raise without_model(model, models, self.name)
        return f"the server is there and has the model {model}"

    async def _look_below(self, fetch: Fetch) -> None:
        """Look whether the list of models stands under /v1. Raises: StageRefused, if it does."""
        below = await fetch(Call("GET", self._models_below, headers=authorization(self.settings, self.wall_s)))
        if below.is_success and names_in(below.body, "data", "id") is not None:
            raise StageRefused(
                "agent", 404, "the API is one step below this address: add /v1 to agent.url", backend=self.name
            )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return api_refusal(status, headers, body, backend=self.name, hidden=hidden, settings=self.settings)


KIND = Kind(OpenAiAgentSettings, openai_stage)
