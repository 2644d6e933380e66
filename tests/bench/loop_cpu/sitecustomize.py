"""Measures the CPU time of a daemon's loop from the decision to the first frame, turn by turn.

Python imports this by its name at its start, if its folder is on PYTHONPATH. It does nothing unless LOOP_CPU_FILE says
where the figures go: one number a line, in ms. It works in a daemon of any age whose turns have a ``Timeline``.
"""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any

_MODULES = ("voxbridge.core.turns.timeline", "voxbridge.core.timeline")


def _timeline() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name).Timeline
        except ImportError:
            continue
    raise ImportError("this daemon has no Timeline")


def _watch(file: Path) -> None:
    timeline = _timeline()
    mark, decided_at = timeline.mark, dict[str, float]()

    def measured(self: Any, name: str, at: float) -> None:
        is_new = self.at(name) is None
        mark(self, name, at)
        if is_new and name == "turn_decided":
            decided_at[self.turn_id] = time.thread_time()
        elif is_new and name == "first_audio" and self.turn_id in decided_at:
            spent_ms = (time.thread_time() - decided_at.pop(self.turn_id)) * 1000
            with file.open("a", encoding="utf-8") as out:
                out.write(f"{spent_ms:.4f}\n")

    timeline.mark = measured


if "LOOP_CPU_FILE" in os.environ:
    _watch(Path(os.environ["LOOP_CPU_FILE"]))
