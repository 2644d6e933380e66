"""JSON with placeholders: the body that an operator writes down for a server of his own.

``{"q": "{text}", "who": {"id": "{user_id}"}}``: a placeholder stands inside a JSON string, and what takes its place is
escaped, since the template is read as JSON first and written out again afterwards. Other braces are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

_DEPTH_MAX = 50  # a body is a handful deep; what reads it below recurses
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

NAMES = (
    "text",
    "user_id",
    "user_name",
    "session_id",
    "turn_id",
    "attempt",
    "guild_id",
    "channel_id",
    "language",
    "started_at",
    "people",
    "joined",
    "left",
    "heard",
    "profile",
    "prompt",
)
"""What can be put in: the user's words, who said them where and among whom, what was heard of an answer that was cut
short, who is to answer and with which instructions."""


def template_fault(template: str) -> str | None:
    """Say what is wrong with a template, or None if it is right."""
    try:
        value = json.loads(template)
    except ValueError as error:
        return f"is not JSON: {error}"
    except RecursionError:
        return "is nested too deeply"
    if _is_deeper_than(value, _DEPTH_MAX):
        return "is nested too deeply"
    named = {name for text in _strings(value) for name in _PLACEHOLDER.findall(text)}
    unknown = sorted(named - set(NAMES))
    if unknown:
        return f"has an unknown placeholder, {{{unknown[0]}}}"
    if "text" not in named:
        return "lacks {text}, the user's words"
    return None


def _is_deeper_than(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return False
    return True


def _parts(value: object) -> Iterable[object]:
    match value:
        case list():
            return value
        case dict():
            return value.values()
        case _:
            return ()


def filled(template: str, values: Mapping[str, str]) -> bytes:
    """Return the template with its placeholders filled, as JSON in UTF-8. Raises: ValueError if it is not JSON."""
    value = _filled(json.loads(template), values)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def filled_text(text: str, values: Mapping[str, str]) -> str:
    """Return one text with its placeholders filled; unknown ones stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _filled(value: object, values: Mapping[str, str]) -> object:
    match value:
        case str():
            return filled_text(value, values)
        case list():
            return [_filled(part, values) for part in value]
        case dict():
            return {key: _filled(part, values) for key, part in value.items()}
        case _:
            return value


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for part in value:
                yield from _strings(part)
        case dict():
            for part in value.values():
                yield from _strings(part)
        case _:
            return
