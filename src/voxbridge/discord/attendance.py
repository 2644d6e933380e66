"""Who is in the channel with us: what the main gateway and the voice server say of others, told to the port.

Each has a word in it: the gateway knows names and may be late, the voice server knows who is in the call now. Somebody
has left when the absence has lasted (``core/call/roster.py``).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.company import Company
from voxbridge.discord.port import DiscordVoicePort


class Attendance:
    """``port`` is the channel that we are in, ``changed`` is called when ``deadline`` may have changed."""

    def __init__(self, guild_id: GuildId, client: GatewayClient, company: Company, changed: Callable[[], None]) -> None:
        self.port: DiscordVoicePort | None = None
        self._guild_id, self._client, self._company, self._changed = guild_id, client, company, changed

    @property
    def deadline(self) -> float | None:
        """Return when ``tell_departures`` is due, if it is."""
        return self.port.roster.deadline if self.port is not None else None

    def may_hear(self, user_id: UserId) -> bool:
        """Tell whether a member may be heard now."""
        return self._company.is_heard(self._guild_id, user_id)

    def call_the_roll(self) -> None:
        """Bring the port's idea of who is here up to date, by the main gateway's account."""
        port = self.port
        channel = self._client.voice_channel(port.channel_id) if port is not None else None
        if port is None or channel is None:
            return
        members = self._client.members_in(channel)
        for member in members:
            self._company.saw(self._guild_id, member, port.channel_id)
        port.see_members(map(self._judged, members), trio.current_time())
        self._changed()

    def member_changed(self, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note where the main gateway has somebody now."""
        if self.port is None:
            return
        if channel_id == self.port.channel_id:
            self.port.member_joined(self._judged(member))
        else:
            self.port.roster.went(member.user_id, trio.current_time())
            self._changed()

    def in_call(self, user_id: UserId, is_in_call: bool) -> None:
        """Note that the voice server has somebody in the call, or not any more."""
        if self.port is None:
            return
        if is_in_call:
            self.port.roster.in_call(user_id)
        else:
            self.port.roster.out_of_call(user_id, trio.current_time())
            self._changed()

    def tell_departures(self, now: float) -> None:
        """Tell the port whose absence has lasted."""
        if self.port is not None:
            self.port.tell_departures(now)

    def _judged(self, member: MemberJoined) -> MemberJoined:
        return attrs.evolve(member, is_heard=self.may_hear(member.user_id))
