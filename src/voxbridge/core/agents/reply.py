"""What in a JSON value is the agent's answer, and what must never be spoken.

Agents wrap their answer in many ways: n8n's agent says ``output``, others ``text``, ``response``, ``reply``,
``answer``, ``content``; OpenAI-compatible servers nest it in ``choices``. Beside answers, a webhook returns
acknowledgements ("Workflow was started"), the request itself (a webhook with no node after it), errors with status
200 and HTML pages of a failed HTTP node: none of these is an answer.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Literal

import attrs

from voxbridge.core.wire.quote import is_html

Outcome = Literal[
    "ok", "empty", "no_reply", "agent_error", "html_error", "unsupported", "protocol_error", "cut", "starting"
]

_WRAPPED, _LAST_MESSAGE, _VALUE = ("data",), ("messages",), ("value",)
_KEYS = ("output", "text", "response", "reply", "answer", "content")
_PATHS = (
    *((key,) for key in _KEYS),
    ("message",),
    ("choices", "0", "message", "content"),
    ("choices", "0", "delta", "content"),
    ("choices", "0", "text"),
    ("delta",),
    ("token",),
    ("candidates", "0", "content", "parts"),  # Gemini
    ("contentBlockDelta", "delta", "text"),  # Bedrock
    _WRAPPED,
    _LAST_MESSAGE,
    _VALUE,
)
_OVER_A_SOCKET = "executionStarted"
"""What a Chat Trigger in the mode "Using Response Nodes" answers with: the rest comes over a WebSocket (seen)."""
# n8n's own messages for a workflow that answers without data (seen)
_ACKNOWLEDGEMENTS = ("workflow was started", "webhook call received", "workflow executed successfully but")
_ECHO_SIGNS = frozenset({"headers", "params", "query", "body"})
_MACHINE_TALK = re.compile(r"reason|think|thought|tool|function|argument|(?:\A|[._-])call(?:\Z|[._-])")
# Messages of a conversation that is sent back whole (OpenAI's roles, LangChain's types).
_OTHERS_ROLES = ("user", "human", "system", "developer", "tool", "function")
_OTHERS_TYPES = ("human", "system")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,30}\Z")
_DEPTH_MAX = 16
_VALUES_MAX = 5000  # the items of one run of a workflow are a handful
_KEYS_NAMED_MAX = 8


@attrs.frozen(repr=False)
class ReplyRule:
    """Where to look. ``output_path`` is a dotted path (``data.0.say``), tried first.

    ``asked`` is what the user said and ``own_keys`` are the keys of our request: an object that has all of them and
    holds ``asked`` is our own request come back.
    """

    output_path: str = ""
    asked: str = ""
    own_keys: frozenset[str] = frozenset()


@attrs.frozen
class Reply:
    """The text to speak; an empty one is a deliberate silence."""

    text: str


@attrs.frozen
class NoText:
    """There is nothing to speak. ``why`` is for the operator and quotes keys and the peer's error only."""

    outcome: Outcome
    why: str


ANY_REPLY = ReplyRule()


def text_of(value: object, rule: ReplyRule = ANY_REPLY) -> Reply | NoText:
    """Find the answer in a JSON value: a string is one, an array joins its parts' texts, an object is searched."""
    return _text_of(value, rule, 0, count(1))


def _text_of(value: object, rule: ReplyRule, depth: int, looked_at: count[int]) -> Reply | NoText:
    if depth > _DEPTH_MAX:
        return NoText("no_reply", "the answer is nested too deeply")
    if next(looked_at) > _VALUES_MAX:
        return NoText("no_reply", f"the answer has more than {_VALUES_MAX} parts")
    match value:
        case str():
            if is_html(value):
                return NoText("html_error", "the answer is an HTML page")
            return Reply(value)
        case list():
            return _text_of_parts(value, rule, depth, looked_at)
        case dict():
            return _text_of_object(value, rule, depth, looked_at)
        case _:
            return NoText("no_reply", "the answer holds no text")


def _text_of_parts(parts: list[object], rule: ReplyRule, depth: int, looked_at: count[int]) -> Reply | NoText:
    found = [_text_of(part, rule, depth + 1, looked_at) for part in parts[:_VALUES_MAX]]
    texts = [part.text for part in found if isinstance(part, Reply)]
    refusals = [part for part in found if isinstance(part, NoText)]
    if refusals and not texts:
        return refusals[0]
    if not parts:
        return NoText("empty", "the answer holds no items")
    return Reply("\n".join(text for text in texts if text))


