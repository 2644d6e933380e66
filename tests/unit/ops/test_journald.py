"""journald's own protocol, on a real datagram socket."""

from __future__ import annotations

import io
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from voxbridge.config.service import LogSettings
from voxbridge.errors import StageUnavailable
from voxbridge.ops import logs
from voxbridge.ops.journald import encode

pytestmark = pytest.mark.unit


def decode(datagram: bytes) -> dict[str, str]:
    """Read an entry as journald does."""
    found: dict[str, str] = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            key, _, value = line.partition(b"=")
        else:
            key, (size,) = line, struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + size], rest[8 + size + 1 :]
        found[key.decode()] = value.decode()
        datagram = rest
    return found


class Journald:
    """A journald that keeps what it is sent, and the stderr that leads to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        read_end, write_end = os.pipe()
        self.reader, self.stderr = os.fdopen(read_end, "r"), os.fdopen(write_end, "w")
        os.set_blocking(self.reader.fileno(), False)

    def configure(self, *, secrets: tuple[str, ...] = (), **settings: Any) -> None:
        found = os.fstat(self.stderr.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        logs.configure(LogSettings(**settings), secrets, stream=self.stderr, environ=environ, journal=self.path)

    @property
    def entries(self) -> list[dict[str, str]]:
        found = []
        while True:
            try:
                found.append(decode(self.socket.recv(1 << 20)))
            except BlockingIOError:
                return found


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    served = Journald(tmp_path / "socket")
    yield served
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.QUIETEST:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    served.socket.close()
    served.reader.close()
    served.stderr.close()


def test_a_line_is_an_entry_with_its_fields(journald: Journald) -> None:
    """People read the message, machines the fields: `journalctl VOXBRIDGE_TURN=t-1` finds the turn's lines."""
    journald.configure()
    with structlog.contextvars.bound_contextvars(turn="t-1"):
        structlog.get_logger("voxbridge.x").warning("turn", stt_ms=312.5, late=["agent", "tts"], outcome="failed")
    (entry,) = journald.entries
    assert entry == {
        "MESSAGE": 'turn turn=t-1 stt_ms=312.5 late=["agent", "tts"] outcome=failed',
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "voxbridge",
        "VOXBRIDGE_LOGGER": "voxbridge.x",
        "VOXBRIDGE_EVENT": "turn",
        "VOXBRIDGE_TURN": "t-1",
        "VOXBRIDGE_STT_MS": "312.5",
        "VOXBRIDGE_LATE": '["agent", "tts"]',
        "VOXBRIDGE_OUTCOME": "failed",
    }


def test_secrets_and_speech_are_masked_here_as_well(journald: Journald) -> None:
    """In the message, in the fields, in a traceback of several lines."""
    journald.configure(secrets=("s3cr3t-value",))
    try:
        raise StageUnavailable("tts", "the key s3cr3t-value is refused")
    except StageUnavailable:
        structlog.get_logger("x").exception("crashed with s3cr3t-value", pii_heard="planted", url="s3cr3t-value")
    (entry,) = journald.entries
    assert "s3cr3t" not in repr(entry)
    assert "planted" not in repr(entry)
    assert entry["MESSAGE"].startswith("crashed with *** ")
    assert entry["MESSAGE"].endswith("StageUnavailable: tts: the key *** is refused")


def test_a_field_cannot_forge_another(journald: Journald) -> None:
    """A line end in a value is carried as bytes with their length."""
    journald.configure()
    structlog.get_logger("x").info("said", name="a\nPRIORITY=0\n_UID=0")
    (entry,) = journald.entries
    assert (entry["PRIORITY"], entry["VOXBRIDGE_NAME"]) == ("6", "a\nPRIORITY=0\n_UID=0")
    assert encode([("A", "b\nc")]) == b"A\n\x03\0\0\0\0\0\0\0b\nc\n"


def test_what_cannot_be_sent_goes_to_stderr_with_its_level(journald: Journald) -> None:
    """A journald that went away or does not read must neither stop us nor cost the line."""
    journald.configure()
    journald.socket.close()
    structlog.get_logger("x").error("after it went")
    line = journald.reader.readline()
    assert line.startswith("<3>{")
    assert "after it went" in line


def test_without_a_socket_or_with_another_form_lines_have_a_prefix(journald: Journald, tmp_path: Path) -> None:
    """The operator's own choice of a format is kept, and a host without journald's socket has its log."""
    journald.configure(format="json")
    structlog.get_logger("x").info("as JSON")
    assert journald.reader.readline().startswith("<6>{")
    journald.path = tmp_path / "nobody"
    journald.configure()
    structlog.get_logger("x").info("no socket")
    assert journald.reader.readline().startswith("<6>{")
    assert journald.entries == []


def test_a_second_configuration_closes_the_first_ones_socket(journald: Journald) -> None:
    """A reload must not leave a socket behind each time (an unclosed one fails this test as a warning)."""
    for _ in range(3):
        journald.configure()
    structlog.get_logger("x").info("once")
    assert len(journald.entries) == 1


def test_io_without_a_descriptor_is_no_journal() -> None:
    """As in tests that capture a log."""
    assert not logs.is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})
