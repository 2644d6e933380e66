"""Open turns for tests of who may do what to whom: they note what was done."""

from __future__ import annotations

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.turns.floor import CutReason

ADA, BOB = UserId(1), UserId(2)


@attrs.define
class Open:
    """A turn as the floor and a policy know it."""

    id: str
    user_id: UserId | None
    is_sounding: bool = False
    heard_s: float = 0.0
    has_asked_aloud: bool = False
    done: list[object] = attrs.field(factory=list, eq=False)

    def cut(self, reason: CutReason) -> None:
        self.done.append(reason)

    def wind_up(self, reason: CutReason = "drain") -> None:  # noqa: ARG002
        self.done.append("wind up")

    def fade_out(self, frames: int) -> None:
        self.done.append(("fade out", frames))

    def lower(self, level: float, frames: int) -> None:
        self.done.append(("lower", level, frames))

    def pause(self) -> None:
        self.done.append("pause")

    def resume(self) -> None:
        self.done.append("resume")
