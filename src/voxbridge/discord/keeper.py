"""Keeps us in the voice channel where we are wanted: one keeper, one task per guild.

    commands, gateway, links --facts--> Presence (pure; owns where we are) --actions--> op 4, link, room

Facts are taken in the step in which they come, so the gate shuts in the step in which the news does. A port (one
channel's worth of conversation) outlives its links; it ends when its channel is not wanted any more.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable
from functools import partial
from typing import Protocol, assert_never

import aiohttp
import attrs
import discord
import structlog
import trio

from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.events import HearingChanged, MemberJoined, SpeakingChanged, Unheard
from voxbridge.core.call.facts import (
    Action,
    Answered,
    Ask,
    CutLink,
    EndRoom,
    Fact,
    Failed,
    GatewayBack,
    GatewayLost,
    GatewayRenewed,
    GiveUp,
    Leave,
    LinkEnded,
    LinkUp,
    MakeLink,
    OpenRoom,
    OwnPlace,
    VoiceServer,
    Wish,
)
from voxbridge.core.call.moderated import AUDIENCE, facts, is_silenced
from voxbridge.core.call.presence import Presence
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.call.said import VoiceState
from voxbridge.core.call.table import State
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.messages.catalogue import Line, Messages
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.company import Company
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.discord.link import VoiceLink
from voxbridge.discord.outcome import Outcome
from voxbridge.discord.permissions import explain_refusal
from voxbridge.discord.port import DiscordVoicePort
from voxbridge.discord.posting import PostMessage
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

_SAY_LIMIT_S = 2.0  # a websocket that does not take a message for so long is dead
_LEAVE_LIMIT_S = 2.0  # at the end: op 4, Discord's word, a websocket close


class Publish(Protocol):
    """Takes each new port."""

    def __call__(self, port: DiscordVoicePort, /) -> None:
        """Take it."""


class GuildKeeper:
    """See the module's docstring. All methods but ``run`` are synchronous, on Trio's thread."""

    def __init__(
        self,
        guild_id: GuildId,
        island: Island,
        client: GatewayClient,
        *,
        require_e2ee: bool,
        messages_now: Callable[[], Messages],
        publish: Publish,
        post: PostMessage,
        connect_limit_s: float | None = None,
        deaf_after_s: float = DeafnessWatch.SILENT_S,
        company: Company,
    ) -> None:
        self.guild_id = guild_id
        self.own: VoiceState | None = None
        self.counters = VoiceCounters()
        self.port: DiscordVoicePort | None = None
        self._island, self._client, self._require_e2ee = island, client, require_e2ee
        self._messages_now, self._publish, self._post = messages_now, publish, post
        self._company = company
        self._presence = Presence(self, rng=random.random, ask_limit_s=connect_limit_s)
        if not client.is_up:
            self._presence.handle(GatewayLost(), trio.current_time())
        self._link: VoiceLink | None = None
        self._link_scope = trio.CancelScope()
        # Over all connections: what was tried is not tried again at once on the next one.
        self._deafness = DeafnessWatch(silent_s=deaf_after_s)
        self._wishes: dict[int, Outcome] = {}
        self._last_wish = 0
        self._stirred = trio.Event()
        self._is_leaving = False
        # Few in number, and none may be lost: unbounded.
        self._say, self._to_say = trio.open_memory_channel[ChannelId | None](math.inf)
        self._order, self._orders = trio.open_memory_channel[tuple[MakeLink, trio.CancelScope]](math.inf)
        self._tell, self._to_tell = trio.open_memory_channel[Line](math.inf)
        if client.is_up and (own := client.own_state(guild_id)) is not None:
            self.own_state_changed(own)  # where an earlier life of ours may have left us

    @property
    def desired(self) -> ChannelId | None:
        """Return the channel where we are wanted."""
        return self._presence.wish

    @property
    def link(self) -> VoiceLink | None:
        """Return the link, while it stands."""
        return self._link if self._presence.state is State.UP else None

    # What is wanted

    def want(self, channel_id: ChannelId | None, *, stands: bool = False) -> Outcome:
        """Change what is wanted. The newest word wins at once; see ``Wish`` for ``stands``."""
        self._last_wish += 1
        outcome = self._wishes[self._last_wish] = Outcome(self._last_wish)
        self._take(Wish(outcome.number, channel_id, stands=stands))
        return outcome

    def give_up(self, outcome: Outcome, reason: str) -> None:
        """Take a wish back whose outcome nobody waits for any more; one that holds already stays."""
        self._take(GiveUp(outcome.number, reason))

    # What the main gateway says

    def gateway_up(self) -> None:
        """Note that the main gateway is up and the guilds are known."""
        self._take(GatewayBack())

    def gateway_lost(self) -> None:
        """Note that it is down."""
        self._take(GatewayLost())

    def gateway_renewed(self) -> None:
        """Note a new session, to which our voice session is not known."""
        self._take(GatewayRenewed())

    def voice_server_changed(self, server: VoiceServer) -> None:
        """Note where Discord sends us."""
        self._take(server)

    def own_state_changed(self, state: VoiceState) -> None:
        """Note what Discord says of ourselves."""
        self.own = state
        is_fresh = self._link is None or self._link.is_fresh
        self._take(OwnPlace(state.channel_id, state.session_id, is_link_fresh=is_fresh))
        self._heed_moderation()

    def member_changed(self, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note where somebody else is now."""
        if self.port is None:
            return
        if channel_id == self.port.channel_id:
            self.port.member_joined(self._judged(member))
        else:
            self.port.roster.went(member.user_id, trio.current_time())
            self._stirred.set()

    def hearing_changed(self, user_id: UserId, is_heard: bool) -> None:
        """Note that a member may be heard from now on, or not any more."""
        if is_heard and self._link is not None:
            self._link.hears_from_now(user_id)
        if self.port is not None:
            self.port.deliver(HearingChanged(user_id, is_heard))

    def _may_hear(self, user_id: UserId) -> bool:
        return self._company.is_heard(self.guild_id, user_id)

    def _judged(self, member: MemberJoined) -> MemberJoined:
        return attrs.evolve(member, is_heard=self._may_hear(member.user_id))

    def _company_changed(self, user_id: UserId, is_in_call: bool) -> None:
        """Note that the voice server has somebody in the call, or not any more."""
        if self.port is None:
            return
        if is_in_call:
            self.port.roster.in_call(user_id)
        else:
            self.port.roster.out_of_call(user_id, trio.current_time())
            self._stirred.set()

    # Outlook

    def refusal(self, channel_id: ChannelId) -> Line | None:
        """Say what keeps us out of a channel, if anything does."""
        return explain_refusal(self._client.voice_channel(channel_id), require_e2ee=self._require_e2ee)

    def exists(self, channel_id: ChannelId) -> bool:
        """Tell whether a channel is there."""
        return self._client.voice_channel(channel_id) is not None

    def is_full(self, channel_id: ChannelId) -> bool:
        """Tell whether a channel has no place left."""
        channel = self._client.voice_channel(channel_id)
        return channel is not None and 0 < channel.user_limit <= len(channel.voice_states)

    # The loop

    async def run(self) -> None:
        """Keep us where we are wanted, until cancelled; then leave. A crash leaves what is wanted as it is."""
        # Shielded, so that leaving is said and confirmed over what still runs.
        staying, has_ended = trio.CancelScope(shield=True), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve, staying, has_ended)
            try:
                await trio.sleep_forever()
            finally:
                if not has_ended.is_set():
                    self._is_leaving = True
                    self.want(None)
                    staying.deadline = trio.current_time() + _LEAVE_LIMIT_S

    async def _serve(self, staying: trio.CancelScope, has_ended: trio.Event) -> None:
        try:
            with staying:
                async with trio.open_nursery() as nursery:
                    # A bug in one of them ends neither the others nor the link that stands.
                    nursery.start_soon(partial(supervise, "say where", self._say_where, backoff=_again()))
                    nursery.start_soon(partial(supervise, "links", self._make_links, backoff=_again()))
                    nursery.start_soon(partial(supervise, "news", self._post_news, backoff=_again()))
                    await self._keep_time()
                    nursery.cancel_scope.cancel("left")
        finally:
            has_ended.set()
            if self._is_leaving:
                for outcome in self._wishes.values():
                    outcome.settle(Drop("superseded", "VoxBridge is stopping"))

    async def _keep_time(self) -> None:
        """Tell ``Presence`` when its limits pass, until we have left for good."""
        while not (self._is_leaving and self._presence.state is State.OUT):
            self._stirred = trio.Event()
            port = self.port
            deadlines = (self._presence.deadline, port.roster.deadline if port is not None else None)
            with trio.move_on_at(min((at for at in deadlines if at is not None), default=math.inf)):
                await self._stirred.wait()
            now = trio.current_time()
            if port is not None and port is self.port:
                port.tell_departures(now)
            self._carry_out(self._presence.tick(now))

    def _take(self, fact: Fact) -> None:
        self._carry_out(self._presence.handle(fact, trio.current_time()))
        self._stirred.set()

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Leave():
                    self._say.send_nowait(None)
                case Ask(channel_id):
                    self._say.send_nowait(channel_id)
                case MakeLink():
                    self._link_scope = trio.CancelScope()
                    self._order.send_nowait((action, self._link_scope))
                case CutLink(reason):
                    self._cut(reason)
                case OpenRoom(channel_id):
                    self._open_room(channel_id)
                case EndRoom():
                    self._end_room()
                case Answered(numbers, failure):
                    for number in numbers:
                        if (outcome := self._wishes.pop(number, None)) is not None:
                            outcome.settle(failure)
                case Failed():
                    self._note_failure(action)
                case _:
                    assert_never(action)

    def _note_failure(self, failed: Failed) -> None:
        self.counters.last_close = failed.drop.reason
        again = "stay out" if failed.again_in_s is None else f"again in {failed.again_in_s:.1f} s"
        log = _log.error if failed.is_fault else _log.warning
        log(
            "not in the voice channel",
            guild_id=str(self.guild_id),
            channel_id=str(self.desired or ""),
            kind=failed.drop.kind,
            reason=failed.drop.reason,
            close_code=failed.drop.code,
            after_s=round(failed.after_s, 3),
            next=again,
        )

    # Op 4

    async def _say_where(self) -> None:
        async for channel_id in self._to_say:
            with trio.move_on_after(_SAY_LIMIT_S):
                try:
                    await self._island.call(self._client.say_where, self.guild_id, channel_id)
                except (OSError, aiohttp.ClientError, discord.DiscordException, CallCancelled, AttributeError) as exc:
                    # A gateway that is going down says so itself; an answer that does not come has its limit.
                    _log.warning("the main gateway did not take a message", error=type(exc).__name__)

    # The link

    async def _make_links(self) -> None:
        async with trio.open_nursery() as nursery:
            async for order, scope in self._orders:
                nursery.start_soon(self._run_link, order, scope)

    async def _run_link(self, order: MakeLink, scope: trio.CancelScope) -> None:
        drop = Drop("unsound", "broken off")
        try:
            with scope:
                await trio.lowlevel.checkpoint()
                link = self._link = VoiceLink(
                    self._client,
                    self.guild_id,
                    order,
                    counters=self.counters,
                    require_e2ee=self._require_e2ee,
                    deliver=self._deliver,
                    deafness=self._deafness,
                    company_changed=self._company_changed,
                    may_hear=self._may_hear,
                )
                drop = await link.hold(self._island, lambda: self._take(LinkUp(order.number)))
        except Exception as exc:  # noqa: BLE001 - the supervisor of one link: the next one is made anew
            _log.exception("a voice connection failed", guild_id=str(self.guild_id), error=type(exc).__name__)
        finally:
            self._take(LinkEnded(order.number, drop))

    def _cut(self, reason: str) -> None:
        self._link_scope.cancel("left")
        if self._link is not None:
            self._link.shut()
            self._link = None
        if self.port is not None:
            self.port.down(reason)

    def _deliver(self, event: OpusPacket | SpeakingChanged | Unheard) -> None:
        if self.port is not None and self.link is not None:
            self.port.deliver(event)

    # The room

    def _open_room(self, channel_id: ChannelId) -> None:
        link = self._link
        assert link is not None, "a link stands"
        self.counters.joins += 1
        channel = self._client.voice_channel(channel_id)
        port = self.port
        if port is None:
            port = self.port = DiscordVoicePort(
                self.guild_id,
                channel_id,
                self.counters,
                self._post,
                lambda: self._client.locale_of(self.guild_id),
                self._messages_now,
                lambda: self._client.own_name_in(self.guild_id),
            )
            self._publish(port)
        else:
            self.counters.rejoins += 1
        link.is_silenced = is_silenced(self.own)
        port.up(link)
        if channel is not None:
            members = self._client.members_in(channel)
            for member in members:
                self._company.saw(self.guild_id, member, port.channel_id)
            port.see_members(map(self._judged, members), trio.current_time())
            self._stirred.set()
        _log.info("in the voice channel", guild_id=str(self.guild_id), channel_id=str(channel_id))
        self._heed_moderation()

    def _end_room(self) -> None:
        if self.port is not None:
            self.port.close()
            self.port = None

    # What moderators do to us

    def _heed_moderation(self) -> None:
        """Shut the gate while nobody can hear us, and say so once."""
        link, own, port = self.link, self.own, self.port
        if link is None or own is None or port is None:
            return
        link.is_silenced = is_silenced(own)
        self._deafness.is_deafened = own.is_deafened
        is_plain = self._require_e2ee and not link.end_to_end.version
        for told, is_so in facts(own, is_plain=is_plain):
            if port.is_news(told.key, is_so=is_so):
                _log.warning("moderated by the server", guild_id=str(self.guild_id), what=told.key)
                self._tell.send_nowait(told)

    async def _post_news(self) -> None:
        async for told in self._to_tell:
            if told is AUDIENCE:
                with contextlib.suppress(discord.DiscordException, OSError, CallCancelled), trio.move_on_after(5.0):
                    await self._island.call(self._client.ask_to_speak, self.guild_id)
            if self.port is not None:
                await self.port.post_text(self._messages_now().text(told, self.port.locale))


def _again() -> Backoff:
    """Return the pauses of a part that is never given up."""
    return Backoff(rng=random.random)
