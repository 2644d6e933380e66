"""discord.py's client, cut down to what we use: signalling, the voice states, and the slash commands' door."""

from __future__ import annotations

from typing import Any, Protocol

import discord
import structlog
import trio

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId, UserId

_log = structlog.get_logger(__name__)


class GatewayListener(Protocol):
    """Who wants to know what the main gateway says."""

    def gateway_up(self) -> None:
        """Note that the gateway is ready and the guilds are known."""

    def gateway_renewed(self) -> None:
        """Note that a second session began (READY again)."""

    def own_state_changed(self, guild_id: GuildId, state: discord.VoiceState) -> None:
        """Note a change of our own voice state."""

    def member_changed(
        self, guild_id: GuildId, member: MemberJoined, before: ChannelId | None, after: ChannelId | None
    ) -> None:
        """Note that a member's voice state changed."""


class GatewayClient(discord.Client):
    """A client with the two unprivileged intents that voice needs."""

    def __init__(self, listener: GatewayListener, *, guild_ready_timeout_s: float, connector: Any) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.voice_states = True
        super().__init__(
            intents=intents,
            connector=connector,
            guild_ready_timeout=guild_ready_timeout_s,
            # What we write into a chat is what a model said; it must not be able to call the whole server.
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
        )
        self._listener = listener
        self._sessions = 0
        self.has_gateway = False  # connected, so that something can be said; ``is_up`` is more
        self._up = trio.Event()

    async def setup_hook(self) -> None:
        """Note that the token was taken (discord.py calls it between login and gateway)."""
        _log.info("logged in to Discord", user=str(self.user.id) if self.user else "")

    @property
    def is_up(self) -> bool:
        """Tell whether the main gateway is connected and the guilds are known."""
        return self._up.is_set()

    async def wait_until_up(self) -> None:
        """Wait until the main gateway is connected and the guilds are known. Trio side."""
        while not self._up.is_set():
            await self._up.wait()

    def voice_channel(self, channel_id: ChannelId) -> discord.VoiceChannel | None:
        """Return the voice channel, if the bot can see it."""
        channel = self.get_channel(channel_id)
        return channel if isinstance(channel, discord.VoiceChannel) else None

    def members_in(self, channel: discord.VoiceChannel) -> list[MemberJoined]:
        """Return who is in the channel, ourselves excluded. A member that Discord did not describe has no name."""
        own_id = self.user.id if self.user else 0
        return [
            describe(channel.guild.get_member(user_id), user_id)
            for user_id in channel.voice_states
            if user_id != own_id
        ]

    async def post(self, channel_id: ChannelId, text: str) -> None:
        """Write into a channel's text chat. Asyncio side. Raises what discord.py raises."""
        await self.get_partial_messageable(channel_id).send(text)

    # discord.py's events

    async def on_connect(self) -> None:
        """Note a READY: the first one, or a new session after which discord.py has forgotten its voice clients."""
        self._sessions += 1
        self.has_gateway = True
        if self._sessions > 1:
            self._go_down()
            _log.warning("the main gateway began a new session")
            self._listener.gateway_renewed()

    async def on_ready(self) -> None:
        """Note that the guilds are known."""
        self._up.set()
        self._listener.gateway_up()

    async def on_resumed(self) -> None:
        """Note that the old session goes on."""
        self.has_gateway = True
        self._up.set()

    async def on_disconnect(self) -> None:
        """Note that the main gateway is lost; discord.py connects again by itself."""
        self.has_gateway = False
        if self._up.is_set():
            _log.warning("the main gateway is lost")
        self._go_down()

    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Pass on who came, went, was moved or muted.

        discord.py changes ``after`` in place with the next update. Two updates in one read of the socket therefore
        look like their sum here (came and went: nothing), which is what the room needs to know anyway.
        """
        guild_id = GuildId(member.guild.id)
        if self.user is not None and member.id == self.user.id:
            self._listener.own_state_changed(guild_id, after)
            return
        self._listener.member_changed(guild_id, describe(member, member.id), _channel_id(before), _channel_id(after))

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log a fault in one of the handlers above by its type: its text may quote what people said."""
        _log.exception("an event of Discord was not handled", discord_event=event_method)

    def _go_down(self) -> None:
        if self._up.is_set():
            self._up = trio.Event()


def describe(member: discord.Member | None, user_id: int) -> MemberJoined:
    """Return what the conversation needs to know of a member."""
    if member is None:
        return MemberJoined(UserId(user_id), "", is_bot=False)
    return MemberJoined(UserId(user_id), member.display_name, member.bot)


def _channel_id(state: discord.VoiceState) -> ChannelId | None:
    return ChannelId(state.channel.id) if state.channel is not None else None
