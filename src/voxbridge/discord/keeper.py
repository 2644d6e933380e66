"""Keeps us in the voice channel where we are wanted: one keeper, one task per guild.

    commands, gateway, links --facts--> Presence (pure; owns where we are) --actions--> op 4, link, room

    requests     what is asked of Discord              links        one connection after another
    attendance   who is in the channel with us         moderation   what moderators do to us
    outlook      what can be seen of a channel

Facts are taken in the step in which they come, so the gate shuts in the step in which the news does. A port (one
channel's worth of conversation) outlives its links; it ends when its channel is not wanted any more.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Protocol, assert_never

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
    Look,
    MakeLink,
    OpenRoom,
    OwnPlace,
    VoiceServer,
    Wish,
)
from voxbridge.core.call.presence import Presence
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.call.said import VoiceState
from voxbridge.core.call.table import State
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.messages.catalogue import Messages
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.discord.attendance import Attendance
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.company import Company
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.island import Island
from voxbridge.discord.link import VoiceLink
from voxbridge.discord.links import Links
from voxbridge.discord.moderation import Moderation
from voxbridge.discord.outcome import Outcome
from voxbridge.discord.outlook import ChannelOutlook
from voxbridge.discord.port import DiscordVoicePort
from voxbridge.discord.posting import PostMessage
from voxbridge.discord.requests import Requests, unending
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

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
        self.outlook = ChannelOutlook(client, require_e2ee)
        self._client, self._require_e2ee = client, require_e2ee
        self._messages_now, self._publish, self._post = messages_now, publish, post
        self._presence = Presence(self.outlook, rng=random.random, ask_limit_s=connect_limit_s)
        if not client.is_up:
            self._presence.handle(GatewayLost(), trio.current_time())
        self._requests = Requests(guild_id, island, client, self._take)
        self._links = Links(guild_id, island, self._make_link, self._take)
        self._stirred = trio.Event()
        self._attendance = Attendance(guild_id, client, company, lambda: self._stirred.set())
        self._moderation = Moderation(guild_id, island, client, messages_now, require_e2ee=require_e2ee)
        # Over all connections: what was tried is not tried again at once on the next one.
        self._deafness = DeafnessWatch(silent_s=deaf_after_s)
        self._wishes: dict[int, Outcome] = {}
        self._last_wish = 0
        self._is_leaving = False
        if client.is_up and (own := client.own_state(guild_id)) is not None:
            self.own_state_changed(own)  # where an earlier life of ours may have left us

    @property
    def desired(self) -> ChannelId | None:
        """Return the channel where we are wanted."""
        return self._presence.wish

    @property
    def link(self) -> VoiceLink | None:
        """Return the link, while it stands."""
        return self._links.newest if self._presence.state is State.UP else None

    @property
    def port(self) -> DiscordVoicePort | None:
        """Return the channel that we are in, as the conversation sees it."""
        return self._attendance.port

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
        link = self._links.newest
        is_fresh = link is None or link.is_fresh
        self._take(OwnPlace(state.channel_id, state.session_id, is_link_fresh=is_fresh))
        self._heed_moderation()

    def member_changed(self, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note where somebody else is now."""
        self._attendance.member_changed(member, channel_id)

    def hearing_changed(self, user_id: UserId, is_heard: bool) -> None:
        """Note that a member may be heard from now on, or not any more."""
        link, port = self._links.newest, self.port
        if is_heard and link is not None:
            link.hears_from_now(user_id)
        if port is not None:
            port.deliver(HearingChanged(user_id, is_heard))

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
                    nursery.start_soon(partial(supervise, "requests", self._requests.run, backoff=unending()))
                    nursery.start_soon(partial(supervise, "links", self._links.run, backoff=unending()))
                    nursery.start_soon(partial(supervise, "moderation", self._moderation.run, backoff=unending()))
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
            deadlines = (self._presence.deadline, self._attendance.deadline)
            with trio.move_on_at(min((at for at in deadlines if at is not None), default=math.inf)):
                await self._stirred.wait()
            now = trio.current_time()
            self._attendance.tell_departures(now)
            self._carry_out(self._presence.tick(now))

    def _take(self, fact: Fact) -> None:
        self._carry_out(self._presence.handle(fact, trio.current_time()))
        self._stirred.set()

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Leave():
                    self._requests.say(None)
                case Ask(channel_id):
                    self._requests.say(channel_id)
                case Look(number):
                    self._requests.look(number)
                case MakeLink():
                    self._links.order(action)
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

    # The link

    def _make_link(self, order: MakeLink) -> VoiceLink:
        return VoiceLink(
            self._client,
            self.guild_id,
            order,
            counters=self.counters,
            require_e2ee=self._require_e2ee,
            deliver=self._deliver,
            deafness=self._deafness,
            company_changed=self._attendance.in_call,
            may_hear=self._attendance.may_hear,
        )

    def _cut(self, reason: str) -> None:
        self._links.cut()
        if self.port is not None:
            self.port.down(reason)

    def _deliver(self, event: OpusPacket | SpeakingChanged | Unheard) -> None:
        if self.port is not None and self.link is not None:
            self.port.deliver(event)

    # The room

    def _open_room(self, channel_id: ChannelId) -> None:
        link, port = self.link, self.port
        assert link is not None, "a link stands"
        self.counters.joins += 1
        if port is None:
            port = self._attendance.port = self._new_port(channel_id)
            self._publish(port)
        else:
            self.counters.rejoins += 1
        self._heed_moderation()  # before anything can be sent
        port.up(link)
        self._attendance.call_the_roll()
        _log.info("in the voice channel", guild_id=str(self.guild_id), channel_id=str(channel_id))

    def _new_port(self, channel_id: ChannelId) -> DiscordVoicePort:
        return DiscordVoicePort(
            self.guild_id,
            channel_id,
            self.counters,
            self._post,
            lambda: self._client.locale_of(self.guild_id),
            self._messages_now,
            lambda: self._client.own_name_in(self.guild_id),
        )

    def _end_room(self) -> None:
        if self.port is not None:
            self.port.close()
            self._attendance.port = None

    def _heed_moderation(self) -> None:
        link, port = self.link, self.port
        if link is None or port is None:
            return
        self._deafness.is_deafened = self.own is not None and self.own.is_deafened
        self._moderation.heed(self.own, link, port)
