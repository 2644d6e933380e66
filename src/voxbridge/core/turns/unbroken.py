"""Who makes no pause: a radio, a music bot. They can be given no answer, and must not fill the memory.

speech .... limit | speech .... limit | speech ....      the second in a row that only its limit ended: no turn
                                                        nothing more is taken down before there is a pause
"""

from __future__ import annotations

import attrs

# One utterance as long as the limit may be a long story, and is answered; twice that is no conversation.
_MAX = 2


@attrs.define
class Unbroken:
    """One speaker's utterances in a row that only their limit ended."""

    _count: int = attrs.field(default=0, init=False)
    _cut_at: float = attrs.field(default=0.0, init=False)  # when the last of them ended
    _is_told: bool = attrs.field(default=False, init=False)

    @property
    def is_endless(self) -> bool:
        """Tell whether this is no conversation any more."""
        return self._count >= _MAX

    def began(self, at: float, pause_s: float) -> None:
        """Note that speech began; after a pause longer than ``pause_s`` it is something new."""
        if at - self._cut_at > pause_s:
            self._count = 0

    def ended(self, at: float, *, by_limit: bool) -> None:
        """Note that an utterance ended."""
        self._count = self._count + 1 if by_limit else 0
        self._cut_at = at

    def to_tell_s(self, lasted_s: float) -> int | None:
        """Return for how long somebody has gone on, once, if it is to be said; ``lasted_s``: the last utterance."""
        if self._is_told:
            return None
        self._is_told = True
        return round(self._count * lasted_s)
