"""What a moderator can do to somebody in voice, over REST as by a test."""

from __future__ import annotations

from typing import Protocol


class Moderator(Protocol):
    """Mutes, deafens, moves and throws out; the simulated Discord itself."""

    def mute(self, user_id: int, guild: int, *, on: bool) -> None:
        """Mute or unmute a user by the server."""

    def deafen(self, user_id: int, guild: int, *, on: bool) -> None:
        """Deafen a user by the server, or let him hear again."""

    def kick(self, user_id: int, guild: int) -> None:
        """Throw a user out of his voice channel."""

    def move(self, user_id: int, channel_id: int, guild: int) -> None:
        """Drag a client into another voice channel."""
