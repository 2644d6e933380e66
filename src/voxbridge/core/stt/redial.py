"""When a speech-to-text server is called again.

- Where nothing listens (ABSENT), a try costs nobody anything: every 250 ms while somebody speaks or waits, so that a
  server that returns is used within 300 ms.
- A server that is there and fails (BROKEN, LATE) is given growing pauses with full jitter, up to 2 s while somebody
  waits; not so where the tries are counted. Nobody waits: up to 10 s in both cases.
- REFUSED stands until somebody mends it: each utterance is asked for once, and beside that a look is taken every 5 s.
- Who names a time (Retry-After) is left alone until then.
- Who takes each connection and closes it soon is not well because another one was just taken: the pauses hold.
- An utterance that was lost to a server that is not there makes the outage known.

Times are seconds on any one clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.stt.owed import Failure, FailureKind, Owed
from voxbridge.core.stt.states import OwedState

PENDING_WAIT_S = 0.25
BROKEN_WAIT_S_MAX = 2.0
IDLE_WAIT_S_MAX = 10.0
REFUSED_WAIT_S = 5.0
_FIRST_WAIT_S = 0.25
_HEALTHY_S = 5.0  # a connection that held for so long was well, and the pauses begin anew
# One wrong header must not deafen us for a day.
_RETRY_AFTER_S_MAX = 60.0

_NEW = {OwedState.OPEN, OwedState.ENDED}


class Redial:
    """How a server fails, and when it is tried again. ``rng`` draws the jitter."""

    def __init__(self, rng: Callable[[], float]) -> None:
        self.failure: Failure | None = None
        """Why the server is not there, None if it is (or was when it was last called)."""
        self.reconnect_count = 0
        """How often it was well again after an outage."""
        self.is_outage_known = False
        """An utterance was lost to it."""
        self._backoff = Backoff(base_s=_FIRST_WAIT_S, cap_s=IDLE_WAIT_S_MAX, healthy_s=_HEALTHY_S, rng=rng)
        self._failed_at = self._flaps_until = -math.inf
        self._was_absent = self._was_well = False
        self._idle_wait_s = self._pending_wait_s = 0.0

    def went_well(self) -> None:
        """Note that the server is there; after an outage that is one reconnect, whichever call is first."""
        self.reconnect_count += self._was_well and self.failure is not None
        self._was_well, self.failure, self.is_outage_known = True, None, False

    def answered(self) -> None:
        """Note that it has done its work. Connections for one utterance are short, however well."""
        self.went_well()
        self._backoff.failures, self._flaps_until = 0, -math.inf

    def lost_one(self, *, is_reached: bool) -> None:
        """Note that somebody waited in vain; a connection that was up says that the server may only be slow."""
        is_slow = self.failure is None or self.failure.kind is FailureKind.LATE
        self.is_outage_known = self.is_outage_known or not (is_slow or is_reached)

    def failed(self, failure: Failure, now: float, *, ran_for_s: float | None, is_counted: bool) -> None:
        """Note that a call failed. ``ran_for_s``: for how long it was up, or None if it never was.

        ``is_counted``: its tries are counted elsewhere, and need no growing pauses too.
        """
        self.failure, self._failed_at = failure, now
        if failure.kind is FailureKind.LATE:
            self.is_outage_known = False  # it is there, and may only be slow
        is_absent = failure.kind is FailureKind.ABSENT
        if self._was_absent and not is_absent:
            self._backoff.failures = 0  # tries that cost nobody anything are not held against a server that is back
        self._was_absent = is_absent
        wait_s = self._backoff.failed(now, ran_for_s or 0.0)
        assert wait_s is not None, "without a circuit there is always another try"
        self._idle_wait_s = wait_s
        self._pending_wait_s = min(wait_s, PENDING_WAIT_S if is_absent or is_counted else BROKEN_WAIT_S_MAX)
        if ran_for_s is not None and ran_for_s < _HEALTHY_S and not is_counted:
            self._flaps_until = now + self._pending_wait_s

    @property
    def not_before(self) -> float:
        """Return until when the server wants to be left alone; minus infinity if it has not said so."""
        if self.failure is None or self.failure.retry_after_s is None:
            return -math.inf
        return self._failed_at + min(self.failure.retry_after_s, _RETRY_AFTER_S_MAX)

    def due(self, served: Sequence[Owed]) -> float:
        """Return when to call again for these, which wait; for nobody in particular if there are none."""
        failure = self.failure
        if failure is None:
            return self._flaps_until
        if failure.retry_after_s is not None:
            return self.not_before
        if any(owed.state is OwedState.LAST_TRY for owed in served):
            return self._failed_at
        if failure.kind is FailureKind.REFUSED:
            is_new = any(owed.state in _NEW for owed in served)
            return self._failed_at + (0.0 if is_new else max(self._idle_wait_s, REFUSED_WAIT_S))
        return self._failed_at + (self._pending_wait_s if served else self._idle_wait_s)
