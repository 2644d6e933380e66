"""discord.py's client, cut down to what we use: signalling, the voice states, and the slash commands' door.

Every event of the gateway passes ``_take`` first: one that discord.py cannot parse costs itself and nothing else, and
what concerns voice is read there, by readers of our own. discord.py's own voice clients are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import discord
import structlog
import trio

from voxbridge.core.call.events import MemberJoined
from voxbridge.core.call.facts import VoiceServer
from voxbridge.core.call.said import VoiceState, read_voice_server, read_voice_state
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.discord.posting import FILE_NAME

_log = structlog.get_logger(__name__)

_CLOSE_LIMIT_S = 1.0
_BETWEEN_IDENTIFIES_S = 5.0

VocalChannel = discord.VoiceChannel | discord.StageChannel


class GatewayListener(Protocol):
    """Who wants to know what the main gateway says."""

    def gateway_up(self) -> None:
        """Note that the gateway is ready and the guilds are known."""

    def gateway_lost(self) -> None:
        """Note that the gateway is down."""

    def gateway_renewed(self) -> None:
        """Note that a second session began (READY again)."""

    def own_state_changed(self, state: VoiceState) -> None:
        """Note a change of our own voice state."""

    def voice_server_changed(self, guild_id: GuildId, server: VoiceServer) -> None:
        """Note which voice server Discord sends us to."""

    def member_changed(self, guild_id: GuildId, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note in which voice channel a member is now."""


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
        self._identified_at = -math.inf
        self._up = trio.Event()
        self._complained: set[str] = set()
        self.parse_errors = 0  # events that discord.py, or we, could not make sense of
        parsers = self._connection.parsers
        for name, parse in list(parsers.items()):
            parsers[name] = self._taking(name, parse)

    def _taking(self, name: str, parse: Callable[[Any], Any]) -> Callable[[Any], None]:
        def take(data: Any) -> None:
            for step in (parse, lambda data: self._note(name, data)):
                try:
                    step(data)
                except Exception as exc:  # noqa: BLE001 - a bad event ends itself; its text may quote what people said
                    self._complain(name, exc)

        return take

    def _complain(self, name: str, exc: Exception) -> None:
        self.parse_errors += 1
        if name not in self._complained:
            self._complained.add(name)
            _log.warning("an event of Discord was not understood", discord_event=name, error=type(exc).__name__)

    def _note(self, name: str, data: Any) -> None:
        if name == "VOICE_STATE_UPDATE" and (state := read_voice_state(data)) is not None:
            if self.user is not None and state.user_id == self.user.id:
                self._listener.own_state_changed(state)
                return
            guild = self.get_guild(state.guild_id)
            member = describe(guild.get_member(state.user_id) if guild is not None else None, state.user_id)
            self._listener.member_changed(state.guild_id, member, state.channel_id)
        elif name == "VOICE_SERVER_UPDATE" and (server := read_voice_server(data)) is not None:
            self._listener.voice_server_changed(*server)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected to the main gateway (called by ``start``).

        discord.py connects again by itself after what it knows. What it does not know (a message that is no object)
        would end it: then a new session is begun.

        Raises:
            discord.DiscordException, aiohttp.ClientError, OSError: Connecting again cannot help, or failed at once.
        """
        backoff = Backoff(rng=random.random)
        while True:
            began_at = trio.current_time()
            try:
                return await super().connect(reconnect=reconnect)
            except (discord.DiscordException, OSError):
                raise
            except Exception as exc:  # ruff's BLE001 does not see the raise below
                if not self._sessions:
                    raise
                self._complain("(message)", exc)
                await self.on_disconnect()
                now = trio.current_time()
                wait_s = backoff.failed(now, now - began_at) or 0.0
            ws = self.ws
            if ws is not None:  # its heartbeat thread ends with it
                with contextlib.suppress(TimeoutError, OSError):
                    await asyncio.wait_for(ws.close(code=4000), _CLOSE_LIMIT_S)
            await asyncio.sleep(wait_s)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002
        """Keep five seconds between two sessions, and no longer: discord.py waits as long after a session of a week.

        Discord's limit is one IDENTIFY in five seconds (documentation, "Gateway", rate limiting).
        """
        now = trio.current_time()
        await asyncio.sleep(max(0.0, self._identified_at + _BETWEEN_IDENTIFIES_S - now))
        self._identified_at = trio.current_time()

    async def setup_hook(self) -> None:
        """Note that the token was taken (discord.py calls it between login and gateway)."""
        _log.info("logged in to Discord", user=str(self.user.id) if self.user else "")

    @property
    def is_up(self) -> bool:
        """Tell whether the main gateway is connected and the guilds are known."""
        return self._up.is_set()

    def own_name_in(self, guild_id: GuildId) -> str:
        """Return the name that we bear in a guild: the nickname, else the bot's own."""
        guild = self.get_guild(guild_id)
        if guild is not None and guild.me is not None:
            return guild.me.display_name
        return "" if self.user is None else self.user.name

    def locale_of(self, guild_id: GuildId) -> str:
        """Return the language of a guild, as Discord has it; empty if the guild is not known."""
        guild = self.get_guild(guild_id)
        return "" if guild is None else guild.preferred_locale.value

    def voice_channel(self, channel_id: ChannelId) -> VocalChannel | None:
        """Return the voice or stage channel, if the bot can see it."""
        channel = self.get_channel(channel_id)
        return channel if isinstance(channel, discord.VoiceChannel | discord.StageChannel) else None

    def members_in(self, channel: VocalChannel) -> list[MemberJoined]:
        """Return who is in the channel, ourselves excluded. A member that Discord did not describe has no name."""
        own_id = self.user.id if self.user else 0
        return [
            describe(channel.guild.get_member(user_id), user_id)
            for user_id in channel.voice_states
            if user_id != own_id
        ]

    def everybody(self) -> Iterator[tuple[GuildId, list[tuple[MemberJoined, ChannelId]]]]:
        """Yield who is in which voice channel, guild by guild, ourselves excluded."""
        for guild in self.guilds:
            people = [
                (member, ChannelId(channel.id))
                for channel in guild.channels
                if isinstance(channel, discord.VoiceChannel | discord.StageChannel)
                for member in self.members_in(channel)
            ]
            yield GuildId(guild.id), people

    def own_state(self, guild_id: GuildId) -> VoiceState | None:
        """Return where Discord has us, by its own description of the guild; None: the guild is not known."""
        guild, own_id = self.get_guild(guild_id), UserId(self.user.id) if self.user else UserId(0)
        if guild is None:
            return None
        for channel in (*guild.voice_channels, *guild.stage_channels):
            state = channel.voice_states.get(own_id)
            if state is not None:
                return VoiceState(
                    guild_id,
                    own_id,
                    ChannelId(channel.id),
                    state.session_id or "",
                    is_muted=state.mute,
                    is_deafened=state.deaf,
                    is_suppressed=state.suppress,
                )
        return VoiceState(guild_id, own_id, None, "", is_muted=False, is_deafened=False, is_suppressed=False)

    async def post(self, channel_id: ChannelId, text: str, file: str | None = None) -> None:
        """Write into a channel's text chat, with a text as a file. Asyncio side. Raises what discord.py raises."""
        channel = self.get_partial_messageable(channel_id)
        if file is None:
            await channel.send(text)
        else:
            await channel.send(text, file=discord.File(io.BytesIO(file.encode()), FILE_NAME))

    async def say_where(self, guild_id: GuildId, channel_id: ChannelId | None) -> None:
        """Tell Discord in which voice channel we want to be (op 4). Asyncio side. Raises what discord.py raises."""
        guild = self.get_guild(guild_id)
        if guild is not None:
            await guild.change_voice_state(channel=discord.Object(channel_id) if channel_id is not None else None)

    async def own_channel(self, guild_id: GuildId) -> ChannelId | None:
        """Ask Discord in which voice channel it has us. Asyncio side.

        Raises:
            discord.DiscordException, aiohttp.ClientError, OSError: No answer, or none that can be read.
        """
        try:
            answer: object = await self.http.get_my_voice_state(guild_id)
        except discord.NotFound:
            return None
        state = read_voice_state({**answer, "guild_id": guild_id}) if isinstance(answer, dict) else None
        if state is None:
            raise discord.ClientException("no voice state")
        return state.channel_id

    async def ask_to_speak(self, guild_id: GuildId) -> None:
        """Ask for the microphone of a stage. Asyncio side. Raises what discord.py raises."""
        guild = self.get_guild(guild_id)
        if guild is not None:
            await guild.me.request_to_speak()

    # discord.py's events

    async def on_connect(self) -> None:
        """Note a READY: the first one, or a new session, to which our voice session is not known."""
        self._sessions += 1
        if self._sessions > 1:
            self._go_down()
            _log.warning("the main gateway began a new session")
            self._listener.gateway_renewed()

    async def on_ready(self) -> None:
        """Note that the guilds are known."""
        self._up.set()
        for guild in self.guilds:
            state = self.own_state(GuildId(guild.id))
            if state is not None:
                self._listener.own_state_changed(state)
        self._listener.gateway_up()

    async def on_resumed(self) -> None:
        """Note that the old session goes on."""
        self._up.set()
        self._listener.gateway_up()

    async def on_disconnect(self) -> None:
        """Note that the main gateway is lost; discord.py connects again by itself."""
        if self._up.is_set() and not self.is_closed():
            _log.warning("the main gateway is lost")
        self._go_down()
        self._listener.gateway_lost()

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
    roles = frozenset(role.id for role in member.roles if not role.is_default())
    return MemberJoined(UserId(user_id), member.display_name, member.bot, roles)
