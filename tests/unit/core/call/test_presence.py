"""Where we are, fact by fact, with exact times: what has to follow at once, and what is said of a failure."""

from __future__ import annotations

import attrs
import pytest

from voxbridge.core.call.facts import (
    Action,
    Answered,
    Ask,
    CutLink,
    EndRoom,
    Failed,
    LinkEnded,
    LinkUp,
    MakeLink,
    OpenRoom,
    OwnPlace,
    VoiceServer,
    Wish,
)
from voxbridge.core.call.presence import Presence
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.call.table import State
from voxbridge.core.ids import ChannelId

pytestmark = pytest.mark.unit

HERE, THERE = ChannelId(1), ChannelId(2)


@attrs.define
class World:
    """What can be seen of the channels."""

    full: set[ChannelId] = attrs.field(factory=set)

    def refusal(self, channel_id: ChannelId) -> None:  # noqa: ARG002 - nothing keeps us out
        return None

    def exists(self, channel_id: ChannelId) -> bool:  # noqa: ARG002
        return True

    def is_full(self, channel_id: ChannelId) -> bool:
        return channel_id in self.full


def asking(world: World, *, stands: bool = False) -> Presence:
    """Return a presence that has asked for a channel at time 0, as wish 1."""
    presence = Presence(world, rng=lambda: 1.0)
    assert presence.handle(Wish(1, HERE, stands=stands), 0.0) == [Ask(HERE)]
    return presence


def inside(world: World | None = None) -> Presence:
    """Return a presence whose link has stood since time 1."""
    presence = asking(world or World(), stands=True)
    presence.handle(OwnPlace(HERE, "session"), 0.5)
    assert kinds(presence.handle(VoiceServer("a", "server.example"), 0.5)) == [MakeLink]
    assert kinds(presence.handle(LinkUp(1), 1.0)) == [OpenRoom, Answered]
    return presence


def kinds(actions: list[Action]) -> list[type[Action]]:
    return [type(action) for action in actions]


def failures(actions: list[Action]) -> list[str]:
    return [action.drop.reason for action in actions if isinstance(action, Failed)]


@pytest.mark.parametrize("code", [4014, 4022])
def test_a_server_that_is_on_its_way_is_followed_when_it_comes(code: int) -> None:
    """4014 first, the new voice server 0.4 s later: the new link is made in that step, and nothing is asked before."""
    presence = inside()
    assert kinds(presence.handle(LinkEnded(1, Drop("closed", "let go", code)), 100.0)) == [CutLink]
    assert (presence.state, presence.deadline) == (State.HELD, 103.5)
    (link,) = presence.handle(VoiceServer("b", "other.example"), 100.4)
    assert link == MakeLink(2, HERE, "session", VoiceServer("b", "other.example"))


def test_a_server_that_came_before_the_close_is_followed_already() -> None:
    """The other order: the link to the old one is cut with the news, and its 4014 is nobody's any more."""
    presence = inside()
    assert kinds(presence.handle(VoiceServer("b", "other.example"), 100.0)) == [CutLink, MakeLink]
    assert presence.handle(LinkEnded(1, Drop("closed", "let go", 4014)), 100.1) == []
    assert presence.state is State.LINKING


def test_a_kick_is_one_whichever_word_comes_first() -> None:
    """Before the close and behind it; the room ends in that step."""
    for doubt_first in (True, False):
        presence = inside()
        if doubt_first:
            presence.handle(LinkEnded(1, Drop("closed", "let go", 4014)), 100.0)
        actions = presence.handle(OwnPlace(None), 103.0)
        assert failures(actions) == ["removed from the channel by somebody"]
        assert EndRoom in kinds(actions)
        assert (presence.state, presence.wish, presence.deadline) == (State.OUT, None, None)


def test_a_channel_is_called_full_only_if_it_is() -> None:
    """Discord does not say why it does not answer: full where no place is left, else only that nothing came."""
    for full, reason in (({HERE}, "the channel is full"), (set[ChannelId](), "Discord did not answer within 5 s")):
        presence = asking(World(full))
        assert presence.tick(4.9) == []
        assert failures(presence.tick(5.0)) == [reason]


def test_a_command_that_fails_brings_back_what_was_before_and_only_that() -> None:
    """/join of a channel that does not answer: back to the old one. A newer wish in the meantime is not undone."""
    presence = inside()
    presence.handle(Wish(2, THERE), 10.0)
    presence.handle(OwnPlace(None), 10.1)
    presence.tick(15.1)
    assert presence.wish == HERE
    presence = inside()
    presence.handle(Wish(2, THERE), 10.0)
    presence.handle(Wish(3, None), 11.0)
    presence.tick(15.1)
    assert presence.wish is None
