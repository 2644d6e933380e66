"""Which stages are slow: the middle one of a stage's last turns against its target.

One slow turn is none: what people notice is a stage that keeps them waiting turn after turn.
"""

from __future__ import annotations

import statistics
from collections import deque

import attrs

TURNS = 5
TURNS_MIN = 3
AGE_S = 600.0


@attrs.frozen
class Slow:
    """A stage that keeps people waiting: how long in the middle, and what was promised."""

    stage: str
    ms: float
    target_ms: float


class Slowness:
    """The recent waits of the stages. ``now`` is seconds on any one clock."""

    def __init__(self) -> None:
        self._waits: dict[str, deque[tuple[float, float, float]]] = {}  # at, ms, target

    def took(self, stage: str, ms: float, target_ms: float, now: float) -> None:
        """Note how long a stage took in a turn."""
        self._waits.setdefault(stage, deque(maxlen=TURNS)).append((now, ms, target_ms))

    def slow(self, now: float) -> list[Slow]:
        """Return the stages whose middle wait of the last ``TURNS`` turns is over the target."""
        found = []
        for stage, waits in self._waits.items():
            fresh = [(ms, target_ms) for at, ms, target_ms in waits if now - at <= AGE_S]
            if len(fresh) < TURNS_MIN:
                continue
            ms, target_ms = statistics.median(ms for ms, _ in fresh), fresh[-1][1]
            if ms > target_ms:
                found.append(Slow(stage, ms, target_ms))
        return found
