"""When to ask a second time: later than nearly always, and seldom enough.

The wait is the 95th percentile of the recent waits, so that some 5 % of the requests are doubled; a bucket of tokens
caps the extra load at 5 % also when the peer is slower than its own past.
"""

from __future__ import annotations

import math
from collections import deque

import attrs

PERCENTILE = 0.95
MARGIN = 1.1
"""A server that always takes the same time would otherwise be late by nothing at all."""


@attrs.define
class Hedge:
    """Decides over the second requests of one backend; all times in seconds.

    Nothing is doubled before ``samples_min`` waits are known. ``tokens_max`` bounds a burst after a long quiet time.
    """

    share: float = 0.05
    samples_min: int = 20
    samples_kept: int = 200
    tokens_max: float = 2.0
    _waits: deque[float] = attrs.field(init=False)
    _tokens: float = attrs.field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._waits = deque(maxlen=self.samples_kept)

    def asked(self) -> None:
        """Note a first request."""
        self._tokens = min(self.tokens_max, self._tokens + self.share)

    def came(self, wait_s: float) -> None:
        """Note how long a request waited for the first of what counts."""
        self._waits.append(wait_s)

    @property
    def delay_s(self) -> float | None:
        """Return after which wait a second request is due, or None while too little is known."""
        if len(self._waits) < self.samples_min:
            return None
        # Nearest rank, and not above it: the 19th of 20, so that one slow call in 20 does not hide itself.
        rank = max(1, math.floor(PERCENTILE * len(self._waits)))
        return sorted(self._waits)[rank - 1] * MARGIN

    def take(self) -> bool:
        """Tell whether a second request may be sent now, and count it if so."""
        if self._tokens < 1.0 - 1e-9:  # twenty times 0.05 is a little less than 1 in binary
            return False
        self._tokens -= 1.0
        return True
