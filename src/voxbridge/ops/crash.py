"""Last words: what goes to stderr when the process is stuck or dies, so that the stalled line is in the journal.

SIGABRT (systemd's WatchdogSignal=)   faulthandler: the stack of every thread, from C, whatever Python is doing
                                      then, where Python still runs: the tree of Trio's tasks, and the end
SIGUSR1                               the tree of Trio's tasks; life goes on
an exception that nobody caught       the log's own rendering of it, without the words of foreign exceptions

Stacks show files, lines and functions only: no value, so neither secrets nor speech.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from types import FrameType, TracebackType

import structlog

from voxbridge.ops.tasktree import task_tree

_log = structlog.get_logger(__name__)


def speak_last_words() -> None:
    """Set up the handlers; from the main thread, before Trio runs (which leaves these two signals alone)."""
    sys.excepthook = _log_exception
    signal.signal(signal.SIGUSR1, _dump)
    signal.signal(signal.SIGABRT, _dump_and_die)
    # Last: it puts itself in front of the SIGABRT handler above and calls it when the stacks are written.
    faulthandler.enable(all_threads=True)


def _dump(_signal: int, _frame: FrameType | None) -> None:
    # The bare descriptor: a signal may have come in the middle of a write to sys.stderr.
    os.write(sys.stderr.fileno(), task_tree().encode())


def _dump_and_die(number: int, _frame: FrameType | None) -> None:
    _dump(number, None)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _log_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the process. An interrupt from the keyboard is no news."""
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.critical("the daemon crashed", error=kind.__name__, exc_info=(kind, error, trace))
