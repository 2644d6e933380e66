"""The port's own decisions: what is held and counted, and who counts as here."""

from __future__ import annotations

import pytest

from voxbridge.core.call.events import MemberJoined, MemberLeft, VoiceEnded, VoiceEvent
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.port import DiscordVoicePort

pytestmark = pytest.mark.unit


async def _post(_channel: ChannelId, _text: str, _file: str | None) -> None:
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
