"""The rule agent's answer as n8n streams one: a line of JSON per event, one line per chunk (seen with n8n 2.40.7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

_NODE = {"nodeId": "b0c5a9f2-6d1e-4c4b-9a53-2f6f0f6d7c11", "nodeName": "VoxBridge"}
_INPUT_KEYS = ("chatInput", "transcript", "text", "message")  # n8n's own name first, then what other bridges send


def _line(kind: str, at_ms: int | None, **content: object) -> bytes:
    metadata: dict[str, object] = {**_NODE, "itemIndex": 0, "runIndex": 0}
    if at_ms is not None:  # an error line has none
        metadata["timestamp"] = at_ms
    line = json.dumps({"type": kind, **content, "metadata": metadata}, ensure_ascii=False, separators=(",", ":"))
    return line.encode() + b"\n"


def answer_lines(sentences: Sequence[str], at_ms: int) -> Iterator[bytes]:
    """Yield the lines of an answer; ``at_ms`` is the wall clock in milliseconds since 1970."""
    yield _line("begin", at_ms)
    for at, sentence in enumerate(sentences):
        yield _line("item", at_ms, content=sentence if at == 0 else f" {sentence}")
    yield _line("end", at_ms)


def error_line(message: str) -> bytes:
    """Return the one line of a run that failed."""
    return _line("error", None, content=message)


def heard_in(body: Mapping[str, object]) -> str | None:
    """Return what the user said, from the first key that is known, or None."""
    for key in _INPUT_KEYS:
        value = body.get(key)
        if isinstance(value, str):
            return value
    return None
