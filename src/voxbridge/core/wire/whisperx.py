"""The messages of the ``whisperx`` WebSocket protocol, and of our extension ``voxbridge/1``.

The plain protocol is that of johnbuck/voxbridge's server, seen on the wire: JSON in text messages, one raw Opus
packet per binary message. A server that knows the extension says ``ready`` when ``start`` asked for it; it echoes
ids, gives early transcripts (``peek``) and can forget what it heard (``discard``).
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from voxbridge.core.wire.json_text import json_value

_NUMBER_MAX = 1e9  # also against NaN, infinity, and integers that no float can hold
EXTENSION = "voxbridge/1"
CLOSE = '{"type":"close"}'
DISCARD = '{"type":"discard"}'


def start(user_id: int, language: str, *, extension: bool, partials: bool = True) -> str:
    """Return the first message of a connection. A plain server gives no answer to it, and always sends partials."""
    message: dict[str, str | bool] = {
        "type": "start",
        "userId": str(user_id),
        "language": language,
        "audio_format": "opus",
    }
    if extension:
        message["protocol"] = EXTENSION
        if not partials:
            message["partials"] = False
    return json.dumps(message, separators=(",", ":"))


def finalize(utterance_id: int | None) -> str:
    """Return the message that ends an utterance; a plain server knows no ids."""
    return '{"type":"finalize"}' if utterance_id is None else f'{{"type":"finalize","id":{utterance_id}}}'


def peek(peek_id: int) -> str:
    """Return the message that asks for an early transcript (extension)."""
    return f'{{"type":"peek","id":{peek_id}}}'


@attrs.frozen
class Ready:
    """The server knows the extension."""


@attrs.frozen
class Partial:
    """Some words of the utterance in progress: of its last 2 s only, so partials are never joined."""

    text: str


@attrs.frozen
class Final:
    """The words of a whole utterance; empty if nothing was said. ``id`` None: the plain protocol."""

    text: str
    id: int | None = None
    confidence: float | None = None
    duration_s: float | None = None
    no_speech: float | None = None


@attrs.frozen
class Peeked:
    """An early transcript."""

    id: int
    text: str
    confidence: float | None = None
    no_speech: float | None = None


@attrs.frozen
class Failed:
    """The server could not transcribe. After ``finalize`` a plain server closes the connection next."""

    id: int | None = None


@attrs.frozen
class Unreadable:
    """No message of this protocol, or a final without its text."""


ServerMessage = Ready | Partial | Final | Peeked | Failed | Unreadable


def parse(message: str | bytes) -> ServerMessage | None:
    """Read a server's message; None for what we do not know, which is to be ignored."""
    value = json_value(message)
    if not isinstance(value, dict):
        return Unreadable()
    text = value.get("text")
    match value.get("type"):
        case "ready" if value.get("protocol") == EXTENSION:
            return Ready()
        case "partial" if isinstance(text, str):
            return Partial(text)
        case "final" if isinstance(text, str):
            return Final(
                text,
                _id(value),
                _number(value, "confidence"),
                _number(value, "duration"),
                _number(value, "noSpeech"),
            )
        case "final":
            return Unreadable()
        case "peeked" if isinstance(text, str) and (peek_id := _id(value)) is not None:
            return Peeked(peek_id, text, _number(value, "confidence"), _number(value, "noSpeech"))
        case "error":
            return Failed(_id(value))
        case _:
            return None


def _id(value: dict[str, Any]) -> int | None:
    found = value.get("id")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _number(value: dict[str, Any], key: str) -> float | None:
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < _NUMBER_MAX:
        return None
    return float(found)
