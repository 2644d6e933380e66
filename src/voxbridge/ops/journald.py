"""The log as journald's own entries, so that `journalctl VOXBRIDGE_TURN=...` finds every line of a turn.

A datagram to journald's socket: ``KEY=value`` lines; a value with a line end in it is written as ``KEY``, a line end,
its length as 64 bits little-endian, the bytes and a line end (systemd.io, "Native Journal Protocol"; every systemd
has it). What cannot be sent so is written to stderr, which leads to the journal as well.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from voxbridge.errors import VoxBridgeError

SOCKET = Path("/run/systemd/journal/socket")

# A larger datagram is refused by the kernel, and nobody reads a line of that length.
_MESSAGE_CHARS_MAX = 48_000
# Room for a burst: a full buffer would otherwise make the loop wait for journald's disk.
_BUFFER_BYTES = 8 << 20
# What journald knows by itself, or has a field of its own for.
_OWN_FIELDS = frozenset({"timestamp", "level", "event", "logger", "exception"})
_PREFIX = "VOXBRIDGE_"


class NoJournal(VoxBridgeError):
    """journald's socket is not there: lines go to stderr."""


class JournalHandler(logging.StreamHandler[TextIO]):
    """Sends records that its formatter gives as JSON objects. ``fallback`` takes what cannot be sent."""

    def __init__(self, fallback: TextIO, path: Path = SOCKET) -> None:
        """Connect. Raises: NoJournal."""
        super().__init__(fallback)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise NoJournal(f"{path}: {error.strerror}") from error

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record (called by the logging module)."""
        try:
            line = self.format(record)
            priority = journal_level(record.levelno)
            try:
                self._socket.send(encode(fields_of(json.loads(line), priority)))
            except OSError:  # journald is slow, being restarted, or gone
                self.stream.write(f"<{priority}>{line}\n")
                self.flush()
        except Exception:  # noqa: BLE001 - as every handler of the logging module
            self.handleError(record)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()


# syslog(3) levels, as sd-daemon(3) writes them
_LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def journal_level(level: int) -> int:
    """Return the syslog level of a level of the logging module."""
    return next((number for floor, number in _LEVELS if level >= floor), _DEBUG)


def fields_of(line: Mapping[str, Any], priority: int) -> Iterator[tuple[str, str]]:
    """Yield an entry's fields from a log line's: a message that people read, and each field by itself."""
    said = {key: value for key, value in line.items() if key not in _OWN_FIELDS}
    message = " ".join([str(line.get("event", "")), *(f"{key}={_text(value)}" for key, value in said.items())])
    if "exception" in line:
        message += f"\n{line['exception']}"
    yield "MESSAGE", message[:_MESSAGE_CHARS_MAX]
    yield "PRIORITY", str(priority)
    yield "SYSLOG_IDENTIFIER", "voxbridge"
    yield f"{_PREFIX}LOGGER", str(line.get("logger", ""))
    yield f"{_PREFIX}EVENT", str(line.get("event", ""))
    for key, value in said.items():
        yield _PREFIX + re.sub(r"[^A-Z0-9]", "_", key.upper()), _text(value)


def encode(fields: Iterable[tuple[str, str]]) -> bytes:
    """Return the datagram of an entry."""
    parts: list[bytes] = []
    for key, value in fields:
        raw = value.encode("utf-8", "replace")
        if b"\n" in raw:
            parts += [key.encode(), b"\n", struct.pack("<Q", len(raw)), raw, b"\n"]
        else:
            parts += [key.encode(), b"=", raw, b"\n"]
    return b"".join(parts)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
