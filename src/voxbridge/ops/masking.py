"""What must not be read in a log: secrets anywhere, and speech unless the operator asks for it."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterable, Iterator
from types import TracebackType
from urllib.parse import urlsplit

import structlog

from voxbridge.core.text.terminal import visible, visible_lines
from voxbridge.errors import VoxBridgeError

MASK = "***"
WITHHELD = "(withheld: [log] speech = false)"

# Shorter pieces, such as the "1" of a header, would blacken half of the log and are no secrets.
_SHORTEST = 6
_AUTH_SCHEMES = frozenset({"basic", "bearer", "bot", "token"})  # RFC 9110, section 11.4: scheme, space, credentials
_NAMES_OF_SECRETS = frozenset({"authorization", "credential", "password", "secret", "token"})
# A bot token's shape, in case one comes along that is not the configured one: base64 id, time, signature.
# Discord documentation, topic "Authentication": three parts joined by dots.
_BOT_TOKEN = r"[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,45}"  # noqa: S105
_USER_INFO = r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"


class SecretMask:
    """Replaces secrets in a finished line, whichever field, message or traceback they came through."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for part in _parts(secret) for form in _written(part)}
        # the longest first: a URL before its path
        known = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*known, _BOT_TOKEN, _USER_INFO]))

    def __call__(self, line: str) -> str:
        """Return the line with every secret in it masked."""
        return self._pattern.sub(MASK, line)


def _parts(secret: str) -> Iterator[str]:
    """Yield the pieces of a secret that give it away by themselves: credentials without scheme, a URL's path."""
    pieces = [secret]
    scheme, _, credentials = secret.partition(" ")
    if scheme.lower() in _AUTH_SCHEMES:
        pieces.append(credentials)
    if "://" in secret:
        # the host is no secret, and helps; logs show the rest by itself (h11's target, a path in an error)
        url = urlsplit(secret)
        pieces += [f"{url.path}?{url.query}", url.path, url.query]
        # n8n's webhooks end in a random id, but an operator may have named one "assistant": a word for everyone
        pieces += [segment for segment in url.path.split("/") if any(map(str.isdigit, segment))]
    yield from (piece for piece in pieces if len(piece) >= _SHORTEST)


def _written(text: str) -> Iterator[str]:
    """Yield the text as it is and as a terminal sees it, each also as JSON writes it and as Python's repr does."""
    for form in (text, visible(text), visible_lines(text)):
        yield form
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]
        yield repr(form)[1:-1]


def mask_named_secrets(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask the fields whose key says that they are secret (structlog processor)."""
    for key in event:
        if _NAMES_OF_SECRETS & _segments(key):
            event[key] = MASK
    return event


def withhold_speech(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Redact the fields whose key has a ``pii`` segment: transcripts, answers, names (structlog processor)."""
    for key, value in event.items():
        if "pii" in _segments(key):
            event[key] = f"({len(value)} characters)" if isinstance(value, str) else MASK
    return event


def _segments(key: str) -> set[str]:
    return set(re.split(r"[._-]", key.lower()))


ExceptionTriple = tuple[type[BaseException], BaseException, TracebackType | None]


def exception_without_words(exc_info: ExceptionTriple) -> str:
    """Format an exception, its causes and its group, but only our own messages.

    The text of a foreign exception may quote what was said: a TTS server's 422 echoes the whole sentence.
    """
    return "".join(_story(exc_info[1], set())).rstrip("\n")


def exception_with_words(exc_info: ExceptionTriple) -> str:
    """Format an exception as Python does."""
    return "".join(traceback.format_exception(*exc_info)).rstrip("\n")


def _story(error: BaseException, seen: set[int]) -> Iterator[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _story(before, seen)
        yield "\nwhich led to:\n\n"
    yield "Traceback (most recent call last):\n" if error.__traceback__ else ""
    yield from traceback.format_tb(error.__traceback__)
    yield f"{_name(type(error))}: {_words(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for number, inner in enumerate(error.exceptions, 1):
            yield f"--- {number} of {len(error.exceptions)} in it ---\n"
            yield from _story(inner, seen)


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _words(error: BaseException) -> str:
    match error:
        case VoxBridgeError() | BaseExceptionGroup():
            return str(error)
        case OSError() if error.strerror:
            return f"[Errno {error.errno}] {error.strerror}"
        case _:
            return WITHHELD
