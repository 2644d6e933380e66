"""The outbox: in order, bounded, and never without a membership event."""

from __future__ import annotations

import pytest
import trio

from voxbridge.core.call.events import MemberJoined, MemberLeft, SpeakingChanged
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.discord.outbox import CAPACITY, Outbox

pytestmark = pytest.mark.unit

ADA = UserId(1)


def packet(number: int) -> OpusPacket:
    return OpusPacket(ADA, number, number * 960, b"x", float(number))


def drain(outbox: Outbox) -> list[object]:
    events = []
    while True:
        try:
            events.append(outbox.receive.receive_nowait())
        except trio.WouldBlock:
            return events


async def test_outbox_keeps_the_order_and_ends():
    """What was put comes out in that order, and closing ends the consumer after it has read everything."""
    outbox = Outbox(lambda _: None)
    put = [MemberJoined(ADA, "Ada", is_bot=False), SpeakingChanged(ADA, is_speaking=True), packet(1), MemberLeft(ADA)]
    for event in put:
        outbox.put(event)
    outbox.close()
    assert [event async for event in outbox.receive] == put


async def test_outbox_that_is_not_read_drops_the_oldest_packets_only():
    """A stalled room finds all members, the newest packets in order, and a count of the rest."""
    dropped = 0

    def count(number: int) -> None:
        nonlocal dropped
        dropped += number

    outbox = Outbox(count)
    members = []
    for number in range(3000):
        if number % 100 == 0:
            members.append(MemberJoined(UserId(number), "", is_bot=False))
            outbox.put(members[-1])
        outbox.put(packet(number))
        assert outbox.receive.statistics().current_buffer_used <= CAPACITY
    events = drain(outbox)
    assert [e for e in events if isinstance(e, MemberJoined)] == members
    numbers = [e.sequence for e in events if isinstance(e, OpusPacket)]
    assert numbers == list(range(3000 - len(numbers), 3000))
    assert dropped == 3000 - len(numbers)


async def test_outbox_whose_reader_is_gone_counts():
    """A crashed room raises nothing into the connection."""
    dropped = []
    outbox = Outbox(dropped.append)
    outbox.receive.close()
    outbox.put(packet(1))
    outbox.close()
    outbox.put(packet(2))
    assert dropped == [1, 1]
