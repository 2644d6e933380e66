"""A Discord on this machine: REST, main gateway, voice gateway, UDP and DAVE, on real sockets with real TLS.

    rest, gateway, voice     three TLS ports on 127.0.0.1, one certificate for Discord's own names
    sfu                      one UDP port
    timers                   one task for everything that is due later

Everything between two received messages is synchronous. Nothing leaves the machine.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from os import PathLike
from typing import Any

import trio
import trustme

from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.rehearsal.discord.connection import Network, serve_websocket
from voxbridge.rehearsal.discord.ends import DaveLibrary
from voxbridge.rehearsal.discord.gateway import MainGateway
from voxbridge.rehearsal.discord.http import serve_http
from voxbridge.rehearsal.discord.interactions import InteractionResult, Interactions
from voxbridge.rehearsal.discord.knobs import Knobs
from voxbridge.rehearsal.discord.member import Member
from voxbridge.rehearsal.discord.objects import Json, channel_object, guild_object
from voxbridge.rehearsal.discord.record import Event, Packet, PostedMessage, Record
from voxbridge.rehearsal.discord.rest import Rest, RestFault
from voxbridge.rehearsal.discord.sfu import Sfu
from voxbridge.rehearsal.discord.timers import Timers
from voxbridge.rehearsal.discord.voice import VoiceGateway
from voxbridge.rehearsal.discord.world import (
    BOT_ID,
    BOT_TOKEN,
    CONNECT_PERMISSION,
    GUILD_ID,
    OTHER_VOICE_CHANNEL_ID,
    OWNER_ID,
    STAGE,
    TEXT_CHANNEL_ID,
    VOICE,
    VOICE_CHANNEL_ID,
    Channel,
    Guild,
    User,
    VoiceState,
    World,
    snowflake,
)

_NAMES = ("discord.com", "cdn.discordapp.com", "gateway.discord.gg", "*.discord.media", "localhost", "127.0.0.1")


class SimulatedDiscord:
    """The whole of it. ``world`` is what exists, ``record`` what happened, ``knobs`` what may be set.

    ``require_dave=False`` carries all calls in the clear, as voice channels were before March 2026.
    """

    guild_id = GUILD_ID
    voice_channel_id = VOICE_CHANNEL_ID
    other_voice_channel_id = OTHER_VOICE_CHANNEL_ID
    text_channel_id = TEXT_CHANNEL_ID
    owner_id = OWNER_ID
    bot_id = BOT_ID

    def __init__(self, *, require_dave: bool = True, bot_token: str = BOT_TOKEN, knobs: Knobs | None = None) -> None:
        self.bot_token = bot_token
        self.knobs = knobs or Knobs()
        self.record = Record()
        self.world = World(bot_token)
        self.hosts: dict[str, str] = {}  # filled when the ports listen
        self._require_dave = require_dave
        self._timers = Timers()
        self._network = Network()
        self._sfu = Sfu(self.record, self.knobs, self._timers, self._network)
        self._voice = VoiceGateway(
            self.world, self.record, self.knobs, self._timers, self._sfu, require_dave=require_dave
        )
        self._voice_port = 0
        self._gateway = MainGateway(self.world, self.record, self.knobs, self._timers, lambda: self._voice_port)
        self._gateway.on_voice_state = self._follow_voice_state
        self._voice.on_gone = self._forget_voice_state
        self._interactions = Interactions(self.world, self.record)
        self._rest = Rest(self.world, self.record, self._gateway, self._interactions, self)
        self._ca = trustme.CA()
        self._members: dict[UserId, Member] = {}

    async def run(self, *, task_status: trio.TaskStatus[SimulatedDiscord] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started when all ports listen."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*_NAMES).configure_cert(context)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._timers.run)
            nursery.start_soon(self._sfu.run)
            rest_port = await nursery.start(_listen, context, partial(serve_http, answer=self._rest.answer))
            self._gateway.port = await nursery.start(
                _listen, context, partial(serve_websocket, dialogue=self._gateway.serve, network=self._network)
            )
            self._voice_port = await nursery.start(
                _listen, context, partial(serve_websocket, dialogue=self._voice.serve, network=self._network)
            )
            self.hosts.update(
                {
                    "discord.com": f"127.0.0.1:{rest_port}",
                    "cdn.discordapp.com": f"127.0.0.1:{rest_port}",
                    "gateway.discord.gg": f"127.0.0.1:{self._gateway.port}",
                    "*.discord.media": f"127.0.0.1:{self._voice_port}",
                }
            )
            task_status.started(self)
            await trio.sleep_forever()

    def write_ca(self, path: str | PathLike[str]) -> None:
        """Write the certificate that a client must trust, as PEM."""
        self._ca.cert_pem.write_to_path(path)

    def trust_in(self, context: ssl.SSLContext) -> None:
        """Make a client's TLS context trust this server."""
        self._ca.configure_trust(context)

    # What happened.

    @property
    def packets(self) -> list[Packet]:
        """Return every RTP packet that arrived at the SFU, from clients and members, once each."""
        return self.record.packets

    @property
    def events(self) -> list[Event]:
        """Return every operation and REST request."""
        return self.record.events

    @property
    def messages(self) -> list[PostedMessage]:
        """Return the messages that were posted."""
        return self.record.messages

    async def wait_until(self, condition: Callable[[], bool], *, timeout_s: float) -> None:
        """Return as soon as the condition holds. Raises: trio.TooSlowError with a summary of what was seen."""
        await self.record.wait_until(condition, timeout_s=timeout_s)

    # People.

    def add_member(
        self,
        name: str,
        *,
        user_id: int | None = None,
        guild: int = GUILD_ID,
        is_bot: bool = False,
        dave: DaveLibrary | None = "davey",
        permissions: int | None = None,
    ) -> Member:
        """Add a person to a guild. ``dave`` is the library that plays his end; None: he has no encryption."""
        user = User(UserId(user_id or snowflake()), name, is_bot)
        if permissions is not None:
            user.permissions = permissions
        guild_id = GuildId(guild)
        self.world.add_user(user, guild_id)
        member = Member(
            user, guild_id, self._sfu.new_ssrc(), dave, self.world, self.record, self.knobs, self._gateway, self._voice
        )
        self._members[user.id] = member
        return member

    def add_role(self, name: str, *members: Member, guild: int = GUILD_ID) -> int:
        """Add a role to a guild and give it to members; return its id. Those who log in later learn of it."""
        role_id = snowflake()
        self.world.guilds[GuildId(guild)].roles[role_id] = name
        for member in members:
            member.user.role_ids.append(role_id)
        return role_id

    def add_guild(self, name: str, *, guild_id: int | None = None) -> Guild:
        """Found a guild of which all bots are members, and tell those who are logged in."""
        guild = self.world.add_guild(name, guild_id=GuildId(guild_id) if guild_id else None)
        for bot in self.world.bots.values():
            for session in self._gateway.sessions_of(bot.user.id):
                session.dispatch("GUILD_CREATE", guild_object(self.world, guild, bot.user.id))
        return guild

    def add_channel(self, name: str, kind: int = VOICE, *, guild: int = GUILD_ID, user_limit: int = 0) -> Channel:
        """Add a channel (``TEXT``, ``VOICE`` or ``STAGE``), and tell those who are logged in."""
        channel = self.world.add_channel(GuildId(guild), name, kind, user_limit=user_limit)
        self._gateway.broadcast(channel.guild_id, "CHANNEL_CREATE", channel_object(channel))
        return channel

    def limit_channel(self, channel_id: int, user_limit: int) -> None:
        """Let so many people into a voice channel (0: any number), and tell those who are logged in."""
        channel = self.world.channel(channel_id)
        if channel is None:
            raise LookupError(f"there is no channel {channel_id}")
        channel.user_limit = user_limit
        self._gateway.broadcast(channel.guild_id, "CHANNEL_UPDATE", channel_object(channel))

    def delete_channel(self, channel_id: int) -> None:
        """Delete a channel; a call in it is terminated with 4022."""
        channel = self.world.channel(channel_id)
        if channel is None:
            raise LookupError(f"there is no channel {channel_id}")
        del self.world.guilds[channel.guild_id].channels[channel.id]
        self._gateway.broadcast(channel.guild_id, "CHANNEL_DELETE", channel_object(channel))
        for state in list(self.world.voice_states.values()):
            if state.channel_id == channel_id:
                self._remove(state, 4022, "Call terminated.")

    def remove_bot(self, user_id: int = BOT_ID, guild: int = GUILD_ID) -> None:
        """Throw a bot out of a guild; of its voice nothing more is said than that."""
        self.world.guilds[GuildId(guild)].member_ids.remove(UserId(user_id))
        state = self.world.voice_states.pop((GuildId(guild), UserId(user_id)), None)
        if state is not None:
            state.channel_id = None
        self._voice.expel(GuildId(guild), UserId(user_id), 4014, "Disconnected.")
        self.dispatch("GUILD_DELETE", {"id": str(guild)}, user_id)

    def bring_back_bot(self, user_id: int = BOT_ID, guild: int = GUILD_ID) -> None:
        """Add a bot to a guild again."""
        place = self.world.guilds[GuildId(guild)]
        if user_id not in place.member_ids:
            place.member_ids.append(UserId(user_id))
        self.dispatch("GUILD_CREATE", guild_object(self.world, place, UserId(user_id)), user_id)

    def permit_connect(self, *, on: bool, guild: int = GUILD_ID) -> None:
        """Let everybody join voice channels, or nobody any more; who is inside stays there."""
        place = self.world.guilds[GuildId(guild)]
        place.everyone_permissions &= ~CONNECT_PERMISSION
        place.everyone_permissions |= CONNECT_PERMISSION if on else 0
        everyone = next(role for role in guild_object(self.world, place, BOT_ID)["roles"] if role["id"] == str(guild))
        self._gateway.broadcast(place.id, "GUILD_ROLE_UPDATE", {"guild_id": str(guild), "role": everyone})

    def commands(self, *, guild: int | None = None, bot_id: int = BOT_ID) -> list[Json]:
        """Return the application commands that a bot has registered, globally or for a guild."""
        return self._interactions.commands(UserId(bot_id), GuildId(guild) if guild is not None else None)

    async def interaction(
        self,
        member: Member,
        command: str,
        options: dict[str, Any] | None = None,
        channel: int | None = None,
        *,
        bot_id: int = BOT_ID,
        timeout_s: float = 15.0,
    ) -> InteractionResult:
        """Let a member use a slash command, as typed ("join", "voice set"); wait for something to read.

        ``options``: names and values; a channel or a user is given by its id. The result is not acknowledged if the
        bot did not call back within 3 s (a knob). Raises: LookupError (no such command), trio.TooSlowError
        (acknowledged, and then nothing within ``timeout_s``).
        """
        place = self.world.channel(channel if channel is not None else TEXT_CHANNEL_ID)
        if place is None:
            raise LookupError(f"there is no channel {channel}")
        bot = self.world.bot(UserId(bot_id))
        payload, result = self._interactions.begin(bot, member.user, place, command, options or {})
        for session in self._gateway.sessions_of(bot.user.id):
            session.dispatch("INTERACTION_CREATE", payload)
        try:
            await self.wait_until(lambda: result.is_acknowledged, timeout_s=self.knobs.response_limit_s)
        except trio.TooSlowError:
            return result
        await self.wait_until(lambda: result.is_complete, timeout_s=timeout_s)
        return result

    async def completions(
        self, member: Member, command: str, options: dict[str, Any], typing: str, *, bot_id: int = BOT_ID
    ) -> list[str]:
        """Return what a member is offered while typing the option ``typing``, whose text so far is in ``options``.

        Raises: LookupError (the bot completes no such option), trio.TooSlowError (no answer in time).
        """
        place, bot = self.world.channel(TEXT_CHANNEL_ID), self.world.bot(UserId(bot_id))
        assert place is not None, "it is always there"
        payload, result = self._interactions.begin(bot, member.user, place, command, options, typing=typing)
        for session in self._gateway.sessions_of(bot.user.id):
            session.dispatch("INTERACTION_CREATE", payload)
        await self.wait_until(lambda: result.choices is not None, timeout_s=self.knobs.response_limit_s)
        return [choice["value"] for choice in result.choices or []]

    def permit(self, member: Member, command: str, *, on: bool) -> None:
        """Set under Integrations whether a member may use a command, as a server's admin does."""
        self._interactions.permitted[command, member.id] = on

    # Who is where.

    def _follow_voice_state(self, state: VoiceState, before: ChannelId | None) -> None:
        """Do on the voice side what op 4 asked for."""
        line = self._voice.line(state.guild_id, state.user_id)
        if state.channel_id is None:
            if line is not None:
                self._voice.part(line)
        elif state.channel_id != before:
            self._gateway.send_voice_server(state, self._voice.give_token(state))
        elif line is not None and line.leg.seat is not None:
            line.leg.seat.is_deaf = state.deaf or state.self_deaf

    def _forget_voice_state(self, state: VoiceState) -> None:
        self.world.voice_states.pop((state.guild_id, state.user_id), None)
        state.channel_id = None
        self._gateway.announce(state)

    def voice_state(self, user_id: int, guild: int = GUILD_ID) -> VoiceState:
        """Return a user's voice state. Raises: LookupError when he is in no voice channel."""
        state = self.world.voice_states.get((GuildId(guild), UserId(user_id)))
        if state is None:
            raise LookupError(f"{user_id} is in no voice channel of {guild}")
        return state

    def channel_of(self, user_id: int, guild: int = GUILD_ID) -> Channel | None:
        """Return the voice channel in which a user is, by the main gateway's account."""
        state = self.world.voice_states.get((GuildId(guild), UserId(user_id)))
        return self.world.channel(state.channel_id) if state is not None and state.channel_id is not None else None

    def is_logged_in(self, user_id: int) -> bool:
        """Tell whether a bot has a session, and a connection to go with it."""
        return any(session.line is not None for session in self._gateway.sessions_of(UserId(user_id)))

    def is_in_call(self, user_id: int, channel_id: int = VOICE_CHANNEL_ID) -> bool:
        """Tell whether a client or member sits in a call, that is, has got as far as the session description."""
        call = self._voice.calls.get(ChannelId(channel_id))
        return call is not None and user_id in call.seats

    def is_dave_settled(self, channel_id: int = VOICE_CHANNEL_ID) -> bool:
        """Tell whether everybody in a call is in its group, with no proposal and no transition open."""
        call = self._voice.calls.get(ChannelId(channel_id))
        return call is not None and (call.group is None or call.group.is_settled)

    def dave_epoch(self, channel_id: int = VOICE_CHANNEL_ID) -> int:
        """Return the epoch of a call's group, 0 before the first commit."""
        call = self._voice.calls.get(ChannelId(channel_id))
        return call.group.epoch if call is not None and call.group is not None else 0

    # Faults.

    def close_voice(self, user_id: int, code: int, guild: int = GUILD_ID, *, reason: str = "Simulated.") -> None:
        """Close a client's voice websocket with a code; after 4015 its session can be resumed.

        Its voice state stays, as Discord's does until the client leaves. In-process members have no websocket.
        """
        self._voice.expel(GuildId(guild), UserId(user_id), code, reason)

    def cut_voice(self, user_id: int, guild: int = GUILD_ID) -> None:
        """Drop a client's voice TCP connection without a word; its session can be resumed for a while."""
        line = self._voice.line(GuildId(guild), UserId(user_id))
        if line is not None and line.connection is not None:
            line.connection.cut()

    def close_gateway(self, code: int, user_id: int = BOT_ID) -> None:
        """Close a bot's main websocket with a code."""
        self._gateway.close(UserId(user_id), code)

    def invalidate_gateway_session(self, user_id: int = BOT_ID, *, resumable: bool = False) -> None:
        """Send op 9; discord.py identifies anew 5 s later."""
        self._gateway.invalidate(UserId(user_id), resumable=resumable)

    def ask_to_reconnect(self, user_id: int = BOT_ID) -> None:
        """Send op 7 on the main gateway."""
        self._gateway.ask_to_reconnect(UserId(user_id))

    def kick(self, user_id: int, guild: int = GUILD_ID) -> None:
        """Throw a user out of his voice channel, as a moderator does."""
        self._remove(self.voice_state(user_id, guild), 4014, "Disconnected.")

    def _remove(self, state: VoiceState, code: int, reason: str) -> None:
        self._forget_voice_state(state)
        member = self._members.get(state.user_id)
        if member is not None:
            member.dismiss(code, reason)
        self._voice.expel(state.guild_id, state.user_id, code, reason)

    def move(self, user_id: int, channel_id: int, guild: int = GUILD_ID) -> None:
        """Drag a client into another voice channel: new voice state, then a new voice server."""
        state = self.voice_state(user_id, guild)
        state.channel_id = ChannelId(channel_id)
        channel = self.world.channel(channel_id)
        state.suppress = channel is not None and channel.kind == STAGE
        self._gateway.announce(state)
        self.change_voice_server(user_id, guild)

    def change_voice_server(
        self, user_id: int, guild: int = GUILD_ID, *, old_is_dead: bool = False, gone_for_s: float = 0.0
    ) -> None:
        """Send a client to a new voice server; it hangs up itself, or is closed with 4014 after a while.

        ``old_is_dead``: the old one answers nothing any more. ``gone_for_s``: so long there is no new one.
        """
        state = self.voice_state(user_id, guild)
        line = self._voice.line(state.guild_id, state.user_id)
        if gone_for_s > 0:
            self.dispatch("VOICE_SERVER_UPDATE", {"token": "", "guild_id": str(guild), "endpoint": None}, user_id)
            self._timers.after(gone_for_s, partial(self._name_voice_server, state))
        else:
            self._name_voice_server(state)
        if line is not None and old_is_dead:
            self._voice.die(line)
        elif line is not None:
            line.leg.is_left = not self.knobs.old_server_carries
            self._timers.after(self.knobs.move_patience_s, partial(self._voice.expel_line, line, 4014))

    def _name_voice_server(self, state: VoiceState) -> None:
        if state.channel_id is not None:
            self._gateway.send_voice_server(state, self._voice.give_token(state))

    def dispatch(self, name: str, data: object, user_id: int = BOT_ID) -> None:
        """Send any event to a bot, sensible or not."""
        for session in self._gateway.sessions_of(UserId(user_id)):
            session.dispatch(name, data)

    def break_network(self, *, on: bool = True) -> None:
        """Let nothing pass between clients and here, or everything again; TCP connections stay, and carry it late."""
        self._network.go(down=on)

    def invite_to_speak(self, user_id: int, guild: int = GUILD_ID) -> None:
        """Bring somebody from a stage's audience to the microphone."""
        self.voice_state(user_id, guild).suppress = False
        self._apply_moderation(user_id, guild)

    def mute(self, user_id: int, guild: int = GUILD_ID, *, on: bool = True) -> None:
        """Mute or unmute a user by the server."""
        self.voice_state(user_id, guild).mute = on
        self._apply_moderation(user_id, guild)

    def deafen(self, user_id: int, guild: int = GUILD_ID, *, on: bool = True) -> None:
        """Deafen a user by the server, or let him hear again."""
        self.voice_state(user_id, guild).deaf = on
        self._apply_moderation(user_id, guild)

    def _apply_moderation(self, user_id: int, guild: int) -> None:
        state = self.voice_state(user_id, guild)
        self._gateway.announce(state)
        call = self._voice.calls.get(state.channel_id) if state.channel_id is not None else None
        seat = call.seats.get(state.user_id) if call is not None else None
        if seat is not None:
            seat.is_muted, seat.is_deaf = state.mute or state.suppress, state.deaf or state.self_deaf

    def fail_rest(
        self, status: int, *, method: str = "*", path: str = "*", times: int = 1, retry_after_s: float = 0.1
    ) -> RestFault:
        """Answer the next requests that match with an error (401, 429, 5xx ...); ``path`` is a shell pattern."""
        fault = RestFault(status, method, path, times, retry_after_s)
        self._rest.faults = [*(known for known in self._rest.faults if known.times > 0), fault]
        return fault

    def spoil_next_commit(self, user_id: int, channel_id: int = VOICE_CHANNEL_ID) -> None:
        """Damage the next commit or Welcome that goes to one participant.

        A client that made the commit itself may not look at its bytes; members commit first, unless the knob
        ``members_commit`` says otherwise.
        """
        self._voice.call(ChannelId(channel_id)).spoil_next_commit(UserId(user_id))

    def send_bad_commit(self, user_id: int, channel_id: int = VOICE_CHANNEL_ID) -> None:
        """Announce a commit that is none to one participant, now."""
        self._voice.call(ChannelId(channel_id)).send_bad_commit(UserId(user_id))

    def send_datagram(self, user_id: int, datagram: bytes, guild: int = GUILD_ID) -> None:
        """Send any bytes to a client's UDP port: RTCP, junk, a doubled discovery reply."""
        line = self._voice.line(GuildId(guild), UserId(user_id))
        if line is not None:
            self._sfu.send_raw(line.leg, datagram)

    def restart_dave(self, channel_id: int = VOICE_CHANNEL_ID) -> None:
        """Make everybody begin a new group (op 24 with epoch 1)."""
        self._voice.call(ChannelId(channel_id)).restart_group()

    def downgrade_dave(self, channel_id: int = VOICE_CHANNEL_ID) -> None:
        """Lead a call out of encryption (op 21 with version 0, then 22)."""
        self._voice.call(ChannelId(channel_id)).downgrade()

    def upgrade_dave(self, channel_id: int = VOICE_CHANNEL_ID) -> None:
        """Lead a call back into encryption (op 24 with epoch 1)."""
        self._voice.call(ChannelId(channel_id)).upgrade()


async def _listen(
    context: ssl.SSLContext,
    serve: Callable[[trio.SSLStream[trio.SocketStream]], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[int],
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port: int = listener.socket.getsockname()[1]
    listeners = [trio.SSLListener(listener, context, https_compatible=True)]
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, serve, listeners)
        task_status.started(port)
