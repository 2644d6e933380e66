"""Which stages are down, and what is to be told of it: one notice when an outage begins, one when it is over.

    up --a turn failed there--> down --a turn went through, or a probe that had failed came through--> up

A probe ends an outage only if one failed before it in the same outage: a server that answers probes and fails at its
work would otherwise be announced as back over and over.
"""

from __future__ import annotations

from typing import Literal

import attrs

Stage = Literal["stt", "agent", "tts"]


@attrs.frozen
class Down:
    """An outage begins."""

    stage: Stage


@attrs.frozen
class Back:
    """An outage is over."""

    stage: Stage


Notice = Down | Back


class Outages:
    """The outages of the three stages, as one room sees them."""

    def __init__(self) -> None:
        self._is_proven: dict[Stage, bool] = {}  # of each stage that is down: has a probe failed?

    @property
    def down(self) -> tuple[Stage, ...]:
        """Return the stages that are down, in the order in which they went."""
        return tuple(self._is_proven)

    def failed(self, stage: Stage) -> Notice | None:
        """Note that a turn failed there; return what to tell, if that is new."""
        if stage in self._is_proven:
            return None
        self._is_proven[stage] = False
        return Down(stage)

    def served(self, stage: Stage) -> Notice | None:
        """Note that a turn went through there."""
        return Back(stage) if self._is_proven.pop(stage, None) is not None else None

    def probed(self, stage: Stage, *, is_well: bool) -> Notice | None:
        """Note what a probe found."""
        if stage not in self._is_proven:
            return None
        if not is_well:
            self._is_proven[stage] = True
            return None
        return self.served(stage) if self._is_proven[stage] else None
