"""Server-sent events, read as they come (WHATWG HTML, section "Parsing an event stream").

Lines end at CR LF, LF or CR; an event ends at a blank line; of ``data: x`` one space belongs to the colon. We depart
from the text in one point: an event that the end of the stream cuts off before its blank line is still given, since
a body written by hand often lacks it.
"""

from __future__ import annotations

import re

import attrs

from voxbridge.core.wire.json_text import Malformed
from voxbridge.core.wire.ndjson import LINE_BYTES_MAX
from voxbridge.core.wire.ndjson import LINES_MAX as NDJSON_LINES_MAX

LINES_MAX = 2 * NDJSON_LINES_MAX  # an event has two lines: its name and its data

_LINE_END = re.compile(rb"\r\n?|\n")
_BLANKS = re.compile(rb"[\r\n]{4,}")  # at least two line ends; more of them say nothing more


@attrs.frozen
class SseEvent:
    """One event: its name (empty if none was given) and its data lines joined with newlines."""

    name: str
    data: str


class SseReader:
    """Takes bytes cut anywhere, gives complete events; ``end`` gives what is left."""

    def __init__(self, *, event_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._event_bytes_max = event_bytes_max
        self._begun: list[bytes] = []  # the pieces of a line whose end is still to come
        self._begun_bytes = 0
        self._after_cr = False  # a LF that follows is the rest of that line's end
        self._name = ""
        self._data: list[str] = []
        self._event_bytes = 0
        self._lines_left = LINES_MAX
        self._is_first = True
        self._is_over = False

    def feed(self, data: bytes) -> list[SseEvent | Malformed]:
        """Add bytes; return the events they completed, in order."""
        found: list[SseEvent | Malformed] = []
        if self._is_over or not data:
            return found
        was_cr, self._after_cr = self._after_cr, data.endswith(b"\r")
        if was_cr:
            data = data.removeprefix(b"\n")
        *ended, rest = _LINE_END.split(_BLANKS.sub(b"\n\n", data))
        for piece in ended:
            found += self._line(b"".join((*self._begun, piece)))
            self._begun.clear()
            self._begun_bytes = 0
            if found and isinstance(found[-1], Malformed):
                return found
        self._begun.append(rest)
        self._begun_bytes += len(rest)
        return found + self._check_size(self._begun_bytes)

    def end(self) -> list[SseEvent | Malformed]:
        """Note the end of the stream; return the event that lacks its blank line, if there is one."""
        if self._is_over:
            return []
        found = self._line(b"".join(self._begun)) if self._begun_bytes else []
        if not self._is_over:
            found += self._dispatch()
        self._is_over = True
        return found

    def _check_size(self, pending: int) -> list[SseEvent | Malformed]:
        if self._event_bytes + pending <= self._event_bytes_max:
            return []
        self._is_over = True
        return [Malformed(f"an event is longer than {self._event_bytes_max} bytes")]

    def _line(self, line: bytes) -> list[SseEvent | Malformed]:
        if self._is_first:
            line, self._is_first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not line:
            return self._dispatch()
        self._lines_left -= 1
        if self._lines_left < 0:
            self._is_over = True
            return [Malformed(f"longer than {LINES_MAX} lines")]
        if too_long := self._check_size(len(line)):
            return too_long
        self._event_bytes += len(line)
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        return []  # comments (no field name), id, retry and unknown fields say nothing to us

    def _dispatch(self) -> list[SseEvent | Malformed]:
        event = SseEvent(self._name, "\n".join(self._data))
        has_data = bool(self._data)
        self._name, self._data, self._event_bytes = "", [], 0
        return [event] if has_data else []
