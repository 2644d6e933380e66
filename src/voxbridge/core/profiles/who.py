"""Which of several profiles in a channel answers.

    "Iris, ..." .......................... Iris, whoever answered before
    heard as somebody nearly called Iris . Iris, if nobody else is called exactly
    no name .............................. who answered this person last, for two minutes
    otherwise ............................ the first one

The rest of a question ("... and tomorrow?", before the answer was heard) goes where its beginning went, if it names
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.turns.calling import is_called, spoken_names

STAYS_S = 120.0
"""For so long after its answer a profile is the one with whom a person talks. A guess: in two minutes of silence people
have begun something else."""


@attrs.define
class WhoAnswers:
    """One room's memory of who answered whom. Times in seconds on any one clock."""

    _last: dict[UserId, tuple[str, float]] = attrs.field(factory=dict, init=False)

    def choose(
        self,
        text: str,
        language: str,
        names: Mapping[str, Sequence[str]],
        user_id: UserId,
        began_at: float,
        *,
        prior: str = "",
    ) -> str:
        """Return who answers, of the profiles in ``names`` (each with what it is called by; the first one first).

        ``prior``: who was to answer the beginning of this, if it goes on with something.
        """
        if len(names) == 1:
            return next(iter(names))
        for is_exact in (True, False):
            for profile, called in names.items():
                if is_called(text, spoken_names(called), language, is_exact=is_exact):
                    return profile
        if prior in names:
            return prior
        last, at = self._last.get(user_id, ("", float("-inf")))
        return last if last in names and began_at - at <= STAYS_S else next(iter(names))

    def answers(self, user_id: UserId, profile: str, now: float) -> None:
        """Note who answers somebody, when the answer begins and when it has ended."""
        self._last[user_id] = profile, now

    def went(self, user_id: UserId) -> None:
        """Note that somebody left."""
        self._last.pop(user_id, None)
