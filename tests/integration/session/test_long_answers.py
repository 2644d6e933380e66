"""Answers that take minutes to be spoken: nobody is blamed for the time that sound plays. In virtual time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.stages import ScriptedAgent
from voxbridge.config.settings import Settings
from voxbridge.config.turns import TurnSettings
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.core.text.pauses import SENTENCE_MS
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import AgentRequest, AnswerSink
from voxbridge.testing.servers.chatterbox import PROMPT
from voxbridge.testing.servers.n8n_plans import Plan, agent, whole, words

pytestmark = pytest.mark.integration

EXACT = pytest.approx
# some 100 characters, 6 s of the simulated voice
SENTENCE = "Once there was a house on the shore, and nobody in the village knew who had built it or for whom it"
SECONDS_PER_CHARACTER = 0.06


def story(chars: int, sentence: str = SENTENCE) -> str:
    """Make a text of about so many characters, in numbered sentences."""
    sentences: list[str] = []
    while sum(map(len, sentences)) + len(sentences) < chars - 110:
        sentences.append(f"{sentence} {len(sentences) + 1}.")
    return " ".join(sentences)


def allowing(chars: int, **more: Any) -> Settings:
    return Settings(turn=TurnSettings(answer_chars_max=chars, **more))


async def ask(hall: Hall) -> TurnReport:
    ada = hall.port.join(1)
    await trio.sleep(1)
    await hall.say(ada)
    return await hall.wait_report(0, timeout_s=20_000)


def sound_s(text: str) -> float:
    """Return how long the simulated voice takes for a text: it hums for each character but the spaces between."""
    return len(text) * SECONDS_PER_CHARACTER


def longest_silence_s(hall: Hall) -> float:
    """Return the longest stretch without a frame of voice, within the answer."""
    return max(b.at - a.at for a, b in pairwise(hall.port.voice)) - FRAME_S


def plans(text: str) -> dict[str, Plan]:
    tokens = words(text)
    pace_s = sound_s(text) / len(tokens)
    return {
        "at once": agent(tokens, first_s=0.4),
        "faster than speech": agent(tokens, first_s=0.4, gap_s=pace_s / 2),
        "as fast as speech": agent(tokens, first_s=0.4, gap_s=pace_s * 0.95),
        "whole": whole({"output": text}, after_s=0.4),
    }


@pytest.mark.parametrize(
    ("pace", "chars"),
    [
        ("at once", 4000),
        ("faster than speech", 4000),
        ("as fast as speech", 4000),
        ("whole", 4000),
    ],
)
async def test_a_long_answer_is_heard_to_its_end(autojump_clock: trio.testing.MockClock, chars: int, pace: str) -> None:
    """Minutes of speech: every sentence is heard, there is no pause that a server did not make, and no notice."""
    text = story(chars)
    async with open_hall(settings=allowing(chars)) as hall:
        hall.agent.script = lambda _question: plans(text)[pace]
        report = await ask(hall)
        assert (report.outcome, report.error, report.failed_stage) == ("answered", None, None)
        assert report.spoken == report.answer == text
        assert hall.port.posted == []
        assert report.first_audio is not None
        sentences = text.split(". ")
        paused_s = SENTENCE_MS / 1000 * (len(sentences) - 1)
        assert len(hall.port.voice) * FRAME_S == EXACT(sum(map(sound_s, sentences)) + paused_s, rel=0.02)
        if pace in ("at once", "whole"):
            assert report.first_audio.ms == EXACT(440, abs=0.001)
            assert longest_silence_s(hall) == EXACT(0.0, abs=1e-9), "the voice paused though all the text was there"


async def test_a_plug_ins_answer_of_twenty_minutes(autojump_clock: trio.testing.MockClock) -> None:
    """20,000 characters in one piece, from an agent that somebody else brings: heard whole, without a pause."""
    text = story(20_000)
    stage = ScriptedAgent(outcomes=[text])
    async with open_hall(settings=allowing(20_000), change=lambda tools: attrs.evolve(tools, agent=stage)) as hall:
        report = await ask(hall)
        assert (report.outcome, report.error, report.spoken == text) == ("answered", None, True)
        assert len(hall.port.voice) * FRAME_S > 1100
        assert longest_silence_s(hall) == EXACT(0.0, abs=1e-9)
        assert hall.port.posted == []


async def test_text_is_read_ahead_of_the_speech(autojump_clock: trio.testing.MockClock) -> None:
    """The agent's answer is over within seconds, its connection with it, while four minutes of it are still to come."""
    text = story(4000)
    async with open_hall(settings=allowing(4000)) as hall:
        hall.agent.script = lambda _question: agent(words(text), first_s=0.4, gap_s=0.005)
        ada = hall.port.join(1)
        await trio.sleep(1)
        asked_at = await hall.say(ada)
        await hall.port.wait_for(lambda: bool(hall.agent.requests) and hall.agent.in_flight == 0)
        assert trio.current_time() - asked_at < 10, "the agent had to wait for the voice"
        report = await hall.wait_report(0, timeout_s=2000)
        assert (report.outcome, report.spoken) == ("answered", text)


