"""Quoting a peer's error body to the operator, without what must not be seen.

A server's error may repeat what we sent: n8n's 404 names the path of the webhook (which is a password), a 422 of a
FastAPI server carries the whole input. So only known message fields are quoted, secrets are blotted out, and a quote
that repeats the user's words is not given at all.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import attrs

from voxbridge.core.wire.json_text import Malformed, parse_json

QUOTE_CHARS_MAX = 300
ERROR_BODY_BYTES_MAX = 2048
"""How much of an error body is worth reading: n8n's longest is under 400 bytes, a proxy's page says it at its top."""

_RUN_WORDS = 3  # three words in a row from the transcript are no coincidence
_INVISIBLE = re.compile(r"(?is)<(script|style|head)\b.*?(</\1\s*>|\Z)")
_TAGS = re.compile(r"(?s)<[^>]*>")
_WORDS = re.compile(r"\w+")


@attrs.frozen(repr=False)
class Hidden:
    """What no message may contain: ``secrets`` (URLs, paths, keys) and ``speech`` (the user's words)."""

    secrets: tuple[str, ...] = ()
    speech: str = ""

    def clean(self, text: str) -> str:
        """Return ``text`` without secrets, or nothing if it repeats the user's words."""
        for secret in sorted(filter(None, self.secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        return "" if self._repeats_speech(text) else text

    def _repeats_speech(self, text: str) -> bool:
        said = [word.casefold() for word in _WORDS.findall(self.speech)]
        if not said:
            return False
        quoted = f" {' '.join(word.casefold() for word in _WORDS.findall(text))} "
        length = min(_RUN_WORDS, len(said))
        return any(f" {' '.join(said[at : at + length])} " in quoted for at in range(len(said) - length + 1))


NOTHING_HIDDEN = Hidden()


def is_html(text: str) -> bool:
    """Tell whether a body is an HTML page, whatever its label says."""
    return text.lstrip("\ufeff \t\r\n")[:15].casefold().startswith(("<!doctype", "<html", "<head", "<body"))


def quotable(body: bytes, hidden: Hidden = NOTHING_HIDDEN) -> str:
    """Return one line of a peer's error body that may be shown to the operator, or an empty string."""
    text = body[:ERROR_BODY_BYTES_MAX].decode("utf-8", "replace")
    parsed = parse_json(text)
    if isinstance(parsed, Malformed):
        # a JSON body that was cut, or one with unknown fields, may hold anything: only prose is quoted as it is
        parts = [] if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else [_strip_tags(text)]
    else:
        parts = list(_messages(parsed.value))
    line = " ".join(" ".join(parts).split())
    return hidden.clean(line)[:QUOTE_CHARS_MAX]


def _strip_tags(text: str) -> str:
    return html.unescape(_TAGS.sub(" ", _INVISIBLE.sub(" ", text)))


def _messages(value: object) -> Iterable[str]:
    """Yield the message fields of n8n (message, hint), FastAPI (detail, detail[].msg) and OpenAI (error.message)."""
    match value:
        case str():
            yield value
        case {"error": {"message": str(message)}} | {"error": str(message)} | {"detail": {"message": str(message)}}:
            yield message
        case {"message": str(message), "hint": str(hint)}:
            yield f"{message} {hint}"
        case {"message": str(message)} | {"detail": str(message)} | {"hint": str(message)}:
            yield message
        case {"detail": list(problems)}:
            for problem in problems:
                if isinstance(problem, dict) and isinstance(problem.get("msg"), str):
                    places = problem.get("loc")
                    places = places if isinstance(places, list) else []
                    where = ".".join(str(part) for part in places if isinstance(part, str | int))
                    yield f"{where}: {problem['msg']}" if where else problem["msg"]
        case _:
            return
