"""What of a clip's silence is played: what a voice puts before its first sound and after its last one is left out.

    clip    | lead          |preroll| sound | pause | sound |keep| trail |
    played                  |=======================================|

It is decided window by window (10 ms) as the sound comes, and nothing is held back: a lead is left out as it comes, a
pause within the clip is played as it comes, up to a longest one, and what of the last pause turns out to be the trail
is taken back if it has not been played yet. A soft beginning ("f", "h") rises out of the silence over 20 to 40 ms: the
threshold lies so low, and the window before it is kept, so that all of it is there.
"""

from __future__ import annotations

from typing import Literal

import attrs

WINDOW_MS = 10


@attrs.frozen
class TrimRules:
    """A window below ``silent_dbfs`` (RMS) is silence. -60: voices speak at -25, their softest beginnings at -55, and
    what their models put round the words is at -70 and below.

    ``pause_max_ms``: so long may a voice's own pause be within a clip; ``keep_ms`` of the trail dies away by itself.
    """

    silent_dbfs: float = -60.0
    pause_max_ms: int = 350
    keep_ms: int = 30


Window = Literal["hold", "play"]
"""What becomes of a window: kept as the one before the next sound, instead of the last such one; or played, behind the
one that was kept.
"""


@attrs.define
class Trim:
    """Judges the windows of one clip, in order."""

    rules: TrimRules = TrimRules()
    lead_ms: int = attrs.field(default=0, init=False)
    """So much silence was left out before the first sound."""
    dropped_ms: int = attrs.field(default=0, init=False)
    """So much in all, the lead among it, the trail not."""
    is_silent: bool = attrs.field(default=True, init=False)
    """Whether the last window was silence."""
    _is_inside: bool = attrs.field(default=False, init=False)
    _is_holding: bool = attrs.field(default=False, init=False)
    _pause_ms: int = attrs.field(default=0, init=False)

    def window(self, level_dbfs: float) -> Window:
        """Judge the next window by its level."""
        self.is_silent = level_dbfs < self.rules.silent_dbfs
        if not self.is_silent:
            self._is_inside, self._is_holding, self._pause_ms = True, False, 0
            return "play"
        if self._is_inside and self._pause_ms < self.rules.pause_max_ms:
            self._pause_ms += WINDOW_MS
            return "play"
        if self._is_holding:
            self.dropped_ms += WINDOW_MS
            self.lead_ms += 0 if self._is_inside else WINDOW_MS
        self._is_holding = True
        return "hold"

    @property
    def trail_ms(self) -> int:
        """Return how much silence was passed on since the last sound."""
        return self._pause_ms if self._is_inside else 0

    @property
    def surplus_ms(self) -> int:
        """Return how much of that is to be taken back at the end of the clip."""
        return max(0, self.trail_ms - self.rules.keep_ms)
