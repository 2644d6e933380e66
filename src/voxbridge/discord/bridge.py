"""The way in for the daemon: log in, sit in channels, hand out their ports, answer commands, leave in order.

run
  island                 asyncio, for discord.py only
    client task          discord.Client.start
    keepers' nursery     one keeper per guild; cancelled *before* the client is closed
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

from voxbridge.config.discord import DiscordSettings
from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.events import MemberJoined
from voxbridge.core.call.facts import VoiceServer
from voxbridge.core.call.said import VoiceState
from voxbridge.core.chat.pieces import MESSAGE_CHARS
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.messages.catalogue import OURS, Line, Messages, line
from voxbridge.core.messages.links import CommandLinks
from voxbridge.discord.answering import Answering
from voxbridge.discord.chat import DiscordChat
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.commands import CommandHandler, Descriptions, whole_tree
from voxbridge.discord.company import Company, Everybody
from voxbridge.discord.counters import BridgeStatus, RoomStatus
from voxbridge.discord.island import Island, open_island
from voxbridge.discord.keeper import GuildKeeper
from voxbridge.discord.login import CLOSE_LIMIT_S, Login, quiet_discord_logs
from voxbridge.discord.network import make_connector
from voxbridge.discord.port import DiscordVoicePort
from voxbridge.errors import ConfigError, DiscordError, LoginRefused, VoiceHandshakeError, VoxBridgeError
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

_NO_TOKEN = "no token: set [discord] token, or the credential it names, to the bot's token from the developer portal"  # noqa: S105
_JOIN_LIMIT_S = 13.0  # two tries of a command, each with its limits (core/call/table.py)


class DiscordBridge:
    """Discord's side of the house. One ``run`` per object."""

    def __init__(
        self,
        settings: DiscordSettings,
        commands: CommandHandler,
        *,
        connect_limit_s: float | None = None,
        deaf_after_s: float = DeafnessWatch.SILENT_S,
        company: Company | None = None,
        messages_now: Callable[[], Messages] | None = None,
    ) -> None:
        self._settings, self._handler = settings, commands
        self._messages_now = messages_now or (lambda: settings.messages)
        self._company = company or Everybody()
        self._connect_limit_s, self._deaf_after_s = connect_limit_s, deaf_after_s
        # One port per channel we come to sit in: as many as guilds at most, so unbounded; the daemon opens a room each.
        self._publish_port, self.ports = trio.open_memory_channel[DiscordVoicePort](math.inf)
        self._new_keepers, self._keepers_to_start = trio.open_memory_channel[GuildKeeper](math.inf)
        self._keepers: dict[GuildId, GuildKeeper] = {}
        self._links = CommandLinks()
        self.chat = DiscordChat(self._side)
        self.before_leaving: Callable[[GuildId], Awaitable[None]] | None = None
        """What is to be done in a channel before we leave it."""
        self._login: Login | None = None
        self._island: Island | None = None
        self.logged_in = trio.Event()  # set once, with the first READY; ``status`` tells how it is now
        self._is_closing = trio.Event()
        self._is_closed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Log in and keep us in the wanted channels until cancelled or closed.

        ``started`` is called when the gateway is ready and the first attempts to join ``[discord] join`` are over.

        Raises:
            LoginRefused: Discord does not take the token or the intents.
            ConfigError: ``join`` or ``network`` of the settings is wrong.
            DiscordError: discord.py gave up for another reason.
        """
        seats = parse_seats(self._settings.join)
        if not self._settings.token:
            raise LoginRefused(_NO_TOKEN)
        quiet_discord_logs()
        failure: VoxBridgeError | None = None
        try:
            async with open_island() as island:
                self._island = island
                failure = await self._serve(island, seats, task_status)
        finally:
            self._publish_port.close()
            self._is_closed.set()
        if failure is not None:
            raise failure

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        """Sit in a channel from now on, through reconnects; leaves another one of the same guild.

        Raises:
            VoiceHandshakeError: The first attempt failed. What was wanted before is wanted again.
        """
        keeper = self._keeper(guild_id)
        if self._login is not None and self._login.client.is_up:
            # Before we give up the seat we have.
            refusal = keeper.outlook.refusal(channel_id)
            if refusal is not None:
                raise VoiceHandshakeError(OURS.text(refusal), code=None, should_reconnect=False, told=refusal)
        if self.before_leaving is not None and keeper.desired not in (None, channel_id):
            await self.before_leaving(guild_id)
        outcome = keeper.want(channel_id)
        with trio.move_on_after(_JOIN_LIMIT_S):
            await outcome.wait()
            return
        keeper.give_up(outcome, f"no result within {_JOIN_LIMIT_S:.0f} s; is Discord reachable?")
        await outcome.wait()

    async def leave(self, guild_id: GuildId) -> None:
        """Leave the guild's channel and stay out; returns when Discord has confirmed it, or after a few seconds."""
        keeper = self._keepers.get(guild_id)
        if keeper is None:
            return
        if self.before_leaving is not None:
            await self.before_leaving(guild_id)
        outcome = keeper.want(None)
        # Whoever asks for a channel in the meantime is right; then there is nothing to wait for.
        with trio.move_on_after(_JOIN_LIMIT_S), contextlib.suppress(VoiceHandshakeError):
            await outcome.wait()

    async def close(self) -> None:
        """Leave all channels and log out; returns when ``run`` has ended its work, within about 3 s."""
        self._is_closing.set()
        if self._island is not None:
            with trio.move_on_after(2 * CLOSE_LIMIT_S):
                await self._is_closed.wait()

    async def beat(self) -> None:
        """Return once the asyncio side has moved; at once while there is none (not begun, or closed)."""
        if self._island is None or self._is_closed.is_set():
            await trio.lowlevel.checkpoint()
            return
        await self._island.beat()

    def seat(self, guild_id: GuildId) -> ChannelId | None:
        """Return the channel we sit in, or mean to."""
        keeper = self._keepers.get(guild_id)
        return keeper.desired if keeper is not None else None

    def is_seated(self, guild_id: GuildId, channel_id: ChannelId) -> bool:
        """Tell whether we are connected to this channel now."""
        keeper = self._keepers.get(guild_id)
        return keeper is not None and keeper.link is not None and keeper.link.channel_id == channel_id

    def refusal(self, guild_id: GuildId, channel_id: ChannelId) -> Line | None:
        """Say what keeps us out of a channel, if anything does."""
        return self._keeper(guild_id).outlook.refusal(channel_id)

    def status(self) -> BridgeStatus:
        """Return how things are; from the Trio thread, at any time."""
        client = self._login.client if self._login is not None else None
        is_up = client is not None and client.is_up
        latency_s = client.latency if client is not None and is_up else math.inf
        return BridgeStatus(
            is_logged_in=is_up,
            user_name=client.user.name if client is not None and client.user is not None else "",
            latency_s=latency_s if math.isfinite(latency_s) else None,
            loop_errors=self._island.loop_errors if self._island is not None else 0,
            rooms=tuple(
                self._room_status(keeper, keeper.desired)
                for keeper in self._keepers.values()
                if keeper.desired is not None
            ),
        )

    def _side(self) -> tuple[GatewayClient, Island] | None:
        """Return what it takes to ask something of Discord, while we are logged in."""
        if self._login is None or self._island is None or self._is_closed.is_set():
            return None
        return self._login.client, self._island

    def hearing_changed(self, guild_id: GuildId, user_id: UserId, is_heard: bool) -> None:
        """Note that a member may be heard from now on, or not any more."""
        if guild_id in self._keepers:
            self._keepers[guild_id].hearing_changed(user_id, is_heard)

    # GatewayListener

    def gateway_up(self) -> None:
        """Note that the gateway is ready."""
        self.logged_in.set()
        if self._login is not None:
            self._login.is_decided.set()
            for guild_id, people in self._login.client.everybody():
                self._company.surveyed(guild_id, people)
        for keeper in self._keepers.values():
            keeper.gateway_up()

    def gateway_lost(self) -> None:
        """Tell every keeper that nothing can be said to Discord."""
        for keeper in self._keepers.values():
            keeper.gateway_lost()

    def gateway_renewed(self) -> None:
        """Tell every keeper that Discord does not know our voice sessions any more."""
        for keeper in self._keepers.values():
            keeper.gateway_renewed()

    def own_state_changed(self, state: VoiceState) -> None:
        """Pass on what happened to us."""
        if state.guild_id in self._keepers:
            self._keepers[state.guild_id].own_state_changed(state)
        self._company.seat_changed(state.guild_id)

    def voice_server_changed(self, guild_id: GuildId, server: VoiceServer) -> None:
        """Pass on where Discord sends us."""
        if guild_id in self._keepers:
            self._keepers[guild_id].voice_server_changed(server)

    def member_changed(self, guild_id: GuildId, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Pass on who came and went."""
        self._company.saw(guild_id, member, channel_id)
        if guild_id in self._keepers:
            self._keepers[guild_id].member_changed(member, channel_id)

    # Within

    async def _serve(
        self, island: Island, seats: list[tuple[GuildId, ChannelId]], task_status: trio.TaskStatus[None]
    ) -> VoxBridgeError | None:
        """Run client and keepers; return the failure to raise, if any."""
        failure: VoxBridgeError | None = None
        async with trio.open_nursery() as nursery:
            try:
                with trio.CancelScope() as scope:
                    nursery.start_soon(supervise, "closing", partial(_end_with, self._is_closing, scope))
                    login = self._login = await self._log_in(island, nursery)
                    nursery.start_soon(supervise, "logged out", partial(_end_with, login.has_ended, scope))
                    async with trio.open_nursery() as keepers:
                        keepers.start_soon(supervise, "new guilds", partial(self._start_keepers, keepers))
                        translator = Descriptions(self._messages_now)
                        register = partial(login.register_commands, island, translator, self._links)
                        keepers.start_soon(supervise, "slash commands", register)
                        await self._take_seats(seats)
                        task_status.started()
                failure = login.failure
            except (DiscordError, ConfigError) as exc:
                failure = exc
            finally:
                # The keepers have left their channels by now, while ``client.start`` still runs, whose scope is
                # shielded for that: without it nobody reads Discord's confirmations, and closing takes 10 s.
                if self._login is not None:
                    await self._login.end(island)
                nursery.cancel_scope.cancel("left")
        return failure

    async def _log_in(self, island: Island, nursery: trio.Nursery) -> Login:
        """Return a login whose gateway is ready; try again for as long as Discord cannot be reached."""
        backoff = Backoff(rng=random.random)
        while True:
            login = self._login = await island.call(self._new_login, island)
            # Not under ``supervise``: its end, whatever the reason, is what this method and ``_serve`` wait for.
            nursery.start_soon(login.run, island, self._settings.token.reveal())
            await login.is_decided.wait()
            if login.client.is_up:
                return login
            failure = login.failure or DiscordError("the Discord client ended by itself")
            if not failure.retryable:
                raise failure
            wait_s = backoff.failed(trio.current_time(), 0.0)
            assert wait_s is not None, "this backoff has no circuit"
            _log.warning("Discord cannot be reached", reason=str(failure), again_in_s=round(wait_s, 1))
            await trio.sleep(wait_s)

    async def _new_login(self, island: Island) -> Login:
        """Build client and commands; on the asyncio side, since aiohttp binds itself to the running loop."""
        client = GatewayClient(
            self,
            guild_ready_timeout_s=self._settings.guild_ready_timeout_ms / 1000,
            connector=await make_connector(self._settings.network),
        )
        answering = Answering(self._messages_now, self._links)
        by_role = self._handler.desk.goes_by_role
        return Login(client, whole_tree(client, self, self._handler, island, answering, by_role=by_role))

    async def _take_seats(self, seats: list[tuple[GuildId, ChannelId]]) -> None:
        outcomes = [self._keeper(guild_id).want(channel_id, stands=True) for guild_id, channel_id in seats]
        with trio.move_on_after(_JOIN_LIMIT_S):
            for outcome in outcomes:
                # A failure is in the log already, and the keeper goes on trying.
                with contextlib.suppress(VoiceHandshakeError):
                    await outcome.wait()

    async def _start_keepers(self, nursery: trio.Nursery) -> None:
        async for keeper in self._keepers_to_start:
            nursery.start_soon(self._mind, keeper)

    async def _mind(self, keeper: GuildKeeper) -> None:
        """Run one guild's keeper; a bug that ends it is this guild's affair, and it begins anew."""
        await supervise("guild", keeper.run, backoff=Backoff(rng=random.random), guild_id=str(keeper.guild_id))

    def _keeper(self, guild_id: GuildId) -> GuildKeeper:
        keeper = self._keepers.get(guild_id)
        if keeper is not None:
            return keeper
        login, island = self._login, self._island
        if login is None or island is None or self._is_closing.is_set():
            offline = line("why_offline")
            raise VoiceHandshakeError("not logged in to Discord", code=None, should_reconnect=True, told=offline)

        async def post(channel_id: ChannelId, text: str, file: str | None) -> None:
            await island.call(login.client.post, channel_id, self._links.linked(text, MESSAGE_CHARS), file)

        keeper = self._keepers[guild_id] = GuildKeeper(
            guild_id,
            island,
            login.client,
            require_e2ee=self._settings.require_e2ee,
            messages_now=self._messages_now,
            publish=self._publish_port.send_nowait,
            post=post,
            connect_limit_s=self._connect_limit_s,
            deaf_after_s=self._deaf_after_s,
            company=self._company,
        )
        self._new_keepers.send_nowait(keeper)
        return keeper

    def _room_status(self, keeper: GuildKeeper, channel_id: ChannelId) -> RoomStatus:
        link, own = keeper.link, keeper.own
        channel = self._login.client.voice_channel(channel_id) if self._login is not None else None
        return RoomStatus(
            guild_id=keeper.guild_id,
            guild_name=channel.guild.name if channel is not None else "",
            channel_id=channel_id,
            channel_name=channel.name if channel is not None else "",
            is_connected=link is not None and link.is_connected(),
            can_send=link is not None and link.can_send,
            is_dave_ready=link is not None and link.is_connected() and link.end_to_end.is_ready,
            dave_version=link.end_to_end.version if link is not None else 0,
            privacy_code=link.end_to_end.privacy_code if link is not None else None,
            is_server_muted=own is not None and own.is_muted,
            is_server_deafened=own is not None and own.is_deafened,
            is_suppressed=own is not None and own.is_suppressed,
            udp_ping_s=link.udp_ping_s if link is not None else None,
            counters=keeper.counters,
        )


async def _end_with(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel("left")


def parse_seats(join: tuple[str, ...]) -> list[tuple[GuildId, ChannelId]]:
    """Read ``[discord] join``: ``guild_id:channel_id``, one channel per guild.

    Raises:
        ConfigError: An entry is not two numbers, or a guild comes twice.
    """
    seats: dict[GuildId, ChannelId] = {}
    for entry in join:
        guild, _, channel = entry.partition(":")
        if not (guild.isdecimal() and channel.isdecimal()):
            raise ConfigError("not a voice channel", key="discord.join", value=entry, allowed="guild_id:channel_id")
        if GuildId(int(guild)) in seats:
            raise ConfigError("a bot can sit in one channel per guild only", key="discord.join", value=entry)
        seats[GuildId(int(guild))] = ChannelId(int(channel))
    return list(seats.items())
