"""The events of the Wyoming protocol (rhasspy/wyoming), as bytes and back.

    {"type": "audio-chunk", "version": "...", "data_length": 44, "payload_length": 2048}\\n   one JSON line
    {"rate": 22050, "width": 2, "channels": 1}                                                data_length bytes
    ....                                                                                      payload_length bytes

Either length may be missing or null. Older peers put ``data`` into the line itself; where both stand, the second part
wins (rhasspy/wyoming 147f8f5, event.py; wyoming-faster-whisper 3.8.1, seen on the wire).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import attrs

from voxbridge.core.wire.json_text import JsonLine, Malformed, parse_json

VERSION = "1.8.0"
"""What we write into each line. The other side reads it for its log at most."""

LINE_BYTES_MAX = 1 << 20  # old servers list all their voices in the line: some 200 kB with every voice of Piper
DATA_BYTES_MAX = 4 << 20
PAYLOAD_BYTES_MAX = 16 << 20  # three minutes of 48 kHz mono in one chunk; Piper sends 2 kB at a time

_BLANKS = re.compile(rb"[ \t\r\n]+")

NO_DATA: Mapping[str, object] = {}


@attrs.frozen
class WyomingEvent:
    """One event. Its data and payload are speech, so they are not in its repr."""

    kind: str
    data: Mapping[str, object] = attrs.field(default=NO_DATA, repr=False)
    payload: bytes = attrs.field(default=b"", repr=False)

    def text(self, key: str) -> str:
        """Return a text of the data, or an empty one."""
        value = self.data.get(key)
        return value if isinstance(value, str) else ""


@attrs.frozen
class AudioFormat:
    """How the payload of ``audio-chunk`` is stored: interleaved little-endian integers of ``width`` bytes."""

    rate_hz: int
    width: int
    channels: int

    @property
    def data(self) -> dict[str, object]:
        """Return what stands in the event."""
        return {"rate": self.rate_hz, "width": self.width, "channels": self.channels}

    @classmethod
    def of(cls, event: WyomingEvent) -> AudioFormat | None:
        """Return the format that an ``audio-start`` or ``audio-chunk`` names, or None if it names none."""
        match event.data:
            case {"rate": int(rate), "width": int(width), "channels": int(channels)}:
                return cls(rate, width, channels)
            case _:
                return None


def entries(value: object, key: str) -> list[Mapping[str, object]]:
    """Return the objects in the lists that stand under ``key`` in a list of objects, whatever else is there.

    ``info`` is made of such lists: the programs, and in each its models or voices.
    """
    parts = [part.get(key) for part in value if isinstance(part, dict)] if isinstance(value, list) else []
    return [entry for part in parts if isinstance(part, list) for entry in part if isinstance(entry, dict)]


def encode_event(event: WyomingEvent) -> bytes:
    """Return the bytes of an event, to be sent in one write."""
    line: dict[str, object] = {"type": event.kind, "version": VERSION}
    data = json.dumps(dict(event.data), ensure_ascii=False).encode("utf-8", "replace") if event.data else b""
    if data:
        line["data_length"] = len(data)
    if event.payload:
        line["payload_length"] = len(event.payload)
    return json.dumps(line).encode() + b"\n" + data + event.payload


class WyomingReader:
    """Takes bytes cut anywhere and gives complete events. After a Malformed nothing follows.

    Blank lines are passed over. ``Malformed.reason`` holds nothing of the content.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._line: Mapping[str, object] | None = None
        self._sizes = (0, 0)
        self._is_over = False

    def feed(self, data: bytes) -> list[WyomingEvent | Malformed]:
        """Add bytes; return the events they completed, in order."""
        if self._is_over:
            return []
        self._buffer += data
        return list(self._events())

    def end(self) -> Malformed | None:
        """Note the end of the stream; return what is wrong with it if it came inside an event."""
        if self._is_over or not (self._line or self._buffer.strip()):
            return None
        self._is_over = True
        return Malformed("the stream ends in the middle of an event")

    def _events(self) -> Iterator[WyomingEvent | Malformed]:
        while not self._is_over:
            found = self._parts() if self._line else self._header()
            if found is None:
                return
            if isinstance(found, Malformed):
                self._is_over = True
                self._buffer.clear()
            if found is not _MORE:
                yield found

    def _header(self) -> WyomingEvent | Malformed | None:
        """Take the line. Returns None when more bytes are needed."""
        if not self._scanned and (blanks := _BLANKS.match(self._buffer)):
            del self._buffer[: blanks.end()]
        end = self._buffer.find(b"\n", self._scanned)
        if max(end, len(self._buffer) if end < 0 else 0) > LINE_BYTES_MAX:
            return Malformed(f"a line is longer than {LINE_BYTES_MAX} bytes")
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        text = self._buffer[:end]
        del self._buffer[: end + 1]
        self._scanned = 0
        match parse_json(text):
            case Malformed(reason):
                return Malformed(f"a line is {reason}")
            case JsonLine(dict(line)) if isinstance(line.get("type"), str):
                data_bytes = _size(line.get("data_length"), DATA_BYTES_MAX)
                payload_bytes = _size(line.get("payload_length"), PAYLOAD_BYTES_MAX)
                if data_bytes is None or payload_bytes is None:
                    return Malformed("an event announces an impossible length")
                self._line, self._sizes = line, (data_bytes, payload_bytes)
                return _MORE
            case _:
                return Malformed("a line is no event")

    def _parts(self) -> WyomingEvent | Malformed | None:
        assert self._line is not None
        data_bytes, payload_bytes = self._sizes
        if len(self._buffer) < data_bytes + payload_bytes:
            return None
        inline = self._line.get("data")
        data = dict(inline) if isinstance(inline, dict) else {}
        if data_bytes:
            match parse_json(self._buffer[:data_bytes]):
                case Malformed(reason):
                    return Malformed(f"the data of an event is {reason}")
                case JsonLine(dict(more)):
                    data |= more
                case _:
                    return Malformed("the data of an event is no object")
        payload = bytes(self._buffer[data_bytes : data_bytes + payload_bytes])
        del self._buffer[: data_bytes + payload_bytes]
        event = WyomingEvent(str(self._line["type"]), data, payload)
        self._line = None
        return event


_MORE = WyomingEvent("")
"""A step was made, and no event is complete yet."""


def _size(value: object, limit: int) -> int | None:
    """Return a length as it stands in a line (missing and null are zero), or None if it is impossible."""
    if value is None:
        return 0
    return value if type(value) is int and 0 <= value <= limit else None
