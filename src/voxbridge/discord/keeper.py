"""Keeps us in the voice channel where we are wanted: one keeper, one task per guild.

    desired    what somebody asked for: a channel, or none
    actual     a link (one connection), lent to a port (one channel's worth of conversation)

The keeper's loop brings the second to the first: connect, hold until something happens, leave with confirmation,
decide (``rejoin``), wait, again. A port outlives its links; it ends when we leave its channel for good.

Joining before Discord has confirmed the leaving kills the new connection: the late "you are out" reaches the new one,
which takes it for a kick. So every end waits for the main gateway's word.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs
import discord
import structlog
import trio
from discord.errors import ConnectionClosed

from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.events import MemberJoined, SpeakingChanged, Unheard
from voxbridge.core.call.rejoin import Drop, RejoinPolicy, StayOut
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.discord.link import Deaf, Poke, Relinked, VoiceLink
from voxbridge.discord.port import DiscordVoicePort, PostMessage
from voxbridge.discord.socket_watch import SocketWatch
from voxbridge.errors import VoiceHandshakeError
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

CONNECT_LIMIT_S = 10.0  # Discord does not answer at all when there is no free slot; a good join takes 0.03 to 1 s
_LEAVE_LIMIT_S = 2.0  # op 4 and a websocket close; 5 to 16 ms on loopback
_CONFIRM_LIMIT_S = 2.0  # the main gateway's word that we are out
_KICK_OR_MOVE_S = 1.0  # 4014 on the voice side may overtake the main gateway's word on what it meant
_MOVE_LIMIT_S = 3.0  # after a move: how long discord.py may take to follow before we join anew


class Surroundings(Protocol):
    """What a keeper needs from the gateway client."""

    @property
    def has_gateway(self) -> bool:
        """Tell whether the main gateway is connected, so that leaving can be said and confirmed."""
        ...

    def voice_channel(self, channel_id: ChannelId) -> discord.VoiceChannel | None:
        """Return the channel, if we can see it."""
        ...

    def members_in(self, channel: discord.VoiceChannel) -> list[MemberJoined]:
        """Return who is in it, ourselves excluded."""
        ...

    async def wait_until_up(self) -> None:
        """Wait until the main gateway is connected and the guilds are known."""
        ...


@attrs.define
class OwnState:
    """What the main gateway last said of us in this guild."""

    channel_id: ChannelId | None = None
    is_muted: bool = False
    is_deafened: bool = False
    is_suppressed: bool = False


class GuildKeeper:
    """See the module's docstring. All methods but ``run`` and the waiting ones are synchronous, on Trio's thread."""

    def __init__(
        self,
        guild_id: GuildId,
        island: Island,
        surroundings: Surroundings,
        *,
        require_e2ee: bool,
        publish: Callable[[DiscordVoicePort], None],
        post: PostMessage,
        connect_limit_s: float = CONNECT_LIMIT_S,
        deaf_after_s: float = DeafnessWatch.SILENT_S,
    ) -> None:
        self.guild_id = guild_id
        self.desired: ChannelId | None = None
        self.own = OwnState()
        self.counters = VoiceCounters()
        self.link: VoiceLink | None = None
        self.port: DiscordVoicePort | None = None
        self._island, self._surroundings, self._require_e2ee = island, surroundings, require_e2ee
        self._publish, self._post, self._connect_limit_s = publish, post, connect_limit_s
        # Over all connections: what was tried is not tried again at once on the next one.
        self._deafness = DeafnessWatch(silent_s=deaf_after_s)
        self._changed = trio.Event()
        self._own_changed = trio.Event()
        self._attempt_done = trio.Event()
        self._settled = trio.Event()
        self._last_drop: Drop | None = None
        self._policy = RejoinPolicy(rng=random.random)

    # What is wanted

    def want(self, channel_id: ChannelId | None) -> None:
        """Change what is wanted; the loop does the rest."""
        if channel_id != self.desired:
            self._policy = RejoinPolicy(rng=random.random)
        self.desired = channel_id
        self._attempt_done, self._settled = trio.Event(), trio.Event()
        if self.link is not None and channel_id is not None and channel_id == self.own.channel_id:
            self._attempt_done.set()
        self._poke()

    async def wait_joined(self) -> None:
        """Wait for the outcome of the first attempt since ``want``.

        Raises:
            VoiceHandshakeError: We could not get in.
        """
        await self._attempt_done.wait()
        if self.link is None:
            drop = self._last_drop or Drop("handshake", "asked to leave again")
            raise VoiceHandshakeError(drop.reason, code=drop.code, should_reconnect=drop.kind != "kicked")

    async def wait_left(self) -> None:
        """Wait until we are out, after ``want(None)``."""
        await self._settled.wait()

    # What the main gateway says

    def gateway_renewed(self) -> None:
        """Note a second READY: discord.py has forgotten its voice clients, and Discord our voice session."""
        # ``own`` keeps saying that we are in, so that the leaving is confirmed before we join again.
        if self.link is not None:
            self.link.report(Drop("gateway", "the main gateway began a new session"))

    def own_state_changed(self, state: discord.VoiceState) -> None:
        """Note a VOICE_STATE_UPDATE about ourselves."""
        before, channel = self.own.channel_id, state.channel
        self.own = OwnState(
            ChannelId(channel.id) if channel is not None else None, state.mute, state.deaf, state.suppress
        )
        if self.own.is_muted or self.own.is_deafened or self.own.is_suppressed:
            _log.warning(
                "muted or deafened by the server",
                guild_id=str(self.guild_id),
                muted=self.own.is_muted,
                deafened=self.own.is_deafened,
                suppressed=self.own.is_suppressed,
            )
        self._own_changed.set()
        if before is not None and before == self.desired and self.own.channel_id not in (before, None):
            # Somebody dragged us from where we were wanted to another channel: that is where we are wanted now.
            self.desired = self.own.channel_id
            self._poke()

    def member_changed(self, member: MemberJoined, before: ChannelId | None, after: ChannelId | None) -> None:
        """Note that somebody else changed channel."""
        port = self.port
        if port is None or before == after:
            return
        if after == port.channel_id:
            port.member_joined(member)
        elif before == port.channel_id:
            port.member_left(member.user_id)

    # The loop

    async def run(self) -> None:
        """Keep us where we are wanted, until cancelled; then leave."""
        try:
            while True:
                wanted, self._changed = self.desired, trio.Event()
                if self.port is not None and self.port.channel_id != wanted:
                    self._end_port()
                if wanted is None:
                    self._attempt_done.set()
                    self._settled.set()
                    await self._changed.wait()
                else:
                    await self._sit_once(wanted)
        finally:
            self._attempt_done.set()
            self._settled.set()
            self._end_port()

    async def _sit_once(self, channel_id: ChannelId) -> None:
        began_at = trio.current_time()
        drop, joined_at = await self._sit(channel_id)
        if drop is None:
            return
        now = trio.current_time()
        self._last_drop = drop
        self.counters.last_close = drop.reason
        if self.desired != channel_id:
            # Dragged away, or sent away: that is no failure, and what is wanted now is not this channel's to delay.
            _log.info("wanted elsewhere", guild_id=str(self.guild_id), reason=drop.reason, close_code=drop.code)
            return
        # Without a channel in sight, tell a deleted one from an outage only when the gateway is up.
        exists = self._surroundings.voice_channel(channel_id) is not None
        verdict = self._policy.after(drop, now, now - joined_at if joined_at else 0.0, channel_exists=exists)
        _log.warning(
            "voice connection ended" if joined_at else "could not join the voice channel",
            guild_id=str(self.guild_id),
            channel_id=str(channel_id),
            reason=drop.reason,
            close_code=drop.code,
            after_s=round(now - (joined_at or began_at), 3),
            next="stay out" if isinstance(verdict, StayOut) else f"again in {verdict.wait_s:.1f} s",
        )
        if isinstance(verdict, StayOut):
            self.desired = None
            if verdict.is_fault:
                _log.error("gave the voice channel up", channel_id=str(channel_id), reason=verdict.reason)
            self.counters.last_close = verdict.reason
            self._last_drop = attrs.evolve(drop, reason=verdict.reason)
            self._attempt_done.set()
            return
        self._attempt_done.set()
        if verdict.wait_s:
            with trio.move_on_after(verdict.wait_s):
                await self._changed.wait()

    async def _serve(self, name: str, run: Callable[[], Awaitable[None]], made: list[VoiceLink]) -> None:
        """Run a part of a connection. A crash starts it again and ends nothing else; one too many ends the connection.

        ``made`` holds the connection once there is one.
        """
        if not await supervise(name, run, guild_id=str(self.guild_id)) and made:
            made[0].report(Drop("unsound", f"the {name} crashes again and again"))

    async def _sit(self, channel_id: ChannelId) -> tuple[Drop | None, float | None]:
        """Join, hold, leave. Return why it ended (None: something else is wanted) and when we were in."""
        await self._surroundings.wait_until_up()
        channel = self._surroundings.voice_channel(channel_id)
        refusal = explain_refusal(channel)
        if channel is None or refusal:
            return Drop("unreachable", refusal), None
        watch, made = SocketWatch(self.counters), list[VoiceLink]()
        joined_at: float | None = None
        drop: Drop | None = None
        async with trio.open_nursery() as nursery:
            # The socket has to be read while discord.py connects: IP discovery is answered there.
            nursery.start_soon(self._serve, "voice socket", watch.run, made)
            try:
                drop = await self._connect(channel, watch, made)
                if drop is None:
                    link = made[0]
                    joined_at = trio.current_time()
                    announce = functools.partial(link.announce, self._island)
                    nursery.start_soon(self._serve, "voice announcements", announce, made)
                    nursery.start_soon(self._serve, "voice keepalive", link.keep_alive, made)
                    nursery.start_soon(self._serve, "voice deafness watch", link.watch_hearing, made)
                    self._came_in(link)
                    drop = await self._hold(link)
            finally:
                self.link = None
                if self.port is not None:
                    self.port.down(drop.reason if drop is not None else "leaving")
                with trio.move_on_after(_LEAVE_LIMIT_S + _CONFIRM_LIMIT_S, shield=True):
                    await self._leave(made)
                nursery.cancel_scope.cancel("left")
        return drop, joined_at

    async def _connect(self, channel: discord.VoiceChannel, watch: SocketWatch, made: list[VoiceLink]) -> Drop | None:
        """Join through discord.py; the link is put into ``made`` as soon as it exists. None: we are in."""
        kicked = trio.Event()

        def make(client: discord.Client, connectable: discord.abc.Connectable) -> VoiceLink:
            link = VoiceLink(
                client,
                connectable,
                watch=watch,
                kicked=kicked,
                counters=self.counters,
                require_e2ee=self._require_e2ee,
                deliver=self._deliver,
                deafness=self._deafness,
            )
            made.append(link)
            return link

        drop: Drop | None = None
        async with trio.open_nursery() as nursery:
            # discord.py, removed while it connects, would wait its whole timeout for nothing.
            nursery.start_soon(_cancel_when, kicked, nursery.cancel_scope)
            try:
                await self._island.call(channel.connect, cls=make, timeout=self._connect_limit_s, reconnect=False)
            except CallCancelled:
                # discord.py drops the attempt that we wait for and begins others, which get into each other's way.
                drop = Drop("handshake", "moved while joining")
            except TimeoutError:
                drop = Drop("handshake", f"no answer within {self._connect_limit_s:.0f} s; is the channel full?")
            except ConnectionClosed as exc:
                drop = Drop("closed", f"the voice server closed with {exc.code} while joining", exc.code)
            except IndexError:
                # discord.py takes the first encryption mode in common without looking whether there is one.
                drop = Drop("closed", "no encryption mode in common", 4016)
            except Exception as exc:  # noqa: BLE001 - an odd message of the voice server, no route: all end the attempt
                drop = Drop("handshake", f"could not connect: {type(exc).__name__}")
            nursery.cancel_scope.cancel("connected")
        return Drop("kicked", "removed from the channel while joining") if kicked.is_set() else drop

    def _came_in(self, link: VoiceLink) -> None:
        self.link = link
        self.counters.joins += 1
        port = self.port
        if port is not None and port.channel_id != link.channel_id:
            self._end_port()
            port = None
        if port is None:
            port = self.port = DiscordVoicePort(self.guild_id, link.channel_id, self.counters, self._post)
            self._publish(port)
        else:
            self.counters.rejoins += 1
        port.up(link)
        channel = self._surroundings.voice_channel(link.channel_id)
        if channel is not None:
            port.see_members(self._surroundings.members_in(channel))
        _log.info("in the voice channel", guild_id=str(self.guild_id), channel_id=str(link.channel_id))
        self._attempt_done.set()

    async def _hold(self, link: VoiceLink) -> Drop | None:
        """Stay until the connection ends (why) or something else is wanted (None)."""
        while self.port is not None:
            if self.desired != self.port.channel_id:
                if self.desired is None or self.desired != self.own.channel_id:
                    return None
                if (drop := await self._follow(link)) is not None:
                    return drop
                continue
            signal = await link.signals.receive()
            match signal:
                case Drop(code=4014 | 4022):
                    return await self._kick_or_move(link, self.port, signal)
                case Drop():
                    return signal
                case Relinked():
                    self.port.down("the voice server changed")
                    self._came_in(link)
                case "heal":
                    _log.warning("frames of a known speaker do not open; asking for fresh keys")
                    await link.heal(self._island)
                case Deaf("heal"):
                    _log.warning("somebody speaks and nobody is heard; asking for fresh keys")
                    await link.heal(self._island)
                case Deaf():
                    return Drop("unsound", "somebody speaks and nobody is heard")
                case "rejoin":
                    return Drop("unsound", "frames of a known speaker do not open, fresh keys did not help")
                case Poke():
                    pass
        return None

    async def _follow(self, link: VoiceLink) -> Drop | None:
        """Let discord.py follow a move to another channel; a failure is a Drop, and we join anew."""
        with trio.move_on_after(_MOVE_LIMIT_S):
            while True:
                signal = await link.signals.receive()
                if isinstance(signal, Drop):
                    return signal
                if isinstance(signal, Relinked):
                    self._came_in(link)
                    return None
        return Drop("handshake", "moved, but the voice connection did not follow")

    async def _kick_or_move(self, link: VoiceLink, port: DiscordVoicePort, drop: Drop) -> Drop:
        """Wait a moment for the main gateway to say what a 4014 meant."""
        with trio.move_on_after(_KICK_OR_MOVE_S):
            while True:
                signal = await link.signals.receive()
                if isinstance(signal, Drop):
                    return signal
                if self.desired != port.channel_id:
                    return drop
        return drop

    async def _leave(self, made: list[VoiceLink]) -> None:
        """Leave, and wait for the main gateway to confirm it."""
        if not made:
            return
        link = made[0]
        with trio.move_on_after(_LEAVE_LIMIT_S):
            try:
                await link.leave(self._island)
            except Exception as exc:  # noqa: BLE001 - whatever it is, we are leaving
                _log.warning("leaving did not go smoothly", error=type(exc).__name__)
        with trio.move_on_after(_CONFIRM_LIMIT_S):
            while self.own.channel_id is not None and self._surroundings.has_gateway:
                self._own_changed = trio.Event()
                await self._own_changed.wait()
        self.own = OwnState()

    def _deliver(self, event: OpusPacket | SpeakingChanged | Unheard) -> None:
        if self.port is not None:
            self.port.deliver(event)

    def _end_port(self) -> None:
        if self.port is not None:
            self.port.close()
            self.port = None

    def _poke(self) -> None:
        self._changed.set()
        if self.link is not None:
            self.link.report(Poke())


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel("left")


def explain_refusal(channel: discord.VoiceChannel | None) -> str:
    """Say what keeps us out of ``channel``, naming the permission; empty if nothing does."""
    if channel is None:
        return "the channel is not there, or the bot may not see it"
    allowed = channel.permissions_for(channel.guild.me)
    missing = [
        name
        for name, has in (
            ("View Channel", allowed.view_channel),
            ("Connect", allowed.connect),
            ("Speak", allowed.speak),
        )
        if not has
    ]
    if missing:
        return f"the bot lacks the permission {' and '.join(missing)} in this channel"
    return ""
