"""A speech server that says nothing, in whole turns: what was said is not lost without a word. In virtual time."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.apology import APOLOGY, hears_apology
from tests.support.hall import ANSWER, open_hall
from tests.support.notices import TEXTS
from tests.support.stages import ScriptedStt
from tests.support.stt_kinds import HOST, KINDS, PORT
from voxbridge.core.health.outages import Back, Down
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.whisperlive import WhisperLiveServer

pytestmark = pytest.mark.integration

WHISPERLIVE = KINDS["whisperlive"]


async def test_the_line_is_told_how_long_a_voice_was_heard(autojump_clock: trio.testing.MockClock) -> None:
    """A second of voice is a second, whatever silence stands round it."""
    stt = ScriptedStt()
    async with open_hall(change=lambda tools: attrs.evolve(tools, stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(0.5)
        await hall.say(ada, 50)
        await hall.wait_report()
    [voiced_s] = stt.voiced_s
    assert voiced_s == pytest.approx(1.0, abs=0.05)


async def test_a_cold_whisperlive_ends_no_turn_as_if_nothing_had_been_said(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Apology and notice while it is silent, each turn anew; "I can hear again" with the first words, not before."""
    net = MemNet().install()
    script = HearingScript("hello there", is_mute=True)
    async with (
        WhisperLiveServer(script).running(HOST, PORT),
        open_hall(
            net=net,
            apology=APOLOGY,
            point=lambda settings: attrs.evolve(settings, stt=WHISPERLIVE.settings()),
        ) as hall,
    ):
        ada = hall.port.join(1)
        await trio.sleep(0.5)
        for number in range(2):
            await hall.say(ada)
            report = await hall.wait_report(number)
            assert report.outcome == "failed"
            assert "no answer within the total deadline of 5000 ms" in (report.error or "")
            assert report.first_audio is not None
            # the server was asked 1 s before the turn was decided
            assert report.first_audio.ms == pytest.approx(4000, abs=60), "the apology comes with the limit"
        assert hears_apology(hall.port.frames)
        assert [text for _, text in hall.port.posted] == [TEXTS[Down, "stt"]]
        script.is_mute = False
        await hall.say(ada)
        assert (await hall.wait_report(2)).spoken == ANSWER
        await trio.sleep(0.1)
        assert [text for _, text in hall.port.posted] == [TEXTS[Down, "stt"], TEXTS[Back, "stt"]]
