"""What one room is told of outages: one notice when one begins, and one when it is over.

    up --a turn of this room failed there--> down --the stage is back, whoever found out--> up

A room in which no turn failed is not told: nobody there has noticed anything.
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
    """The outages of the three stages that one room was told of."""

    def __init__(self) -> None:
        self._told: dict[Stage, None] = {}

    @property
    def down(self) -> tuple[Stage, ...]:
        """Return the stages that are down, in the order in which they went."""
        return tuple(self._told)

    def failed(self, stage: Stage) -> Notice | None:
        """Note that a turn failed there; return what to tell, if that is new."""
        if stage in self._told:
            return None
        self._told[stage] = None
        return Down(stage)

    def back(self, stage: Stage) -> Notice | None:
        """Note that the stage serves again; return what to tell, if this room was told of its outage."""
        if stage not in self._told:
            return None
        del self._told[stage]
        return Back(stage)
