"""A voice far behind the speaker's, by the same microphone, in virtual time: it ends nothing and is not answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.voices import LoudnessDetector, tone_pcm
from voxbridge.audio.opus import encode_speech
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.session.context import Tools

pytestmark = pytest.mark.integration

LONG = "This is a very long answer that goes on and on. " * 6


class KeenDetector(LoudnessDetector):
    """Hears a voice in what is 20 dB softer, too."""

    LOUD = 100


def with_keen_ears(tools: Tools) -> Tools:
    return attrs.evolve(tools, new_detector=KeenDetector)


def far_packets(frames: int, db: float = -20.0) -> list[bytes]:
    """Make packets of the tone that people are here, so many dB softer."""
    return encode_speech(tone_pcm(frames * FRAME_S, scale=round(16_000 * 10 ** (db / 20))))


@asynccontextmanager
async def answering(**barge_in: object) -> AsyncIterator[tuple[Hall, UserId]]:
    """Open a room in which Ada has asked, for a second, and hears the answer for 1.3 s."""
    settings = Settings(barge_in=BargeInSettings(**barge_in))  # type: ignore[arg-type]
    async with open_hall(answer=LONG, settings=settings, change=with_keen_ears) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada, 60)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 64)
        yield hall, ada


@pytest.mark.parametrize("policy", ["duck", "yield"])
async def test_a_voice_far_behind_ends_nothing_and_is_not_answered(
    policy: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Two seconds of it, with words, over an answer: all of the answer is heard, and no agent is asked."""
    async with answering(policy=policy) as (hall, ada):
        hall.stt.script.text = "the price of coffee has gone up again"
        began = trio.current_time()
        await hall.port.speak(ada, far_packets(100))
        await hall.wait_report(1)
        outcomes = {report.outcome: report for report in hall.reports}
        assert set(outcomes) == {"answered", "background"}
        assert outcomes["answered"].spoken == LONG.strip()
        pauses = [b.at - a.at for a, b in pairwise(hall.port.voice) if b.at > began]
        assert max(pauses) <= (0.5 if policy == "yield" else FRAME_S + 1e-6), "held until it was known what it was"
        assert len(hall.agent.questions) == 1
        assert hall.tools.counters.background == 1


async def test_a_voice_far_behind_is_not_answered_in_a_silence_either(autojump_clock: trio.testing.MockClock) -> None:
    """And while the agent thinks it takes nothing back."""
    async with open_hall(answer="Yes.", change=with_keen_ears) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada, 60)
        await trio.sleep(0.55)  # the turn is decided and has not sounded
        await hall.port.speak(ada, far_packets(100))
        await hall.wait_report(1)
        await trio.sleep(5)
        await hall.port.speak(ada, far_packets(100))
        await hall.wait_report(2)
        assert sorted(report.outcome for report in hall.reports) == ["answered", "background", "background"]
        assert len(hall.agent.questions) == 1


async def test_the_speaker_is_heard_over_a_voice_far_behind(autojump_clock: trio.testing.MockClock) -> None:
    """While a television goes on, Ada's own words cut the answer and are answered."""
    async with answering() as (hall, ada):
        hall.stt.script.text = "but what about Friday"
        own = encode_speech(tone_pcm(1.0))
        await hall.port.speak(ada, [*far_packets(100), *own])
        await hall.wait_report(1)
        assert [report.outcome for report in hall.reports] == ["interrupted", "answered"]


@pytest.mark.parametrize(("said", "outcomes"), [("Stop!", {"interrupted", "stop-word"}), ("", {"answered"})])
async def test_a_stop_word_counts_from_far_behind(
    said: str, outcomes: set[str], autojump_clock: trio.testing.MockClock
) -> None:
    """From across the room it passes this gate as it passes all others."""
    async with answering() as (hall, ada):
        hall.stt.script.text = said
        await hall.port.speak(ada, far_packets(40))
        await hall.wait_report(1)
        assert outcomes <= {report.outcome for report in hall.reports}
        assert len(hall.agent.questions) == 1


async def test_our_name_from_far_behind_is_answered(autojump_clock: trio.testing.MockClock) -> None:
    """And after it Ada, who sits further away now, is heard as she was."""
    async with answering() as (hall, ada):
        await hall.wait_report(0)
        await trio.sleep(2)
        hall.stt.script.text = "VoxBridge, are you there?"
        await hall.port.speak(ada, far_packets(60))
        assert (await hall.wait_report(1)).outcome == "answered"
        await trio.sleep(2)
        hall.stt.script.text = "what about Friday"
        await hall.port.speak(ada, far_packets(60))
        assert (await hall.wait_report(2)).outcome == "answered"


async def test_background_db_0_hears_everybody(autojump_clock: trio.testing.MockClock) -> None:
    """Who shares a microphone with a room has all voices answered."""
    async with answering(background_db=0.0) as (hall, ada):
        hall.stt.script.text = "the price of coffee has gone up again"
        await hall.port.speak(ada, far_packets(100))
        await hall.wait_report(1)
        assert [report.outcome for report in hall.reports] == ["interrupted", "answered"]
