"""The last answer that was given in a room, for who wants it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs


class Unheard(Protocol):
    """What was cut off of an answer."""

    @property
    def unheard(self) -> tuple[str, ...]:
        """Return the sentences that were not heard to their end."""
        ...


@attrs.frozen
class LastAnswer:
    """``text`` is all of it; ``rest`` returns what of it was cut off and is still worth saying, or None."""

    text: str
    rest: Callable[[], Unheard | None]
