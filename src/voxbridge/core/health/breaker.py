"""Whether a backend may be asked: a circuit breaker.

        .----------- a call came through ------------.
        v                                            |
    closed --failures in the window--> open --probe came through--> half-open
                                         ^-------- a call failed --------'

In half-open one call at a time is the trial. A probe alone closes nothing: a server that answers probes and fails at
its work is down all the same. When it is probed is not decided here (``core/health/backend.py``).
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import attrs

State = Literal["closed", "open", "half-open"]


@attrs.frozen
class BreakerRules:
    """When a circuit opens; all times in seconds.

    ``failures`` within ``window_s`` open it, if they are at least half of the calls: a busy backend with a failure now
    and then stays in use.
    """

    failures: int = 3
    window_s: float = 60.0


@attrs.define
class Breaker:
    """One backend's circuit. ``now`` is seconds on any one clock that never goes back.

    Each call that is begun ends with exactly one of ``succeeded``, ``failed`` and ``abandoned``.
    """

    rules: BreakerRules = BreakerRules()
    state: State = attrs.field(default="closed", init=False)
    _calls: deque[tuple[float, bool]] = attrs.field(factory=deque, init=False)  # when it ended, whether well
    _trials: int = attrs.field(default=0, init=False)  # calls under way that began in half-open

    @property
    def allows(self) -> bool:
        """Tell whether a call may be sent here rather than elsewhere."""
        return self.state == "closed" or (self.state == "half-open" and self._trials == 0)

    def begin(self) -> bool:
        """Note that a call begins; return whether it is a trial, which its end must be told."""
        is_trial = self.state == "half-open"
        self._trials += is_trial
        return is_trial

    def succeeded(self, now: float, *, is_trial: bool = False) -> None:
        """Note that a call came through: whatever the state, the backend works."""
        self._trials -= is_trial
        self._ended(now, well=True)
        if self.state != "closed":
            self.state = "closed"
            self._calls.clear()

    def failed(self, now: float, *, is_trial: bool = False) -> None:
        """Note that a call failed."""
        self._trials -= is_trial
        self._ended(now, well=False)
        match self.state:
            case "half-open":
                self.state = "open"
            case "closed":
                failures = sum(not well for _, well in self._calls)
                if failures >= self.rules.failures and 2 * failures >= len(self._calls):
                    self.state = "open"
            case "open":
                pass  # a call that had begun before, or the last resort of a turn

    def _ended(self, now: float, *, well: bool) -> None:
        self._calls.append((now, well))
        while now - self._calls[0][0] >= self.rules.window_s:
            self._calls.popleft()

    def abandoned(self, *, is_trial: bool = False) -> None:
        """Note that a call was cancelled, which proves nothing."""
        self._trials -= is_trial

    def probed(self, *, is_well: bool) -> None:
        """Note what a probe found."""
        if self.state == "open" and is_well:
            self.state = "half-open"