def is_machine_talk(kind: str) -> bool:
    """Tell whether a part of this ``type`` is no speech: what a model thinks, a call of a tool, or its result."""
    return _MACHINE_TALK.search(kind.casefold()) is not None


def _is_not_said(value: dict[str, object]) -> bool:
    kind, role = value.get("type"), value.get("role")
    if value.get("thought") is True or "functionCall" in value:
        return True
    return (isinstance(kind, str) and (kind in _OTHERS_TYPES or is_machine_talk(kind))) or role in _OTHERS_ROLES


def _text_of_object(value: dict[str, object], rule: ReplyRule, depth: int, looked_at: count[int]) -> Reply | NoText:
    if _is_not_said(value):
        return NoText("no_reply", "the answer holds only what the model thinks or does, and no speech")
    refusal: NoText | None = None
    paths = (tuple(rule.output_path.split(".")), *_PATHS) if rule.output_path else _PATHS
    inner = attrs.evolve(rule, output_path="")  # the path is counted from the outermost object
    for path in paths:
        node = _walk(value, path)
        if path in _CAREFUL:
            node = _careful(path, node)
        if node is None or isinstance(node, bool):
            continue
        if path == ("message",) and (no := _no_message(value, node)):
            refusal = refusal or no
            continue
        found = Reply(str(node)) if isinstance(node, int | float) else _text_of(node, inner, depth + 1, looked_at)
        if isinstance(found, NoText):
            refusal = refusal or found
        elif _is_own_request(value, found.text, rule):
            refusal = refusal or NoText("no_reply", "the workflow sends our own request back")
        else:
            return found
    return refusal or _no_text(value)


_CAREFUL = frozenset({_WRAPPED, _LAST_MESSAGE, _VALUE})


def _careful(path: tuple[str, ...], node: object) -> object:
    """Return what may be an answer under a key that mostly holds other things."""
    match node:
        case dict() if path == _WRAPPED:
            return node
        case [*_, dict() as last] if path == _LAST_MESSAGE:  # a conversation sent back whole: its last word
            return last
        case str() if path == _VALUE:
            return node
        case _:
            return None


def _walk(value: object, path: tuple[str, ...]) -> object:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _no_message(value: dict[str, object], message: object) -> NoText | None:
    """Say why ``message`` is not an answer, or None if it may be one."""
    if not isinstance(message, str):
        return None
    if message.strip().casefold().startswith(_ACKNOWLEDGEMENTS):
        return NoText("no_reply", "the workflow only acknowledges the request; let it respond with the agent's answer")
    return NoText("agent_error", message) if _is_error(value) else None


def _is_error(value: dict[str, object]) -> bool:
    """Tell whether an object with a ``message`` is an error that came with status 200 (n8n's and NestJS's shapes)."""
    codes = [value.get("code"), value.get("statusCode")]
    return (
        bool(value.get("error"))
        or "stack" in value
        or any(isinstance(code, int) and not 200 <= code < 300 for code in codes)
    )


def _is_own_request(value: dict[str, object], text: str, rule: ReplyRule) -> bool:
    return bool(rule.own_keys) and rule.own_keys <= value.keys() and text.split() == rule.asked.split()


def _no_text(value: dict[str, object]) -> NoText:
    match value:
        case {"error": {"message": str(message)}} | {"error": str(message)} if message:
            return NoText("agent_error", message)
        case {"error": error} if error:
            return NoText("agent_error", "the workflow reports an error")
        case _:
            pass
    if value.get(_OVER_A_SOCKET) is True:
        return NoText(
            "no_reply",
            "the Chat Trigger's answer comes over a WebSocket; set its response mode to streaming",
        )
    if value.keys() >= _ECHO_SIGNS:
        return NoText("no_reply", "the webhook sends our own request back; put a node after it that answers")
    names = [key for key in value if _NAME.match(key)][:_KEYS_NAMED_MAX]
    keys = ", ".join(names) or "none"
    return NoText("no_reply", f"the answer has no known key (found: {keys}); set agent.output_path")
