"""The first trace of a voice, long before it is known to be speech: enough to lower an answer for, and no more.

    p    ..  0.05 .. 0.3 ... 0.6 ... 0.9          ..  0.05 .. 0.2 ... 0.0 ... 0.0
              |                |                       |                        |
           stirred        speech began              stirred                  stilled, within 0.3 s

The voice detector is sure of a voice 100 ms after its beginning, and of one in ten only after 200: until then two
people speak. Its first doubt comes after 50 ms, at 95 of 100 within 100. It has hardly any of clicks, breaths, hiss
and hum. What comes to nothing again and again (music, a child next door) is waited for longer each time.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Literal

import attrs

Stir = Literal["stirred", "likely", "stilled"]
"""likely: it has gone on for so long, and so clearly, that it is a voice, though no frame of it may be certain."""

_QUIET_S, _LASTS_MAX_S = 0.1, 0.3
_PAUSE_S, _PAUSE_MAX_S = 0.5, 8.0
_CERTAINTY = 0.3
"""Of so much of the last ``likely_s``: the probabilities of its frames, added up."""


@attrs.define
class Stirring:
    """Judges the frames of one speaker while nobody speaks, and as long as speech is not confirmed.

    ``threshold``: of the voice's probability.
    """

    threshold: float = 0.05
    _since: float | None = attrs.field(default=None, init=False)
    _lately: deque[tuple[float, float]] = attrs.field(factory=deque[tuple[float, float]], init=False)
    """When the last frames of the trace ended, and how much voice each was."""
    _is_likely: bool = attrs.field(default=False, init=False)
    _last_at: float = attrs.field(default=0.0, init=False)
    _not_before: float = attrs.field(default=0.0, init=False)
    _pause_s: float = attrs.field(default=_PAUSE_S, init=False)

    def on_frame(self, probability: float, frame_s: float, now: float, likely_s: float) -> Stir | None:
        """Take a frame that ended at ``now``; a voice of ``likely_s`` is one."""
        is_trace = probability >= self.threshold
        if self._since is None:
            if not is_trace or now < self._not_before:
                return None
            self._since, self._last_at = now, now
            self._is_likely = False
            self._lately.clear()
            self._lately.append((now, probability * frame_s))
            return "stirred"
        if is_trace:
            self._last_at = now
        self._lately.append((now, probability * frame_s))
        while self._lately[0][0] <= now - likely_s + 1e-9:
            self._lately.popleft()
        return self._likely(now - self._since + frame_s, likely_s) or self.on_clock(now)

    def _likely(self, lasts_s: float, likely_s: float) -> Stir | None:
        if (
            self._is_likely
            or lasts_s < likely_s - 1e-9
            or sum(voice_s for _, voice_s in self._lately) < _CERTAINTY * likely_s
        ):
            return None
        self._is_likely = True
        return "likely"

    def on_clock(self, now: float) -> Stir | None:
        """Let time pass."""
        due = self.due
        if due is None or now < due - 1e-9:
            return None
        self._since, self._not_before = None, now + self._pause_s
        self._pause_s = min(_PAUSE_MAX_S, 2 * self._pause_s)
        return "stilled"

    @property
    def due(self) -> float | None:
        """Return when it has come to nothing, if nothing more comes; None if there is nothing."""
        return (
            None
            if self._since is None
            else min(self._last_at + _QUIET_S, math.inf if self._is_likely else self._since + _LASTS_MAX_S)
        )

    def began(self) -> float | None:
        """Note that it was speech; return when its trace was first seen, if that is not told to be likely yet."""
        since = None if self._is_likely else self._since
        self._since, self._pause_s, self._not_before = None, _PAUSE_S, 0.0
        return since
