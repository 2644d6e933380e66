"""The journal of turns: one JSON line per turn, speech included, in a file the operator asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

from voxbridge.session.report import TurnReport


class Journal:
    """Appends reports to a file that only the operator can read. Nothing is written unless a file is set."""

    def __init__(self, file: str) -> None:
        self._path = Path(file) if file else None

    def write(self, report: TurnReport) -> None:
        """Append one line and hand it to the kernel at once. A line is short: the loop does not feel it."""
        if self._path is None:
            return
        line = json.dumps(report.to_json(), ensure_ascii=False) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
