"""Tools that a model may call: what they are, and the calls that come in pieces in its answer.

    OpenAI   {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{\\"a\\":"}}]}, then more
             pieces with the same index; several indexes are several calls
    Ollama   {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, whole

Some OpenAI-compatible servers leave the index out, send the arguments as an object, or begin a new call under an old
index with a new id (seen in reports on llama.cpp, vLLM and Gemini's compatible API; not run here).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from voxbridge.core.wire.json_text import json_value, whole_letters

CALLS_MAX = 32
ARGUMENTS_CHARS_MAX = 64_000
NAME_CHARS_MAX = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_ID_CHARS_MAX = 200
# C0 and C1 but line break and tab; what turns the direction of writing round
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@attrs.frozen
class Tool:
    """What the model is told of a tool: a name that no other has, what it does, and a JSON Schema of its arguments."""

    name: str
    about: str
    schema: Mapping[str, Any]


@attrs.frozen
class ToolCall:
    """A call that the model wants. ``arguments`` are None if they are no JSON object."""

    call_id: str
    name: str
    arguments_text: str = attrs.field(repr=False)

    @property
    def arguments(self) -> dict[str, Any] | None:
        """Return the arguments; none at all are an empty object."""
        if not self.arguments_text.strip():
            return {}
        value = json_value(self.arguments_text)
        return value if isinstance(value, dict) else None


@attrs.define
class _Begun:
    call_id: str = ""
    name: str = ""
    pieces: list[str] = attrs.field(factory=list)
    chars: int = 0


class CalledTools:
    """Collects the calls of one answer."""

    def __init__(self) -> None:
        self._begun: list[_Begun] = []
        self._by_index: dict[int, _Begun] = {}

    def __bool__(self) -> bool:
        return bool(self._begun)

    def take(self, pieces: object) -> None:
        """Take the field ``tool_calls`` of a message, or of a piece of one; what is no call is passed over."""
        for position, piece in enumerate(pieces if isinstance(pieces, list) else ()):
            function = piece.get("function") if isinstance(piece, dict) else None
            if not isinstance(function, dict):
                continue
            begun = self._place(piece, position)
            if begun is None:
                return
            name, arguments = function.get("name"), function.get("arguments")
            if isinstance(name, str) and not begun.name:
                begun.name = whole_letters(name)[:NAME_CHARS_MAX]
            if isinstance(arguments, dict):
                arguments = json.dumps(arguments)
            if isinstance(arguments, str) and begun.chars <= ARGUMENTS_CHARS_MAX:
                begun.pieces.append(arguments)
                begun.chars += len(arguments)

    def _place(self, piece: Mapping[str, Any], position: int) -> _Begun | None:
        """Return the call to which a piece belongs, a new one if need be; None: there are too many."""
        index, call_id = piece.get("index"), piece.get("id")
        call_id = whole_letters(call_id)[:_ID_CHARS_MAX] if isinstance(call_id, str) else ""
        known = self._by_index.get(index) if type(index) is int else self._unnumbered(call_id, position)
        if known is not None and (not call_id or known.call_id in ("", call_id)):
            known.call_id = known.call_id or call_id
            return known
        if len(self._begun) >= CALLS_MAX:
            return None
        begun = _Begun(call_id)
        self._begun.append(begun)
        if type(index) is int:
            self._by_index[index] = begun
        return begun

    def _unnumbered(self, call_id: str, position: int) -> _Begun | None:
        """Return the call that a piece without an index goes on with: it has no id and no position of its own."""
        if call_id or position or not self._begun:
            return None
        last = self._begun[-1]
        return last if last.call_id and not self._by_index else None

    def calls(self) -> list[ToolCall]:
        """Return the calls; each has an id, as the answer to it must name one."""
        return [
            ToolCall(
                begun.call_id or f"call_{number}",
                begun.name,
                # what is cut is no JSON any more, and the model is told so
                "".join(begun.pieces)[:ARGUMENTS_CHARS_MAX],
            )
            for number, begun in enumerate(self._begun, 1)
            if begun.name
        ]


def plain_text(text: str, chars_max: int) -> str:
    """Return foreign text for a prompt or a terminal: no control characters but line breaks, of bounded length."""
    return _CONTROLS.sub(" ", whole_letters(text[:chars_max]))


def tool_names(tools: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return a name for each tool of each server, as pairs, that no other has and that all models take."""
    named: dict[str, tuple[str, str]] = {}
    for server, tool in dict.fromkeys(tools):
        plain = _NO_NAME.sub("_", f"{server}_{tool}").strip("_") or "tool"
        name, number = plain[:NAME_CHARS_MAX], 1
        while name in named:
            number += 1
            name = f"{plain[: NAME_CHARS_MAX - 4]}_{number}"
        named[name] = (server, tool)
    return named
