"""The messages of WhisperLive's WebSocket protocol, and the text that its segments add up to.

Seen with whisper-live 0.10.0: the last ten segments come again with each message, the last of them open
(``completed`` false) and replaced by the next message; times are strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import attrs

SAMPLES_MIN = 16_000
"""Nothing is transcribed under one second of sound."""


def options(*, uid: str, language: str | None, model: str, hints: Sequence[str]) -> str:
    """Return the first message of a connection. A key that is missing makes the server close without a word."""
    wanted: dict[str, object] = {
        "uid": uid,
        "language": language,
        "task": "transcribe",
        "model": model,
        "use_vad": True,
    }
    if hints:
        wanted["hotwords"] = ", ".join(hints)
    return json.dumps(wanted, separators=(",", ":"))


_SEGMENTS_MAX = 1000  # ten minutes, the longest connection, have some three hundred


@attrs.frozen
class Ready:
    """The server has a model for us."""


@attrs.frozen
class Full:
    """The server has no place; it guesses when there will be one, in minutes. It closes next."""

    wait_min: float | None


@attrs.frozen
class Over:
    """The connection has had its longest time (600 s)."""


@attrs.frozen
class Failed:
    """The server reports an error."""


@attrs.frozen
class Segment:
    """A stretch of text; ``start`` is its time as the server writes it, which names it."""

    start: str
    text: str
    is_completed: bool


@attrs.frozen
class Segments:
    """The last segments, in order."""

    items: tuple[Segment, ...]


@attrs.frozen
class Unreadable:
    """Segments that cannot be read."""


ServerMessage = Ready | Full | Over | Failed | Segments | Unreadable


def parse(message: Mapping[str, object]) -> ServerMessage | None:
    """Read a server's message; None for what we do not know, which is to be ignored."""
    match message:
        case {"segments": list(found)}:
            segments = [_segment(each) for each in found]
            read = tuple(segment for segment in segments if segment is not None)
            return Segments(read) if len(read) == len(found) else Unreadable()
        case {"segments": _}:
            return Unreadable()
        case {"message": "SERVER_READY"}:
            return Ready()
        case {"message": "DISCONNECT"}:
            return Over()
        case {"status": "WAIT"}:
            wait_min = message.get("message")
            return Full(float(wait_min) if isinstance(wait_min, int | float) else None)
        case {"status": "ERROR"}:
            return Failed()
        case _:
            return None


def _segment(value: object) -> Segment | None:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return None
    return Segment(str(value.get("start")), value["text"].strip(), value.get("completed") is True)


class Text:
    """Adds segments up: completed ones stay, by their time; what is open is only the last message's."""

    def __init__(self) -> None:
        self._completed: dict[str, str] = {}
        self._open = ""

    def add(self, segments: Segments) -> str:
        """Take a message in; return the whole text."""
        self._open = ""
        for segment in segments.items:
            if segment.is_completed and len(self._completed) < _SEGMENTS_MAX:
                self._completed[segment.start] = segment.text
            else:
                self._open = segment.text
        return self.whole

    @property
    def is_open(self) -> bool:
        """Tell whether the last message left a stretch open, of which it will speak again."""
        return bool(self._open)

    @property
    def whole(self) -> str:
        """Return the text so far."""
        return " ".join(text for text in (*self._completed.values(), self._open) if text)
