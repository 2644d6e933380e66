"""How long one speaker pauses in the middle of a thought, learned while listening: who hesitates is given more time.

    speech ... pause ... speech          a pause within an utterance, or one that was taken for its end and was not

The silence that usually ends a turn becomes longer by as much as this speaker's longer pauses ask for, within bounds:
at most 400 ms, and never shorter than the settings say. It takes a few pauses to learn, and a dozen others to forget.
"""

from __future__ import annotations

from collections import deque

import attrs

from voxbridge.core.turns.commit import CommitRules

_KEPT = 12
_PAUSES_MIN = 4
_SHARE = 0.75
"""So many of the pauses are to be outlasted: one long one is no habit."""
_MARGIN_S = 0.05
_PAUSE_MAX_S = 3.0
LONGER_MAX_S = 0.4


@attrs.define
class PauseHabit:
    """One speaker's pauses, in seconds."""

    _pauses: deque[float] = attrs.field(factory=lambda: deque[float](maxlen=_KEPT), init=False)

    def paused(self, pause_s: float) -> None:
        """Note a pause after which the same thought went on; a very long one says nothing of how somebody speaks."""
        if pause_s <= _PAUSE_MAX_S:
            self._pauses.append(pause_s)

    @property
    def typical_s(self) -> float | None:
        """Return the pause that most do not exceed; None: too few are known."""
        if len(self._pauses) < _PAUSES_MIN:
            return None
        ordered = sorted(self._pauses)
        return ordered[min(len(ordered) - 1, int(_SHARE * len(ordered)))]

    def longer_s(self, rules: CommitRules) -> float:
        """Return by how much longer than usual this speaker is waited for."""
        typical_s = self.typical_s
        if typical_s is None:
            return 0.0
        return min(LONGER_MAX_S, max(0.0, typical_s + _MARGIN_S - rules.usual_s))

    def applied(self, rules: CommitRules) -> CommitRules:
        """Return the rules for this speaker."""
        longer_s = self.longer_s(rules)
        if not longer_s:
            return rules
        usual_s = rules.usual_s + longer_s
        return attrs.evolve(
            rules,
            sure_s=rules.sure_s + longer_s,
            usual_s=usual_s,
            hesitant_s=max(usual_s, rules.hesitant_s),
            unfinished_s=max(usual_s, rules.unfinished_s),
        )
