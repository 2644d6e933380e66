"""Exponential backoff with full jitter, and the circuit that gives up.

Full jitter (a wait drawn evenly from 0 to the bound) keeps many speakers from coming back in step.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

_DOUBLINGS_MAX = 64  # any cap is reached long before; a float ends at 2 ** 1024, some hours into an outage


@attrs.define
class Backoff:
    """Says how long to wait before the next try; all in seconds.

    The first failure waits up to ``base_s``, each further one up to twice as much, never over ``cap_s``. A run
    of ``healthy_s`` or more forgets the failures. ``circuit`` failures within ``circuit_window_s`` open the
    circuit: ``failed`` then returns None, and the caller gives up.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    healthy_s: float = 60.0
    circuit: int | None = None
    circuit_window_s: float = 60.0
    rng: Callable[[], float] = lambda: 1.0
    failures: int = attrs.field(default=0, init=False)
    _recent: list[float] = attrs.field(factory=list, init=False)

    def failed(self, now: float, ran_for_s: float) -> float | None:
        """Note a failure at ``now`` after a run of ``ran_for_s``; return the wait, or None to give up."""
        if ran_for_s >= self.healthy_s:
            self.failures = 0
        self.failures += 1
        self._recent = [at for at in self._recent if now - at < self.circuit_window_s]
        self._recent.append(now)
        if self.circuit is not None and len(self._recent) >= self.circuit:
            return None
        bound: float = min(self.cap_s, self.base_s * 2 ** min(self.failures - 1, _DOUBLINGS_MAX))
        return bound * self.rng()
