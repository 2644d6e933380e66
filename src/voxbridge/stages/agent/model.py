"""A turn with a language model itself: the conversation is ours, the server only goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from voxbridge.core.agents.answer_reader import AnswerReader, Values
from voxbridge.core.agents.said import Said
from voxbridge.core.wire.json_text import json_value
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages.agent.api import api_headers
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.dialect import Call
from voxbridge.stages.agent.memory import Memory
from voxbridge.stages.agent.settings import ModelSettings
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

    def fields(self, messages: list[dict[str, str]]) -> dict[str, object]:
        """Return the body of a request; fields that are None are left out."""
        ...

    def values(self, said: Said) -> Values:
        """Return what reads the stream's values."""
        ...

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        ...


class ModelExchange:
    """One turn with a model. Every attempt is the same to the server, and a closed connection stops it."""

    def __init__(self, dialect: ModelDialect, request: AgentRequest, now: float) -> None:
        self._dialect, self._request = dialect, request
        self._remembered = dialect.memory.begin(request, now)
        self.hidden = Hidden(dialect.secrets, speech=self._remembered.user_words)

    def call(self, attempt: int) -> Call:  # noqa: ARG002 - see above
        """Return the request."""
        fields = self._dialect.fields(self._remembered.messages)
        body = json.dumps({key: value for key, value in fields.items() if value is not None}, ensure_ascii=False)
        headers = api_headers(self._request, authorization(self._dialect.settings, self._dialect.wall_s))
        return Call("POST", self._dialect.target, body.encode("utf-8", "replace"), headers)

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return a reader of this API's stream."""
        return AnswerReader(content_type=headers.get("content-type", ""), values=self._dialect.values)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return self._dialect.refusal(status, headers, body, self.hidden)

    def said(self, text: str) -> None:
        """Add to the history."""
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
