"""Keeping a C library's chatter out of the log.

libmpg123, inside libsndfile, writes to file descriptor 2 whatever it dislikes about an MP3, dozens of lines for one
that is cut, and libsndfile (1.2.2) has no way to tell it not to. Under systemd each is a line in the journal.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_MPG123 = re.compile(rb"(?:Note|Warning): |\[src/libmpg123|\[.{0,80}libmpg123.{0,80}\]|(?:ERROR|error): ?mpg123")
_one_at_a_time = threading.Lock()


@contextmanager
def without_chatter() -> Iterator[None]:
    """Leave out what libmpg123 writes to stderr meanwhile; what others write there comes a moment later.

    Short: while it lasts, no other thread gets in here.
    """
    with _one_at_a_time:
        try:
            outside = os.dup(_STDERR)
        except OSError:  # there is no stderr
            yield
            return
        try:
            with tempfile.TemporaryFile(buffering=0) as written:
                os.dup2(written.fileno(), _STDERR)
                try:
                    yield
                finally:
                    os.dup2(outside, _STDERR)
                    _pass_on(written.fileno(), outside)
        finally:
            os.close(outside)


def _pass_on(written: int, outside: int) -> None:
    if not os.lseek(written, 0, os.SEEK_END):
        return
    os.lseek(written, 0, os.SEEK_SET)
    with os.fdopen(os.dup(written), "rb") as lines:
        for line in lines:
            if not _MPG123.match(line):
                os.write(outside, line)
