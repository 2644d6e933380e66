"""The journal of turns: one JSON line per turn, speech included, in a file the operator asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import structlog

from voxbridge.session.report import TurnReport

_log = structlog.get_logger(__name__)


class Journal:
    """Appends reports to a file that only the operator can read. Nothing is written unless a file is set.

    ``file`` is asked for each report, since a reload may name another one.
    """

    def __init__(self, file: Callable[[], str]) -> None:
        self._file = file

    def write(self, report: TurnReport) -> None:
        """Append one line and hand it to the kernel at once. A line is short: the loop does not feel it.

        A full disk costs the record, not the conversation.
        """
        file = self._file()
        if not file:
            return
        line = json.dumps(report.to_json(), ensure_ascii=False) + "\n"
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.error("a turn was not written to the journal", file=file, reason=error.strerror)
