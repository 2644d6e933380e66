"""Speakers without pauses: a radio, a music bot, somebody who reads a book aloud."""

from __future__ import annotations

import attrs
import pytest
import trio
import trio.testing

from tests.support.hall import open_hall
from tests.support.voices import tone_packets
from voxbridge.config.settings import Settings

pytestmark = pytest.mark.integration

LIMIT_S = 10
BASE = Settings()
SHORT = attrs.evolve(BASE, endpointing=attrs.evolve(BASE.endpointing, max_utterance_ms=LIMIT_S * 1000))
SECOND = tone_packets(50)


async def test_a_radio_is_told_of_once_and_heard_again_after_a_pause(autojump_clock: trio.testing.MockClock) -> None:
    """Two minutes without a pause: one line in the channel, no question grows, and what follows a pause is answered."""
    async with open_hall(settings=SHORT, agent_s=1.0) as hall:
        hall.stt.script.text = "la la la"
        radio = hall.port.join(1, "Radio")
        await trio.sleep(1)
        began = trio.current_time()
        await hall.port.speak(radio, SECOND * 120)
        (told,) = hall.port.posted
        assert told[0] - began == pytest.approx(2 * LIMIT_S, abs=0.2), f"told after {told[0] - began:.2f} s"
        assert told[1].startswith("I have heard Radio for 20 s without a pause")
        assert sum(len(report.heard) for report in hall.reports) <= len("la la la") * 2
        assert hall.stt.packets.total() <= 50 * (2 * LIMIT_S + 1), "nothing is sent that nobody will read"
        await trio.sleep(5)
        hall.stt.script.text = "what time is it"
        turns = len(hall.reports)
        await hall.port.speak(radio, SECOND * 2)
        report = await hall.wait_report(turns)
        assert (report.outcome, report.heard) == ("answered", "what time is it")
        await hall.port.speak(radio, SECOND * 40)
        assert len(hall.port.posted) == 1, "it is said once"


async def test_a_radio_interrupts_nobody(autojump_clock: trio.testing.MockClock) -> None:
    """Somebody else is answered while it plays, to the end, though anyone may interrupt."""
    settings = attrs.evolve(SHORT, barge_in=attrs.evolve(SHORT.barge_in, by="anyone"))
    async with open_hall(settings=settings) as hall:
        radio, ada = hall.port.join(1, "Radio"), hall.port.join(2, "Ada")
        await trio.sleep(1)
        hall.nursery.start_soon(hall.port.speak, radio, SECOND * 60)
        await trio.sleep(2.5 * LIMIT_S)
        turns = len(hall.reports)
        await hall.say(ada)
        report = await hall.wait_report(turns)
        assert (report.user_id, report.outcome) == (ada, "answered")


async def test_a_long_story_is_answered(autojump_clock: trio.testing.MockClock) -> None:
    """One and a half times the limit, then a pause: one answer, to both parts."""
    async with open_hall(settings=SHORT, agent_s=3.0) as hall:
        hall.stt.script.text = ["once upon a time", "the end"]
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.port.speak(ada, SECOND * 15)
        await hall.port.wait_for(lambda: any(report.outcome == "answered" for report in hall.reports))
        assert hall.reports[-1].heard == "once upon a time the end"
        assert hall.port.posted == []