async def test_an_agent_of_any_kind_is_cut_at_the_longest_answer(autojump_clock: trio.testing.MockClock) -> None:
    """A plug-in that goes on and on is stopped where no more may be written, and what came until then is told whole."""

    class Endless(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
            for _ in range(10_000):
                await super().answer(request, out)

    text = story(1000)
    stage = Endless(outcomes=[text] * 10_000, delay_s=0.01)
    async with open_hall(
        settings=allowing(2000, written_chars_max=0), change=lambda tools: attrs.evolve(tools, agent=stage)
    ) as hall:
        report = await ask(hall)
        assert (report.outcome, report.error) == ("answered", None)
        assert report.answer == (text * 3)[:2000]
        assert len(stage.requests) < 10


async def test_waiting_behind_somebody_elses_long_answer_costs_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Bob's long answer is ready, and waits for four minutes until Ada's has been heard: both are heard whole."""
    text = story(4000)
    async with open_hall(settings=allowing(4000), answer=text) as hall:
        ada, bob = hall.port.join(1), hall.port.join(2, "Bob")
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await hall.say(bob)
        await hall.wait_report(1, timeout_s=2000)
        assert [(report.outcome, report.spoken == text) for report in hall.reports] == [("answered", True)] * 2


async def test_a_voice_that_stays_away_is_asked_until_its_sound_has_been_played_and_no_longer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What is left of a sentence that ends within a frame is played with the next one: that is no sound to wait for."""
    text = (
        "The library opens at nine in the morning and closes at six in the evening. My sister bought a red bicycle last"
        " summer and rides it to work. The train to the coast leaves from platform seven in twenty minutes. Nobody"
        " remembers when the old bridge over the river was built. The doctor said that a long walk after dinner would"
        " be good for his heart. The children built a castle of sand near the water."
    )
    async with open_hall(answer=text) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 50)
        await hall.tts.stop()
        report = await hall.wait_report(0)
        assert (report.outcome, report.failed_stage) == ("failed", "tts")
        last = hall.port.voice[-1].at
        [(noticed_at, _), (posted_at, posted)] = hall.port.posted
        assert noticed_at <= posted_at <= last + 1.0, f"told {posted_at - last:.1f} s after the last sound"
        assert text.endswith(posted)


@pytest.mark.parametrize("chars", [4000])
async def test_what_the_limit_cuts_off_is_posted(autojump_clock: trio.testing.MockClock, chars: int) -> None:
    """A voice at half the pace of speech: after two minutes of pauses in all the rest is written, nobody is blamed."""
    text = story(chars, "The sea was grey and nobody came")
    async with open_hall(settings=allowing(chars)) as hall:
        hall.tts.timing = attrs.evolve(PROMPT, head_s=0.0, synthesis_s=0.0, synthesis_per_char_s=0.12)
        hall.agent.script = lambda _question: agent(words(text), first_s=0.4)
        report = await ask(hall)
        assert report.outcome == "timed-out"
        assert report.failed_stage is None
        assert report.error is not None
        assert "turn.limit_ms" in report.error
        [(_, posted)] = hall.port.posted
        assert text.endswith(posted)
        heard = report.spoken.split()
        assert text.split()[: len(heard)] == heard
        assert len(heard) + len(posted.split()) >= len(text.split()), "words were neither heard nor written"
        silences_s = report.marks["ended"] - report.marks["turn_decided"] - len(hall.port.voice) * FRAME_S
        assert silences_s == EXACT(120.0, abs=0.2)


async def test_an_agent_that_stops_in_mid_answer_is_given_up_by_its_own_limit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Sound that still plays hides nobody's silence: the idle limit runs from the last text that came."""
    text = story(2000)
    async with open_hall(settings=allowing(4000)) as hall:
        hall.agent.script = lambda _question: agent([text, " And then"], first_s=0.4, gap_s=1000)
        report = await ask(hall)
        assert (report.outcome, report.failed_stage) == ("failed", "agent")
        assert report.spoken.startswith(text)


async def test_an_answer_that_streams_is_not_cut_for_a_backup_that_nobody_asks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """With a backup behind it the agent has its share of the turn until its first text, and then all of it."""
    text = story(4000)

    def with_backup(settings: Settings) -> Settings:
        return attrs.evolve(settings, agent=attrs.evolve(settings.agent, backup=(settings.agent,)))

    async with open_hall(settings=allowing(4000), point=with_backup) as hall:
        hall.agent.script = lambda _question: plans(text)["as fast as speech"]
        report = await ask(hall)
        assert (report.outcome, report.error, report.spoken == text) == ("answered", None, True)
        assert len(hall.agent.questions) == 1
