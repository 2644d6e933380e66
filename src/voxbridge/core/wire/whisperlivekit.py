"""The messages of WhisperLiveKit's own protocol (``/asr``, mode full), as version 0.2.26 sends them (seen).

Some fifteen states a second: ``lines`` is what the server has committed itself to (the last one grows, speaker -2 is
silence), ``buffer_transcription`` what may still change. Each state replaces the one before.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping

import attrs

PATH = "/asr"
END = b""
"""An empty message ends the sound; ``ready_to_stop`` follows when all of it is transcribed."""

_SILENCE = -2


def target(path_and_query: str, *, language: str) -> str:
    """Return the request's target; what the configured URL asks for already stays as it is."""
    path, _, query = path_and_query.partition("?")
    fields = urllib.parse.parse_qsl(query, keep_blank_values=True)
    if not any(name == "language" for name, _ in fields):
        fields.append(("language", language))
    fields = [(name, value) for name, value in fields if name != "mode"]  # diff mode is not read here
    return f"{path if path not in ('', '/') else PATH}?{urllib.parse.urlencode(fields)}"


@attrs.frozen
class Config:
    """The first message. ``takes_pcm`` False: the server wants WebM, since it runs without --pcm-input."""

    takes_pcm: bool


@attrs.frozen
class State:
    """What was heard so far."""

    committed: str
    unstable: str

    @property
    def whole(self) -> str:
        """Return all of it."""
        return " ".join(text for text in (self.committed, self.unstable) if text)


@attrs.frozen
class Done:
    """All of the sound is transcribed."""


@attrs.frozen
class Failed:
    """The server reports an error. It closes next."""


def parse(message: Mapping[str, object]) -> Config | State | Done | Failed | None:
    """Read a server's message; None for what we do not know, which is to be ignored."""
    match message:
        case {"type": "config"}:
            return Config(message.get("useAudioWorklet") is True)
        case {"type": "ready_to_stop"}:
            return Done()
        case {"type": "error"}:
            return Failed()
        case {"lines": list(lines)}:
            texts = [
                line["text"].strip()
                for line in lines
                if isinstance(line, dict) and isinstance(line.get("text"), str) and line.get("speaker") != _SILENCE
            ]
            unstable = message.get("buffer_transcription")
            return State(
                " ".join(text for text in texts if text), unstable.strip() if isinstance(unstable, str) else ""
            )
        case _:
            return None
