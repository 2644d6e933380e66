"""The port's own decisions: cutting long messages, and who counts as here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.call.events import MemberJoined, MemberLeft, VoiceEnded, VoiceEvent
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.port import DiscordVoicePort, split_message

pytestmark = pytest.mark.unit


@given(st.text(max_size=9000))
def test_split_message_fits_discord_and_loses_no_word(text):
    """At most three messages of at most 2000 characters, none blank, and the words in order."""
    pieces = split_message(text)
    assert len(pieces) <= 3
    assert all(0 < len(piece) <= 2000 and piece.strip() for piece in pieces)
    told = "".join("".join(pieces).removesuffix(" …").split())
    assert "".join(text.split()).startswith(told)
    if len(text) <= 2000:
        assert pieces == ([text.strip()] if text.strip() else [])


def test_split_message_cuts_at_words():
    """Words stay whole where they can."""
    pieces = split_message("word " * 700)
    assert [set(piece.split()) for piece in pieces] == [{"word"}, {"word"}]


def test_split_message_of_a_flood_says_that_it_was_cut():
    """The third message ends with an ellipsis."""
    assert split_message("x" * 20_000)[-1].endswith(" …")


async def _post(_channel: ChannelId, _text: str) -> None:
    raise RuntimeError("Discord said no")


def make_port() -> tuple[DiscordVoicePort, VoiceCounters]:
    counters = VoiceCounters()
    return DiscordVoicePort(GuildId(1), ChannelId(2), counters, _post, str), counters


async def test_port_without_a_connection_holds_frames():
    """Between two connections nothing leaves, and it is counted."""
    port, counters = make_port()
    assert not port.can_send
    assert not port.send_frame(b"x")
    port.begin_burst()
    port.skip_frames(3)
    port.end_burst()
    assert counters.plaintext_held == 1


async def test_port_post_text_never_raises():
    """A refusal is counted."""
    port, counters = make_port()
    await port.post_text("hello")
    await port.post_text("   ")
    assert counters.posts_failed == 1


async def test_port_tells_differences_only():
    """After a rejoin only those who came or went meanwhile are announced."""
    port, _ = make_port()
    ada, bob, eve = (MemberJoined(UserId(n), str(n), is_bot=False) for n in (1, 2, 3))
    port.see_members([ada, bob], 0.0)
    port.see_members([bob, eve], 1.0)
    port.member_joined(bob)
    port.tell_departures(2.9)
    port.tell_departures(3.0)
    port.close()
    events: list[VoiceEvent] = []
    with port.listening(events.append):
        assert events == [ada, bob, eve, MemberLeft(UserId(1)), VoiceEnded()]
