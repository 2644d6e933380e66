"""What the probes of the speech servers share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import structlog

from voxbridge.stages.http import Client, error_body, open_response, raise_for_status, read_body

log = structlog.get_logger(__name__)

PROBE_LIMIT_S = 5.0
_BODY_BYTES_MAX = 1 << 20
_NAME_KEYS = ("name", "id", "voice_id", "voice")


async def ask_json(client: Client, path: str, backend: str) -> object:
    """Return the JSON at ``path``, or None if the server has none there. Raises: StageError."""
    async with open_response(client, "tts", "GET", path, backend=backend) as response:
        if response.status_code in (404, 405, 501):
            await error_body(response)  # read, so that the connection is kept
            return None
        await raise_for_status(response, "tts", backend=backend)
        body = bytearray()

        async def take(data: bytes) -> bool:  # read_body awaits it
            body.extend(data)
            return len(body) > _BODY_BYTES_MAX

        await read_body(response, take)
    try:
        return json.loads(bytes(body))
    except (ValueError, RecursionError):
        return None


def voice_names(library: object) -> set[str] | None:
    """Return the names in a list of voices (texts, or objects with a name or an id), or None if it is no list."""
    entries = library
    if isinstance(library, dict):
        entries = library.get("voices", library.get("data"))
    return set(_names(entries)) if isinstance(entries, list) else None


def _names(entries: Iterable[object]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            yield from (name for key in _NAME_KEYS if isinstance(name := entry.get(key), str))


def judge_voice(voice: str, names: set[str] | None, *, otherwise: str) -> str:
    """Say whether the configured voice is among those that the server lists, in the probe's line and in the log.

    ``otherwise`` says what the server does with an unknown one.
    """
    if names is None:
        return f"voice {voice!r} (the server lists none)"
    if voice in names:
        return f"voice {voice!r}"
    log.warning("the voice is unknown to the speech server", voice=voice, otherwise=otherwise)
    return f"voice {voice!r} is UNKNOWN to the server, which {otherwise}: add it there, or change tts.voice"
