"""What the probes of the speech servers share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

from voxbridge.core.wire.json_text import json_value
from voxbridge.stages.contracts import Doubtful
from voxbridge.stages.http import Client, error_body, open_response, raise_for_status, read_body

log = structlog.get_logger(__name__)

PROBE_LIMIT_S = 5.0
_BODY_BYTES_MAX = 1 << 20
_VOICES_MAX, _VOICE_CHARS_MAX = 1000, 100
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
    return json_value(body)


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


class VoiceJudge:
    """Says whether the configured voice is among those that a server lists; logs an unknown one once, not per probe.

    ``otherwise`` says what the server does with an unknown one.
    """

    def __init__(self, voice: str, *, otherwise: str) -> None:
        self._voice, self._otherwise = voice, otherwise
        self._is_told = False
        self.voices: tuple[str, ...] = ()
        """What the server listed when it was last looked at, in alphabetical order."""

    def saw(self, names: set[str] | None) -> None:
        """Take what a server lists; so much of it as can be offered to somebody who chooses."""
        known = (name for name in names or () if 0 < len(name) <= _VOICE_CHARS_MAX)
        self.voices = tuple(sorted(known, key=lambda name: (name.casefold(), name))[:_VOICES_MAX])

    def line(self, said: str, names: set[str] | None) -> str:
        """Return a probe's line with what concerns the voice. ``names`` None: the server has no list."""
        voice = self._voice
        self.saw(names)
        if names is None:
            return f"{said}; voice {voice!r} (the server lists none)"
        if names.issuperset(voice.split("+")) or voice in names:  # Kokoro-FastAPI mixes voices: a+b
            self._is_told = False
            return f"{said}; voice {voice!r}"
        if not self._is_told:
            self._is_told = True
            log.warning("the voice is unknown to the speech server", voice=voice, otherwise=self._otherwise)
        told = f"voice {voice!r} is UNKNOWN to the server, which {self._otherwise}"
        return Doubtful(f"{said}; {told}: add it there, or change tts.voice")
