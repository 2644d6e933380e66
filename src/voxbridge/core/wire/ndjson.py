"""JSON lines, read as they come.

A line ends at ``\\n`` only (JSON strings may hold any other separator of Unicode), the last one may lack it, blank
ones are skipped. n8n's streaming answers are such lines (seen on the wire with n8n 2.8.4 and 2.40.7).
"""

from __future__ import annotations

import json

import attrs

LINE_BYTES_MAX = 1 << 20  # a whole answer in one line is some kilobytes; more is an attack or a mistake


@attrs.frozen
class JsonLine:
    """One line's value."""

    value: object


@attrs.frozen
class Malformed:
    """The stream cannot be read on; nothing follows. ``reason`` holds nothing of the content."""

    reason: str


def parse_json(text: bytes) -> JsonLine | Malformed:
    """Read one JSON text in UTF-8."""
    try:
        return JsonLine(json.loads(text.decode("utf-8")))
    except UnicodeDecodeError:
        return Malformed("not UTF-8")
    except ValueError:
        return Malformed("not JSON")
    except RecursionError:
        return Malformed("nested too deeply")


class NdjsonReader:
    """Takes bytes cut anywhere, gives the values of complete lines; ``end`` gives what is left."""

    def __init__(self, *, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._buffer = bytearray()
        self._scanned = 0  # no newline before this offset: a line in a thousand pieces is not searched a thousand times
        self._is_over = False

    def feed(self, data: bytes) -> list[JsonLine | Malformed]:
        """Add bytes; return the lines they completed, in order."""
        found: list[JsonLine | Malformed] = []
        self._buffer += data
        while not self._is_over:
            cut = self._buffer.find(b"\n", self._scanned)
            if cut < 0:
                self._scanned = len(self._buffer)
                if self._scanned > self._line_bytes_max:
                    found += self._parse(b"", self._scanned)
                break
            line = bytes(self._buffer[:cut])
            del self._buffer[: cut + 1]
            self._scanned = 0
            found += self._parse(line, len(line))
        return found

    def end(self) -> list[JsonLine | Malformed]:
        """Note the end of the stream; return the last line if it had no newline."""
        if self._is_over:
            return []
        found = self._parse(bytes(self._buffer), len(self._buffer))
        self._is_over = True
        return found

    def _parse(self, line: bytes, size: int) -> list[JsonLine | Malformed]:
        if size > self._line_bytes_max:
            self._is_over = True
            return [Malformed(f"a line is longer than {self._line_bytes_max} bytes")]
        if not line.strip():
            return []
        parsed = parse_json(line)
        if isinstance(parsed, Malformed):
            self._is_over = True
            return [Malformed(f"a line is {parsed.reason}")]
        return [parsed]
