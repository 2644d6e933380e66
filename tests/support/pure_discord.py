"""Discord's part in keeping a bot in a call, in virtual time, for thousands of random histories a second.

It keeps what real Discord keeps: answers in order but late, none when nothing changes, none for a full channel; a token
that is good for one place until the next is given out; voice servers that die, go silent or send us away.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

import attrs

from voxbridge.core.call.facts import (
    Answered,
    Ask,
    CutLink,
    EndRoom,
    Fact,
    Failed,
    GatewayBack,
    GatewayLost,
    GatewayRenewed,
    Leave,
    LinkEnded,
    LinkUp,
    Look,
    MakeLink,
    OpenRoom,
    OwnPlace,
    Seen,
    VoiceServer,
    Wish,
)
from voxbridge.core.call.presence import Presence
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.ids import ChannelId
from voxbridge.core.messages.catalogue import Line, line

CHANNELS = (ChannelId(1), ChannelId(2), ChannelId(3))
_QUICK_S = 0.01  # what is sent to Discord on a good day
SILENT_S = 8.0  # after which a link that hears nothing at all ends by itself
CODES = (None, 1000, 4001, 4006, 4009, 4011, 4014, 4015, 4022)


@attrs.define
class Link:
    """One connection to a voice server."""

    number: int
    token: str
    is_up: bool = False
    is_silent: bool = False  # the other end is dead, and nobody has noticed yet


class PureDiscord:
    """One guild, one bot, one clock."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = 0.0
        self.presence = Presence(self, rng=self.dice.random)
        self.place: ChannelId | None = None
        self.link: Link | None = None
        self.room: ChannelId | None = None
        self.answers: dict[int, Answered] = {}
        self.log: list[str] = []
        # how Discord misbehaves
        self.delay_s = 0.05
        self.is_deaf_to_discovery = False
        self.is_mute_about_servers = False
        self.is_rest_down = False
        self.kicks = 0
        self.full: set[ChannelId] = set()
        self.refused: set[ChannelId] = set()
        self.is_gateway_up = True
        self.stalled_until = 0.0
        self._token = ""
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._held_up: set[int] = set()
        self._last_said_at = 0.0
        self._epoch = 0  # of the main gateway's connection: what was said on an older one is lost

    # Outlook

    def refusal(self, channel_id: ChannelId) -> Line | None:
        if channel_id not in self.refused:
            return None
        return line("why_permission", permission=line("permission_connect"))

    def exists(self, channel_id: ChannelId) -> bool:  # noqa: ARG002 - none is deleted here
        return True

    def is_full(self, channel_id: ChannelId) -> bool:
        return channel_id in self.full

    # The clock

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._at(self.now + delay_s, action)

    def _at(self, at: float, action: Callable[[], None]) -> int:
        number = next(self._numbers)
        heapq.heappush(self._due, (at, number, action))
        return number

    def _on_the_wire(self, delay_s: float, action: Callable[[], None]) -> None:
        """The same, for what has to pass the network: an outage holds it up, and good behaviour lets it through."""
        is_held_up = self.stalled_until > self.now or delay_s > _QUICK_S
        number = self._at(max(self.now + delay_s, self.stalled_until), action)
        if is_held_up:
            self._held_up.add(number)

    def run(self, for_s: float) -> None:
        """Let time pass."""
        end = self.now + for_s
        while True:
            due_at = self._due[0][0] if self._due else float("inf")
            deadline = self.presence.deadline if self.presence.deadline is not None else float("inf")
            at = min(due_at, deadline)
            if at > end:
                break
            self.now = max(self.now, at)
            if due_at <= deadline:
                heapq.heappop(self._due)[2]()
            else:
                self._carry_out(self.presence.tick(self.now))
        self.now = end

    def tell(self, fact: Fact) -> None:
        """Let the bot know something now."""
        before = self.presence.state
        actions = self.presence.handle(fact, self.now)
        if not isinstance(fact, VoiceServer):
            self.log.append(f"{self.now:7.3f} {fact} {before.value} -> {self.presence.state.value} {actions}")
        else:
            self.log.append(f"{self.now:7.3f} VoiceServer({fact.token}) {before.value} -> {self.presence.state.value}")
        self._carry_out(actions)

    def _carry_out(self, actions: list[Any]) -> None:
        for action in actions:
            match action:
                case Leave():
                    self._hear(None)
                case Ask(channel_id):
                    self._hear(channel_id)
                case Look(number):
                    self._look_up(number)
                case MakeLink():
                    assert self.link is None, "two links at once"
                    self._begin_link(action)
                case CutLink():
                    self.link = None
                case OpenRoom(channel_id):
                    assert self.room in (None, channel_id), "a room was not ended"
                    self.room = channel_id
                case EndRoom():
                    self.room = None
                case Answered(numbers):
                    for number in numbers:
                        assert number not in self.answers, f"wish {number} was answered twice"
                        self.answers[number] = action
                case Failed(drop):
                    assert drop.kind != "kicked" or self.kicks, "nobody has kicked us:\n" + "\n".join(self.log[-30:])
                    self.log.append(f"{self.now:7.3f} {action}")
                case _:
                    raise AssertionError(action)

    # The main gateway

    def _say(self, fact: Fact) -> None:
        """Send something to the bot: in order, late, and lost with the connection."""
        if not self.is_gateway_up:
            return
        epoch = self._epoch
        at = max(self.now + self.delay_s, self._last_said_at)
        self._last_said_at = max(at, self.stalled_until)
        self._on_the_wire(at - self.now, lambda: self.tell(fact) if epoch == self._epoch else None)

    def _hear(self, channel_id: ChannelId | None) -> None:
        """Take op 4."""
        if not self.is_gateway_up:
            return
        epoch = self._epoch
        self._on_the_wire(_QUICK_S, lambda: self._change_place(channel_id) if epoch == self._epoch else None)

    def _look_up(self, number: int) -> None:
        """Answer over REST, or not at all."""
        if not self.is_rest_down:
            place = self.place
            self._on_the_wire(_QUICK_S, lambda: self.tell(Seen(number, place)))

    def _change_place(self, channel_id: ChannelId | None) -> None:
        if channel_id == self.place or channel_id in self.full:
            return
        self.place = channel_id
        self._say(OwnPlace(channel_id, "session", is_link_fresh=self._is_fresh()))
        if channel_id is None:
            self._end_voice(None)
        else:
            self.name_server()

    def _is_fresh(self) -> bool:
        return self.link is not None and not self.link.is_silent

    def name_server(self) -> None:
        """Send the bot to a (new) voice server; the old one lets it go."""
        self._token = f"token {next(self._numbers)}"
        if not self.is_mute_about_servers:
            self._say(VoiceServer(self._token, "voice.example"))

    # The voice server

    def _begin_link(self, action: MakeLink) -> None:
        link = self.link = Link(action.number, action.server.token)
        if not self.is_deaf_to_discovery:
            self._after(0.03, lambda: self._shake_hands(link))

    def _shake_hands(self, link: Link) -> None:
        if self.link is not link:
            return
        if self.stalled_until > self.now:
            return  # a datagram that got lost in the outage
        if link.token != self._token or self.place is None:
            self.tell(LinkEnded(link.number, Drop("closed", "closed with 4006", 4006)))
        else:
            link.is_up = True
            self.tell(LinkUp(link.number))

    def _end_voice(self, code: int | None) -> None:
        self._token = ""
        link = self.link
        if link is not None:
            self._after(0.02, lambda: self._close(link, code or 4014))

    def _close(self, link: Link, code: int | None) -> None:
        if self.link is link:
            kind = f"closed with {code}"
            self.tell(LinkEnded(link.number, Drop("closed", kind, code)))

    # What can happen

    def wish(self, number: int, channel_id: ChannelId | None, *, stands: bool = False) -> None:
        self.tell(Wish(number, channel_id, stands=stands))

    def kick(self) -> None:
        if self.place is None:
            return
        self.place = None
        self.kicks += 1
        self._say(OwnPlace(None, "session", is_link_fresh=self._is_fresh()))
        self._end_voice(4014)

    def move(self, channel_id: ChannelId) -> None:
        if self.place is None or self.place == channel_id:
            return
        self.place = channel_id
        facts = [OwnPlace(channel_id, "session")]
        self._token = f"token {next(self._numbers)}"
        facts_of_server = [] if self.is_mute_about_servers else [VoiceServer(self._token, "voice.example")]
        both: list[Fact] = [*facts, *facts_of_server]
        if self.dice.random() < 0.5:
            both.reverse()
        for fact in both:
            self._say(fact)
        link = self.link
        if link is not None:
            self._after(0.02, lambda: self._close(link, 4014))

    def change_server(self) -> None:
        if self.place is None:
            return
        kind = self.dice.randrange(4)
        if kind == 0:
            self._say(VoiceServer("", None))
        self.name_server()
        if kind == 1:
            self._after(0.03, self.name_server)
        link = self.link
        if link is None:
            return
        if kind == 2:
            link.is_silent = True
            self._after(SILENT_S, lambda: self._close(link, None))
        else:
            self._after(0.5, lambda: self._close(link, 4014))

    def close_voice(self, code: int | None) -> None:
        link = self.link
        if link is None:
            return
        if code not in (None, 4015):
            self._token = ""
        self._close(link, code)

    def go_silent(self) -> None:
        """The voice server dies without a word; the link notices after some seconds."""
        link = self.link
        if link is not None and link.is_up:
            link.is_silent = True
            self._after(SILENT_S, lambda: self._close(link, None))

    def stall(self, for_s: float) -> None:
        """The network is gone, and its connections are not: everything waits. A long one costs us our place."""
        self.stalled_until = max(self.stalled_until, self.now + for_s)
        link = self.link
        if link is not None:
            link.is_silent = True
            self._after(min(for_s, SILENT_S), lambda: self._close(link, None))
        if for_s > 27 and self.place is not None:
            self.place, self._token = None, ""
            self._say(OwnPlace(None, "session", is_link_fresh=False))

    def lose_gateway(self) -> None:
        if self.is_gateway_up:
            self.is_gateway_up = False
            self._epoch += 1
            self._last_said_at = 0.0
            self.tell(GatewayLost())

    def resume_gateway(self) -> None:
        """The session goes on: what was missed is told, then that it goes on."""
        if self.is_gateway_up:
            return
        self.is_gateway_up = True
        self._say(OwnPlace(self.place, "session", is_link_fresh=self._is_fresh()))
        if self.place is not None and self._token and not self.is_mute_about_servers:
            self._say(VoiceServer(self._token, "voice.example"))
        self._say(GatewayBack())

    def renew_gateway(self) -> None:
        """A new session: the old one's place is given up by Discord."""
        self.lose_gateway()
        self.is_gateway_up = True
        self.tell(GatewayRenewed())
        if self.dice.random() < 0.5:
            self.place, self._token = None, ""
        self._say(OwnPlace(self.place, "session", is_link_fresh=False))  # it stands in the guild's description
        self._say(GatewayBack())

    def behave(self) -> None:
        """From now on everything is as it should be."""
        self.delay_s, self._last_said_at = 0.05, 0.0
        self.stalled_until = self.now
        # What was held up arrives now, in its order.
        self._due = [(self.now + _QUICK_S if n in self._held_up else at, n, act) for at, n, act in self._due]
        heapq.heapify(self._due)
        self._held_up.clear()
        self.is_deaf_to_discovery = self.is_mute_about_servers = self.is_rest_down = False
        self.full.clear()
        self.refused.clear()
        self.resume_gateway()

    @property
    def is_well(self) -> bool:
        """Tell whether Discord has nothing against us at the moment, and all is said."""
        return (
            self.is_gateway_up
            and not self._due
            and not self.full
            and not self.refused
            and not self.is_deaf_to_discovery
            and not self.is_mute_about_servers
        )

    def complaint(self) -> str:
        """Say what is wrong with where the bot is; empty if it is where it wants to be."""
        presence, link = self.presence, self.link
        if self.place != presence.wish:
            return f"Discord has us in {self.place}, wanted is {presence.wish}"
        if self.room != presence.wish:
            return f"the room is {self.room}, wanted is {presence.wish}"
        if presence.wish is None:
            return "" if link is None else "a link is left over"
        if link is None or not link.is_up or link.is_silent or link.token != self._token:
            return f"the link is {link}, the token is {self._token}"
        return ""
