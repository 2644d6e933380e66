"""JSON lines, read as they come.

A line ends at ``\\n`` only (JSON strings may hold any other separator of Unicode), the last one may lack it, blank
ones are skipped. n8n's streaming answers are such lines (seen on the wire with n8n 2.8.4 and 2.40.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxbridge.core.wire.json_text import JsonLine, Malformed, parse_json

LINE_BYTES_MAX = 1 << 20  # a whole answer in one line is some kilobytes; more is an attack or a mistake
LINES_MAX = 100_000  # a line is a token or two, an answer some thousand of them

_SPACE = b" \t\r"
_BLANKS = re.compile(rb"\n[ \t\r\n]*\n")


class NdjsonReader:
    """Takes bytes cut anywhere, gives the values of complete lines; ``end`` gives what is left."""

    def __init__(self, *, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._begun: list[bytes] = []  # the pieces of a line whose end is still to come
        self._begun_bytes = 0
        self._lines_left = LINES_MAX
        self._is_over = False

    def feed(self, data: bytes) -> list[JsonLine | Malformed]:
        """Add bytes; return the lines they completed, in order."""
        if self._is_over or not data:
            return []
        *ended, rest = _BLANKS.sub(b"\n", data).split(b"\n")
        found = list(self._parsed(ended))
        if not self._is_over:
            self._begin(rest)
            if self._begun_bytes > self._line_bytes_max:
                found.append(self._too_long())
        return found

    def end(self) -> list[JsonLine | Malformed]:
        """Note the end of the stream; return the last line if it had no newline."""
        found = [] if self._is_over else list(self._parsed([b""]))
        self._is_over = True
        return found

    def _begin(self, piece: bytes) -> None:
        if piece := piece if self._begun else piece.lstrip(_SPACE):
            self._begun.append(piece)
            self._begun_bytes += len(piece)

    def _parsed(self, ended: list[bytes]) -> Iterator[JsonLine | Malformed]:
        for piece in ended:
            self._begin(piece)
            line = b"".join(self._begun)
            self._begun.clear()
            self._begun_bytes = 0
            if not line:
                continue
            parsed = self._line(line)
            yield parsed
            if isinstance(parsed, Malformed):
                self._is_over = True
                return

    def _line(self, line: bytes) -> JsonLine | Malformed:
        self._lines_left -= 1
        if len(line) > self._line_bytes_max:
            return self._too_long()
        if self._lines_left < 0:
            return Malformed(f"more than {LINES_MAX} lines")
        parsed = parse_json(line, keeps_halves=True)
        return Malformed(f"a line is {parsed.reason}") if isinstance(parsed, Malformed) else parsed

    def _too_long(self) -> Malformed:
        self._is_over = True
        self._begun.clear()
        return Malformed(f"a line is longer than {self._line_bytes_max} bytes")
