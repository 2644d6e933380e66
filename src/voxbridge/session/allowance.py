"""What the operator allows one server: asked before a turn is answered, told of what was used."""

from __future__ import annotations

import math
from typing import Protocol

from voxbridge.core.ids import UserId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.people.limits import Refusal


class Allowance(Protocol):
    """The limits of one server. All of it is synchronous."""

    def refusal(self, user_id: UserId) -> Refusal | None:
        """Return why a member is not answered now, if so; the first time of its kind says so, and only once."""
        ...

    def is_allowed(self, user_id: UserId) -> bool:
        """Tell whether a member would be answered now; that tells nobody anything."""
        ...

    def silence(self) -> Refusal | None:
        """Return why nothing may be said aloud now, if so."""
        ...

    def took(self, user_id: UserId) -> None:
        """Count a turn that is answered."""

    def asked(self) -> None:
        """Count a call of the agent."""

    def spoke(self, seconds: float) -> None:
        """Count sound that has left."""


class Unlimited:
    """No limits."""

    def refusal(self, user_id: UserId) -> Refusal | None:  # noqa: ARG002
        """See Allowance."""
        return None

    def is_allowed(self, user_id: UserId) -> bool:  # noqa: ARG002
        """See Allowance."""
        return True

    def silence(self) -> Refusal | None:
        """See Allowance."""
        return None

    def took(self, user_id: UserId) -> None:
        """See Allowance."""

    def asked(self) -> None:
        """See Allowance."""

    def spoke(self, seconds: float) -> None:
        """See Allowance."""


UNLIMITED = Unlimited()


def words_of(refusal: Refusal, name: str) -> Line:
    """Return what a member is told."""
    match refusal.reason:
        case "quiet":
            until = "" if refusal.until is None else f"{refusal.until:%H:%M}"
            return line("limit_quiet", time=until)
        case "member":
            return line("limit_member", name=" ".join(name.split()), seconds=math.ceil(refusal.wait_s))
        case "server":
            return line("limit_server", seconds=math.ceil(refusal.wait_s))
        case "calls":
            return line("limit_calls")
        case "spoken":
            return line("limit_spoken")
