"""What Discord's side asks and tells of the people around: ``people/`` answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId, UserId

MayHear = Callable[[UserId], bool]
"""Tells whether a member of one guild may be heard now. Asked before each packet is opened; must not block."""


class Company(Protocol):
    """Who may be heard, and who wants to know where people are. All of it is synchronous and must not raise."""

    def is_heard(self, guild_id: GuildId, user_id: UserId) -> bool:
        """Tell whether a member may be heard now."""
        ...

    def saw(self, guild_id: GuildId, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note what Discord says of a member, and in which voice channel of the guild the member is now."""

    def surveyed(self, guild_id: GuildId, people: Sequence[tuple[MemberJoined, ChannelId]]) -> None:
        """Note who is in which voice channel of a guild: all of them, when the gateway is up (again)."""

    def seat_changed(self, guild_id: GuildId) -> None:
        """Note that Discord says something of where we are ourselves."""


class Everybody:
    """A company without rules: everybody is heard."""

    def is_heard(self, guild_id: GuildId, user_id: UserId) -> bool:  # noqa: ARG002
        """See Company."""
        return True

    def saw(self, guild_id: GuildId, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """See Company."""

    def surveyed(self, guild_id: GuildId, people: Sequence[tuple[MemberJoined, ChannelId]]) -> None:
        """See Company."""

    def seat_changed(self, guild_id: GuildId) -> None:
        """See Company."""
