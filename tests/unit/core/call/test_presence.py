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
    assert kinds(presence.handle(LinkEnded(1, Drop("closed", "let go", code)), 100.0)) == [CutLink, Look]
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


@pytest.mark.parametrize("code", [4014, 4022])
def test_who_was_let_go_and_is_in_the_channel_still_joins_again_at_once(code: int) -> None:
    """4014, and Discord has us where we were: 0.3 s for another voice server to be named, and then we begin anew."""
    presence = inside()
    presence.handle(LinkEnded(1, Drop("closed", "let go", code)), 100.0)
    assert presence.handle(Seen(1, HERE), 100.1) == []
    assert presence.deadline == pytest.approx(100.4)
    assert presence.tick(100.39) == []
    assert kinds(presence.tick(100.41)) == [Failed, Leave]
    assert presence.state is State.REJOINING


def test_who_was_let_go_and_is_in_no_channel_waits_for_the_reason() -> None:
    """Discord has us nowhere: that may be a kick, or our session that was lost; only the main gateway knows."""
    presence = inside()
    presence.handle(LinkEnded(1, Drop("closed", "let go", 4014)), 100.0)
    assert presence.handle(Seen(1, None), 100.1) == []
    assert (presence.state, presence.deadline) == (State.HELD, 103.5)
    assert failures(presence.handle(OwnPlace(None), 103.0)) == ["removed from the channel by somebody"]


def test_what_discord_says_of_an_older_link_changes_nothing() -> None:
    """The answer comes when the next link stands, or is let go in its turn; no answer at all: 3.5 s, as before."""
    presence = inside()
    presence.handle(LinkEnded(1, Drop("closed", "let go", 4014)), 100.0)
    presence.handle(VoiceServer("b", "other.example"), 100.4)
    assert presence.handle(Seen(1, None), 100.5) == []
    presence.handle(LinkUp(2), 100.6)
    presence.handle(LinkEnded(2, Drop("closed", "let go", 4014)), 101.0)
    assert presence.handle(Seen(1, None), 101.1) == []
    assert (presence.state, presence.deadline) == (State.HELD, 104.5)


@pytest.mark.parametrize(("held_for_s", "again_in_s"), [(0.0, 0.25), (0.2, 0.05), (100.0, 0.0)])
def test_a_link_that_held_needs_no_further_pause(held_for_s: float, again_in_s: float) -> None:
    """Closed with 1000: the time that the link held is taken off the pause, which is there for what fails at once."""
    presence = inside()
    (failed,) = [
        action
        for action in presence.handle(LinkEnded(1, Drop("closed", "normal", 1000)), 1.0 + held_for_s)
        if isinstance(action, Failed)
    ]
    assert failed.again_in_s == pytest.approx(again_in_s)


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
