"""The floor: the one book of a room's open turns.

    hearing/thinking --first frame out--> sounding --last frame out--> closed

What speech does to them is decided in ``core/turns/barge_in.py``. Answers wait for each other in the order in which
they are ready; that is the mouth's queue, not decided here either.
"""

from __future__ import annotations

from typing import Literal, Protocol

import attrs

from voxbridge.core.ids import UserId

CutReason = Literal["barge-in", "superseded", "drain", "stop", "left"]


class OpenTurn(Protocol):
    """Something that is being said, or will be: a turn, or a text the operator has spoken."""

    @property
    def id(self) -> str:
        """Return what it is called in logs and reports."""
        ...

    @property
    def user_id(self) -> UserId | None:
        """Return whose turn it is; None for a text that answers nobody, which no speech cuts short."""
        ...

    @property
    def is_sounding(self) -> bool:
        """Tell whether a frame of it has left."""
        ...

    @property
    def heard_s(self) -> float:
        """Return the seconds of its sound that have left."""
        ...

    @property
    def has_asked_aloud(self) -> bool:
        """Tell whether the last thing heard of it is a question."""
        ...

    def cut(self, reason: CutReason) -> None:
        """End it now: when this returns, no frame of it can leave."""

    def wind_up(self, reason: CutReason = "drain") -> None:
        """Let the sentence that is being played be the last."""

    def fade_out(self, frames: int) -> None:
        """Let it die away over ``frames`` frames of 20 ms."""

    def lower(self, level: float, frames: int) -> None:
        """Bring it to ``level`` (0 to 1) of its own loudness over ``frames`` frames; 1.0 undoes it."""

    def pause(self) -> None:
        """Let no further frame of it leave until ``resume``."""

    def resume(self) -> None:
        """Go on with the sample that follows the last one that left."""


@attrs.define
class Floor:
    """The one book of a room's open turns."""

    _turns: dict[str, OpenTurn] = attrs.field(factory=dict, init=False)

    @property
    def turns(self) -> list[OpenTurn]:
        """Return the open turns, oldest first."""
        return list(self._turns.values())

    @property
    def is_empty(self) -> bool:
        """Tell whether no turn is open."""
        return not self._turns

    def opened(self, turn: OpenTurn) -> None:
        """Note that a turn has begun."""
        self._turns[turn.id] = turn

    def closed(self, turn: OpenTurn) -> None:
        """Note that a turn has ended, however."""
        self._turns.pop(turn.id, None)
