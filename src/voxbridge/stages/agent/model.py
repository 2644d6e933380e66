"""A turn with a language model itself: the conversation is ours, the server only goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from voxbridge.core.agents.answer_reader import AnswerReader, Values
from voxbridge.core.agents.said import Said
from voxbridge.core.agents.tools import CalledTools, Tool, ToolCall
from voxbridge.core.wire.json_text import json_value
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages.agent.api import api_headers
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.dialect import Call
from voxbridge.stages.agent.memory import ApiMessage, Memory
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.agent.tools.toolbox import Toolbox, TurnTools
from voxbridge.stages.contracts import AgentRequest

_MODELS_NAMED_MAX = 5


class ModelDialect(Protocol):
    """What differs between the APIs of language models."""

    @property
    def settings(self) -> ModelSettings:
        """Return the model's settings."""
        ...

    wall_s: Callable[[], float]
    secrets: tuple[str, ...]
    memory: Memory
    target: str
    toolbox: Toolbox | None

    def fields(self, messages: list[ApiMessage], tools: Sequence[Tool]) -> dict[str, object]:
        """Return the body of a request; fields that are None are left out."""
        ...

    def values(self, said: Said, called: CalledTools | None) -> Values:
        """Return what reads the stream's values."""
        ...

    def called(self, text: str, results: Sequence[tuple[ToolCall, str]]) -> list[ApiMessage]:
        """Return the messages that tell of an answer's calls, and of what came of them."""
        ...

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        ...


class ModelExchange:
    """One turn with a model. Every attempt is the same to the server, and a closed connection stops it.

    What tools were called stays in the exchange: an attempt that fails behind them does not call them again.
    """

    def __init__(self, dialect: ModelDialect, request: AgentRequest, now: float) -> None:
        self._dialect, self._request = dialect, request
        self._remembered = dialect.memory.begin(request, now)
        self.hidden = Hidden(dialect.secrets, speech=self._remembered.user_words)
        self.toolbox = self._usable_tools()
        self._tool_talk: list[ApiMessage] = []
        self._tools: tuple[Tool, ...] = ()
        self._called = CalledTools()
        self._said: list[str] = []  # in the answer that is being read

    def _usable_tools(self) -> TurnTools | None:
        """Return the tools of this turn; none for one that may be taken back if nobody says when it cannot."""
        is_safe = not self._request.speculative or self._request.decided is not None
        toolbox = self._dialect.toolbox
        return toolbox.for_turn() if toolbox is not None and is_safe else None

    def call(self, attempt: int) -> Call:  # noqa: ARG002 - see above
        """Return the request."""
        self._tools = () if self.toolbox is None else self.toolbox.offered()
        fields = self._dialect.fields([*self._remembered.messages, *self._tool_talk], self._tools)
        body = json.dumps({key: value for key, value in fields.items() if value is not None}, ensure_ascii=False)
        headers = api_headers(self._request, authorization(self._dialect.settings, self._dialect.wall_s))
        return Call("POST", self._dialect.target, body.encode("utf-8", "replace"), headers)

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return a reader of this API's stream."""
        self._called, self._said = CalledTools(), []
        called = self._called if self._tools else None
        return AnswerReader(
            content_type=headers.get("content-type", ""), values=lambda said: self._dialect.values(said, called)
        )

    def calls(self) -> list[ToolCall]:
        """See CallsTools."""
        return self._called.calls()

    def called(self, results: list[tuple[ToolCall, str]]) -> None:
        """See CallsTools."""
        self._tool_talk += self._dialect.called("".join(self._said), results)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return self._dialect.refusal(status, headers, body, self.hidden)

    def said(self, text: str) -> None:
        """Add to the history."""
        self._said.append(text)
        self._remembered.add(text)

    def close(self, now: float, *, is_whole: bool) -> None:  # noqa: ARG002 - see above
        """End the exchange in the history."""
        self._remembered.close(now)


def names_in(body: bytes, entries_key: str, name_key: str) -> list[str] | None:
    """Return the names in a list of models, or None if the body is no such list."""
    value = json_value(body)
    entries = value.get(entries_key) if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return None
    return [entry[name_key] for entry in entries if isinstance(entry, dict) and isinstance(entry.get(name_key), str)]


def without_model(model: str, models: Sequence[str], backend: str) -> StageRefused:
    """Return the error of a server that lacks the model, naming some that it has."""
    named = ", ".join(models[:_MODELS_NAMED_MAX]) + (", ..." if len(models) > _MODELS_NAMED_MAX else "")
    detail = f"the server has no model {model!r}; agent.model may be {named}"
    return StageRefused("agent", 0, detail, backend=backend)
