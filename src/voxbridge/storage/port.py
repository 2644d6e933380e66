"""The port to what lasts: small facts, each under a shelf, a guild and a subject.

A fact is a JSON object. What a shelf holds, and what its subjects are (members, channels, names of settings), is the
affair of who keeps it. A store is asked for all facts once, and told of changes from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from voxbridge.core.ids import GuildId

Value = dict[str, Any]


@attrs.frozen
class Key:
    """Where a fact stands. ``subject`` is empty for a fact about the guild itself."""

    shelf: str
    guild_id: GuildId
    subject: str = ""


class Store(Protocol):
    """A place where facts last. Called by one task at a time."""

    async def load(self) -> dict[Key, Value]:
        """Return all facts. Raises: StorageError."""
        ...

    async def apply(self, changes: Mapping[Key, Value | None]) -> None:
        """Write all of the changes or none; None takes a fact away. When this returns they last.

        Raises: StorageError.
        """
