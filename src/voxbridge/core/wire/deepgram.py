"""The messages of Deepgram's streaming protocol (``/v1/listen``), and the text that its results add up to.

Seen on WhisperLiveKit's subset; of Deepgram itself, its documentation. Interim results of a stretch repeat and are
replaced; a final one (``is_final``) stays, and the whole is what the finals say, one after the other.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence

import attrs

KEEP_ALIVE = '{"type":"KeepAlive"}'
CLOSE_STREAM = '{"type":"CloseStream"}'
PATH = "/v1/listen"


def target(path_and_query: str, *, language: str, model: str, hints: Sequence[str], interim: bool) -> str:
    """Return the request's target; what the configured URL asks for already stays as it is."""
    path, _, query = path_and_query.partition("?")
    wanted: list[tuple[str, str]] = [
        ("encoding", "linear16"),
        ("sample_rate", "16000"),
        ("channels", "1"),
        ("language", language),
        ("punctuate", "true"),
        ("interim_results", "true" if interim else "false"),
        # The server's own end-points only make its finals come earlier; the end of the turn is ours.
        ("endpointing", "300"),
    ]
    if model:
        wanted.append(("model", model))
    wanted += [("keyterm", hint) for hint in hints]
    given = urllib.parse.parse_qsl(query, keep_blank_values=True)
    names = {name for name, _ in given}
    fields = given + [(name, value) for name, value in wanted if name not in names]
    return f"{path if path not in ('', '/') else PATH}?{urllib.parse.urlencode(fields)}"


_TYPES = ("Metadata", "Results", "SpeechStarted", "UtteranceEnd", "Error")
_FINALS_MAX = 1000  # an utterance of ten minutes has some three hundred


@attrs.frozen
class Result:
    """What was heard of one stretch."""

    text: str
    is_final: bool
    confidence: float | None = None


@attrs.frozen
class Failed:
    """The server reports an error. It closes next."""


def is_ours(message: Mapping[str, object]) -> bool:
    """Tell whether a message is one that this protocol has, so that its sender is no other kind of server."""
    return message.get("type") in _TYPES


def parse(message: Mapping[str, object]) -> Result | Failed | None:
    """Read a server's message; None for what we do not need or do not know, which is to be ignored."""
    match message:
        case {"type": "Results", "channel": {"alternatives": [{"transcript": str(text)} as best, *_]}}:
            confidence = best.get("confidence")
            is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
            return Result(text.strip(), message.get("is_final") is True, float(confidence) if is_number else None)
        case {"type": "Error"}:
            return Failed()
        case _:
            return None


class Text:
    """Adds results up."""

    def __init__(self) -> None:
        self._finals: list[Result] = []
        self._interim = ""

    def add(self, result: Result) -> str:
        """Take a result in; return the whole text so far."""
        if result.is_final:
            self._interim = ""
            if result.text and len(self._finals) < _FINALS_MAX:
                self._finals.append(result)
        else:
            self._interim = result.text
        return " ".join(text for text in (self.final, self._interim) if text)

    @property
    def final(self) -> str:
        """Return what stays."""
        return " ".join(result.text for result in self._finals)

    @property
    def confidence(self) -> float | None:
        """Return the least sure stretch's confidence."""
        known = [result.confidence for result in self._finals if result.confidence is not None]
        return min(known, default=None)
