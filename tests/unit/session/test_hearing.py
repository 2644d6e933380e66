"""What comes before there is an ear: it is kept, and what matters most goes last."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from voxbridge.core.call.events import Unheard, VoiceDown
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SILENCE_OPUS, OpusPacket
from voxbridge.core.turns.endpointing import Endpointer
from voxbridge.session.counters import SessionCounters
from voxbridge.session.ear import Ear, EarEvent
from voxbridge.session.hearing import Hearing

pytestmark = pytest.mark.unit


class NotingEar(Ear):
    """Notes what it is told."""

    def __init__(self, told: list[str], counters: SessionCounters) -> None:
        super().__init__(Endpointer(), NoDetector(), counters)
        self._told = told

    def push(self, packet: OpusPacket) -> None:  # noqa: ARG002
        self._told.append("packet")

    def pull(self, now: float) -> list[EarEvent]:  # noqa: ARG002
        return []

    def on_unheard(self, seconds: float) -> None:  # noqa: ARG002
        self._told.append("unheard")

    def cut_off(self, now: float) -> list[EarEvent]:  # noqa: ARG002
        self._told.append("down")
        return []


class NoDetector:
    def feed(self, pcm: bytes) -> list[float]:  # noqa: ARG002
        return []

    def reset(self) -> None:
        pass


def packet(number: int) -> OpusPacket:
    return OpusPacket(UserId(1), number, number * 960, SILENCE_OPUS, number * 0.02)


async def test_the_news_that_the_connection_went_is_not_dropped(nursery: trio.Nursery) -> None:
    """A thousand packets before there is an ear: the oldest go, and that the voice was down between them stays."""
    counters, told = SessionCounters(), list[str]()
    hearing = Hearing(lambda: NotingEar(told, counters), lambda _event, _ear: None, lambda: 0.0, counters)
    hearing.hear(packet(0))
    hearing.hear(VoiceDown("test"))
    hearing.hear(Unheard(1.0))
    for number in range(1, 1000):
        hearing.hear(packet(number))
    nursery.start_soon(hearing.run)
    await wait_all_tasks_blocked()
    assert told == ["down", "unheard", *["packet"] * 98]
    assert counters.dropped_packets == 902


async def test_bad_news_alone_is_bounded_too(nursery: trio.Nursery) -> None:
    """A connection that comes and goes a thousand times before there is an ear costs no memory."""
    counters, told = SessionCounters(), list[str]()
    hearing = Hearing(lambda: NotingEar(told, counters), lambda _event, _ear: None, lambda: 0.0, counters)
    for _ in range(1000):
        hearing.hear(VoiceDown("test"))
    nursery.start_soon(hearing.run)
    await wait_all_tasks_blocked()
    assert told == ["down"] * 100
    assert counters.dropped_packets == 0
