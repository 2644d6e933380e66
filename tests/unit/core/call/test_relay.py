"""The relay: each event in its own step, in order, bounded, and never without a change of who is there."""

from __future__ import annotations

import pytest

from voxbridge.core.call.events import MemberJoined, MemberLeft, SpeakingChanged, VoiceEnded, VoiceEvent
from voxbridge.core.call.relay import CAPACITY, Relay
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import OpusPacket

pytestmark = pytest.mark.unit

ADA = UserId(1)


def packet(number: int) -> OpusPacket:
    return OpusPacket(ADA, number, number * 960, b"x", float(number))


def test_an_event_is_heard_in_the_step_in_which_it_is_told() -> None:
    """The listener has it when ``tell`` returns, in the order of telling, also what came before it listened."""
    relay = Relay(lambda _: None)
    told: list[VoiceEvent] = [MemberJoined(ADA, "Ada", is_bot=False), SpeakingChanged(ADA, is_speaking=True)]
    for event in told:
        relay.tell(event)
    heard: list[VoiceEvent] = []
    with relay.listening(heard.append):
        assert heard == told
        for event in (packet(1), MemberLeft(ADA), VoiceEnded()):
            relay.tell(event)
            assert heard[-1] is event


def test_what_finds_nobody_is_kept_but_for_the_oldest_packets() -> None:
    """A room that starts again finds all members, the newest packets in order, and a count of the rest."""
    dropped: list[int] = []
    relay = Relay(dropped.append)
    with relay.listening(lambda _: None):
        pass
    members: list[VoiceEvent] = []
    for number in range(3000):
        if number % 100 == 0:
            members.append(MemberJoined(UserId(number), "", is_bot=False))
            relay.tell(members[-1])
        relay.tell(packet(number))
    heard: list[VoiceEvent] = []
    with relay.listening(heard.append):
        assert len(heard) <= CAPACITY + len(members)
    assert [event for event in heard if isinstance(event, MemberJoined)] == members
    numbers = [event.sequence for event in heard if isinstance(event, OpusPacket)]
    assert numbers == list(range(3000 - len(numbers), 3000))
    assert sum(dropped) == 3000 - len(numbers)
    assert numbers, "the newest are kept"
