"""How often a speech-to-text server is called again: the same for every line that is kept open."""

from __future__ import annotations

from collections.abc import Callable

import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.errors import StageUnavailable

# While somebody speaks or waits, the next try comes within this time whatever the backoff says: a server that
# returns is to be used within 300 ms.
RETRY_PENDING_S = 0.25

# A refusal (credentials, a wrong path, a web page) stands until somebody mends it: each utterance asks once, and beside
# that nobody looks more often than this.
RETRY_REFUSED_S = 5.0

# A server that asks to be left alone is left alone (Retry-After), but one wrong header must not deafen us for a day.
_LEAVE_ALONE_MAX_S = 60.0


def reconnect_backoff(rng: Callable[[], float]) -> Backoff:
    """Return the waits between tries while nobody waits; one that held for 5 s was well, and they begin anew."""
    return Backoff(base_s=0.25, cap_s=10.0, healthy_s=5.0, rng=rng)


def wanted_alone_until(error: Exception) -> float | None:
    """Return the Trio time before which the server wants no further try, or None if it has not said."""
    if isinstance(error, StageUnavailable) and error.retry_after_s is not None:
        return trio.current_time() + min(error.retry_after_s, _LEAVE_ALONE_MAX_S)
    return None
