"""The data stream of Vercel's AI SDK 4: a letter that tells the kind, a colon, and JSON, line by line.

``0:"Hello"`` is a piece of the answer, ``3:"..."`` an error; ``g`` is what the model thinks, ``9``, ``a``, ``b`` and
``c`` are calls of tools, ``2`` and ``8`` data, ``d``, ``e`` and ``f`` the ends and beginnings of steps.
(AI SDK 4 documentation, "Data Stream Protocol".)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from voxbridge.core.agents.said import AnswerEvent, Ended, Said
from voxbridge.core.wire.json_text import JsonLine, parse_json
from voxbridge.core.wire.ndjson import LINE_BYTES_MAX

START = re.compile(rb'[0-9a-k]:["{\[]')
_TEXT, _ERROR = b"0", b"3"


class DataLines:
    """Takes bytes cut anywhere, gives what they say."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._begun: list[bytes] = []
        self._begun_bytes = 0

    def feed(self, data: bytes) -> Iterable[AnswerEvent]:
        """Add bytes."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            line = b"".join((*self._begun, piece))
            self._begun, self._begun_bytes = [], 0
            yield from self._line(line)
        self._begun.append(rest)
        self._begun_bytes += len(rest)
        if self._begun_bytes > LINE_BYTES_MAX:
            yield Ended("protocol_error", f"a line is longer than {LINE_BYTES_MAX} bytes")

    def end(self) -> Iterable[AnswerEvent]:
        """Note the end of the body."""
        yield from self._line(b"".join(self._begun))
        yield from self._said.end()

    def _line(self, line: bytes) -> Iterable[AnswerEvent]:
        kind, _, text = line.partition(b":")
        if len(line) > LINE_BYTES_MAX:
            yield Ended("protocol_error", f"a line is longer than {LINE_BYTES_MAX} bytes")
        elif kind in (_TEXT, _ERROR):
            match parse_json(text, keeps_halves=True):
                case JsonLine(str(said)) if kind == _TEXT:
                    yield from self._said.say(said) if said else ()
                case JsonLine(str(why)):
                    yield Ended("agent_error", why or "no message")
                case _:
                    yield Ended("protocol_error", "a line's content does not match its first letter")
