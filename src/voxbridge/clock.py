"""The one module that reads the machine's clocks.

Inside a run all times are ``trio.current_time()`` (virtual in tests). What crosses a process, such as a
turn's report that is compared with packet arrivals in another process, is stamped in CLOCK_MONOTONIC,
which all processes of one host share; Trio's own clock has a random offset per run.
"""

from __future__ import annotations

import datetime as dt
import time


def monotonic_s() -> float:
    """Return CLOCK_MONOTONIC in seconds, comparable between processes of one host."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def wall_s() -> float:
    """Return the wall-clock time in seconds since 1970, for what another host compares with its own."""
    return dt.datetime.now(dt.UTC).timestamp()


def wall_iso() -> str:
    """Return the wall-clock time as ISO 8601 with zone, for records that people read."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
