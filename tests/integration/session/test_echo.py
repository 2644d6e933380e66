"""The bot hears itself: a microphone that returns what it says neither stops it nor makes it answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.integration.session.test_barge_in import peaks, with_early_words
from tests.support.hall import Hall, open_hall
from tests.support.microphones import OpenMicrophone, clip
from tests.support.voices import LoudnessDetector, tone_pcm
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.core.ids import UserId
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.integration

ANSWER = "The weather in Boston is fine today. A light wind from the west. It will rain tomorrow morning."


# By whom, how late, how loud. CI has three of them.
IN_CI = {(1, 0.08, -6.0), (1, 0.4, -20.0), (2, 0.2, -6.0)}
GRID = [
    pytest.param(who, delay_s, level_db, marks=() if (who, delay_s, level_db) in IN_CI else pytest.mark.whole)
    for who in (1, 2)
    for delay_s in (0.08, 0.2, 0.4)
    for level_db in (-6.0, -20.0)
]


class Sharp(LoudnessDetector):
    """Hears speech at -50 dBFS, as Silero does."""

    LOUD = 100


@asynccontextmanager
async def echoing(
    *, delay_s: float, level_db: float, who: int = 1, **barge_in: object
) -> AsyncIterator[tuple[Hall, UserId, OpenMicrophone]]:
    """Open a room in which the voice of the bot is a person's, and ``who`` has a loudspeaker at the microphone."""
    settings = Settings(barge_in=BargeInSettings(**barge_in))  # type: ignore[arg-type]
    async with open_hall(
        answer=ANSWER,
        settings=settings,
        point=with_early_words,
        change=lambda tools: attrs.evolve(tools, new_detector=Sharp),
    ) as hall:
        hall.stt.script = attrs.evolve(hall.stt.script, extension=True, has_partials=False, peek_delay_s=0.15)
        hall.tts.synthesize = lambda _text, number: clip(number)[: 24_000 * 2 * 3]
        users = [hall.port.join(1, "Ada"), hall.port.join(2, "Ben")]
        await trio.sleep(1)
        microphone = OpenMicrophone(hall.port, users[who - 1], delay_s=delay_s, level_db=level_db)
        hall.nursery.start_soon(microphone.run)
        yield hall, users[0], microphone


async def asked(hall: Hall, ada: UserId, microphone: OpenMicrophone) -> None:
    """Let Ada ask, and wait until the answer sounds; what is heard from then on is its echo."""
    hall.stt.script.text = "what is the weather"
    questions = len(hall.agent.questions)
    voiced = len(hall.port.voice)
    if microphone.user == ada:
        microphone.say(tone_pcm(1.0))
    else:
        await hall.say(ada)
    await hall.port.wait_for(lambda: len(hall.agent.questions) > questions)
    # what a speech server makes of the echo: what was said in the last seconds, one word of it wrong
    sent = hall.room.mouth.sent
    hall.stt.script.text = lambda _heard: sent.said_since(trio.current_time() - 3.0).replace("fine", "find")
    await hall.port.wait_for(lambda: len(hall.port.voice) > voiced)


@pytest.mark.parametrize(("who", "delay_s", "level_db"), GRID)
async def test_an_echo_neither_stops_it_nor_is_answered(
    who: int, delay_s: float, level_db: float, autojump_clock: trio.testing.MockClock
) -> None:
    """By the asker and by others; each answer is heard to its end, and of the second echo the room is told, once."""
    async with echoing(delay_s=delay_s, level_db=level_db, who=who) as (hall, ada, microphone):
        for number in range(3):
            hall.agent.plans.append(agent(words(ANSWER)))
            await asked(hall, ada, microphone)
            await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
            await trio.sleep(3)
            assert [each.outcome for each in hall.reports].count("answered") == number + 1, [
                (each.outcome, each.heard) for each in hall.reports
            ]
        assert {each.outcome for each in hall.reports} == {"answered", "echo"}
        assert len(hall.agent.questions) == 3
        assert hall.tools.counters.barge_ins == 0
        name = ("Ada", "Ben")[who - 1]
        assert [name in text and "my own voice" in text for _, text in hall.port.posted] == [True]


@pytest.mark.parametrize(
    ("delay_s", "level_db"),
    [(delay_s, level_db) for _, delay_s, level_db in (each.values for each in GRID[:6])],  # those by the asker
)
@pytest.mark.parametrize("is_known", [False, True])
async def test_words_over_the_echo_come_through(
    delay_s: float, level_db: float, is_known: bool, autojump_clock: trio.testing.MockClock
) -> None:
    """Who talks over the echo interrupts, the first time and when the echo is known; only the own words are asked."""
    async with echoing(delay_s=delay_s, level_db=level_db) as (hall, ada, microphone):
        for _ in range(2 if is_known else 0):
            hall.agent.plans.append(agent(words(ANSWER)))
            await asked(hall, ada, microphone)
            await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
            await trio.sleep(3)
        hall.agent.plans.append(agent(words(ANSWER)))
        await asked(hall, ada, microphone)
        await trio.sleep(2)
        began = trio.current_time()
        microphone.say(clip(3)[: 24_000 * 2 * 2])
        hall.stt.script.text = "the weather in Boston is but what about Friday"
        await hall.port.wait_for(lambda: any(each.outcome == "interrupted" for each in hall.reports), 20)
        cut_after_s = max(frame.at for frame in hall.port.voice) - began
        assert cut_after_s < 1.5, f"it spoke on for {cut_after_s:.2f} s"
        await hall.port.wait_for(lambda: hall.agent.questions[-1].text != "what is the weather", 20)
        assert hall.agent.questions[-1].text == "but what about Friday"


@pytest.mark.parametrize(("delay_s", "level_db"), [(0.08, -6.0), (0.4, -20.0)])
async def test_words_of_another_over_the_echo_are_answered_and_cut_nothing(
    delay_s: float, level_db: float, autojump_clock: trio.testing.MockClock
) -> None:
    """Ben talks over what his loudspeaker says to Ada: her answer is heard whole, and his own words are asked."""
    async with echoing(delay_s=delay_s, level_db=level_db, who=2) as (hall, ada, microphone):
        await asked(hall, ada, microphone)
        await trio.sleep(2)
        microphone.say(clip(3)[: 24_000 * 2 * 2])
        hall.stt.script.text = "the weather in Boston is but what about Friday"
        await hall.port.wait_for(lambda: len(hall.agent.questions) == 2, 20)
        assert hall.agent.questions[-1].text == "but what about Friday"
        await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
        first = next(each for each in hall.reports if each.user_id == ada)
        assert (first.outcome, first.spoken) == ("answered", ANSWER)
        assert hall.tools.counters.barge_ins == 0


async def test_after_the_first_echoes_the_voice_is_lowered_no_more(autojump_clock: trio.testing.MockClock) -> None:
    """A known echo that is as loud as a voice does not make ours go up and down: the third answer sounds as usual."""
    async with echoing(delay_s=0.2, level_db=0.0) as (hall, ada, microphone):
        hall.tts.synthesize = lambda _text, _number: clip(0)[: 24_000 * 2 * 3]
        sound: list[int] = []
        for _number in range(3):
            hall.agent.plans.append(agent(words(ANSWER)))
            frames = len(hall.port.frames)
            await asked(hall, ada, microphone)
            await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
            sound.append(sum(peaks(hall.port.frames[frames:])))
            await trio.sleep(3)
    assert sound[0] < 0.9 * sound[2], "the first one is lowered: nobody knows yet"
    assert sound[2] == pytest.approx(max(sound), rel=0.05)
