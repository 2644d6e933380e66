"""What is known of a question is answered, and what the agent is to be told reaches it. In virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from tests.support.apology import APOLOGY, hears_apology
from tests.support.hall import Hall, open_hall
from tests.support.notices import TEXTS
from tests.support.stages import Outcome, ScriptedAgent, ScriptedStt, ScriptedTts, bugs
from tests.support.voices import SentFrame
from voxbridge.core.health.outages import Back, Down
from voxbridge.core.ids import UserId
from voxbridge.errors import AgentFailed, StageRefused, StageTimeout, StageUnavailable
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import AgentRequest, AnswerSink, TextDelta

pytestmark = pytest.mark.integration

EXACT = pytest.approx
LONG = "A long answer that goes on for quite a while, it does."
DEAF, HEARS = TEXTS[Down, "stt"], TEXTS[Back, "stt"]
TIMED_OUT = StageTimeout("stt", "total", 5.0)


def with_stages(**stages: Any) -> Callable[[Tools], Tools]:
    return lambda tools: attrs.evolve(tools, **stages)


async def turn(hall: Hall, user: UserId) -> TurnReport:
    number = len(hall.reports)
    await hall.say(user)
    return await hall.wait_report(number)


def posted(hall: Hall) -> list[str]:
    return [text for _, text in hall.port.posted]


@pytest.mark.parametrize(
    "failure",
    [TIMED_OUT, StageUnavailable("stt", "down"), StageRefused("stt", 400, "too short"), *bugs(1)],
    ids=["timed out", "down", "refused", "a bug"],
)
async def test_a_question_outlives_an_afterthought_that_fails(
    autojump_clock: trio.testing.MockClock, failure: Outcome
) -> None:
    """The agent was at work when a short "um" superseded the turn and could not be heard: the question is answered."""
    stt = ScriptedStt(outcomes=["what is the capital of France", failure], delay_s=0.3)
    agent = ScriptedAgent(delay_s=2.0)
    async with open_hall(
        apology=APOLOGY, change=with_stages(stt=stt, agent=agent, tts=ScriptedTts(delay_s=0.04))
    ) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.2)
        assert len(agent.requests) == 1, "the agent was to be at work"
        await hall.say(ada, 15)
        said_at = trio.current_time()
        report = await hall.wait_report(1)
        assert [each.outcome for each in hall.reports] == ["superseded", "answered"], report.error
        assert report.heard == "what is the capital of France"
        assert [request.text for request in agent.requests] == ["what is the capital of France"] * 2
        first_s = hall.port.voice[0].at - said_at
        # 0.5 s until the turn is over, 2 s of thought, 0.04 s of voice; 20 ms the last packet itself
        assert first_s == EXACT(2.55, abs=0.05), f"the answer came {first_s:.3f} s after the last packet"
        assert report.error is not None, "the operator is told what failed"
        assert not hears_apology(hall.port.frames)
        await trio.sleep(1)
        assert posted(hall) == ([] if isinstance(failure, RuntimeError) else [DEAF])
        assert (await turn(hall, ada)).outcome == "answered"


async def test_half_a_question_is_answered_and_the_room_is_told(autojump_clock: trio.testing.MockClock) -> None:
    """The first half could not be heard: the second is answered, behind a notice that hearing had failed."""
    stt = ScriptedStt(outcomes=[TIMED_OUT, "in Boston"], delay_s=2.0)
    agent = ScriptedAgent()
    async with open_hall(apology=APOLOGY, change=with_stages(stt=stt, agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.4)
        await hall.say(ada)
        second = await hall.wait_report(1)
        assert (second.outcome, second.heard) == ("answered", "in Boston")
        assert posted(hall) == [DEAF, HEARS]
        assert hall.port.posted[0][0] <= hall.port.voice[0].at, "the notice came after the answer"


@pytest.mark.orders
async def test_three_stretches_of_which_the_middle_one_fails(autojump_clock: trio.testing.MockClock) -> None:
    """What is known before and behind the hole is one question."""
    stt = ScriptedStt(outcomes=["what is the weather", TIMED_OUT, "in Boston"], delay_s=3.0)
    async with open_hall(apology=APOLOGY, change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        for _ in range(3):
            await hall.say(ada)
            await trio.sleep(1.4)
        last = await hall.wait_report(2)
        assert (last.outcome, last.heard) == ("answered", "what is the weather in Boston")


async def test_nothing_known_is_an_apology_and_one_notice(autojump_clock: trio.testing.MockClock) -> None:
    """Both halves fail: there is nothing to answer, and it is told once."""
    stt = ScriptedStt(outcomes=[TIMED_OUT, TIMED_OUT], delay_s=2.0)
    async with open_hall(apology=APOLOGY, change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.4)
        await hall.say(ada)
        assert (await hall.wait_report(1)).outcome == "failed"
        assert hears_apology(hall.port.frames)
        assert posted(hall) == [DEAF]


async def broken_off(hall: Hall, ada: UserId, break_: Callable[[], None]) -> list[SentFrame]:
    """Ask, go on, and let something break in the middle of the afterthought; return what was heard then."""
    await hall.say(ada)
    await trio.sleep(1.2)
    await hall.say(ada, 40)
    break_()
    await hall.say(ada, 5)
    await hall.wait_report(1)
    return hall.port.voice


@pytest.mark.parametrize("what", ["line", "ear"])
async def test_a_question_outlives_a_crash_in_its_afterthought(
    autojump_clock: trio.testing.MockClock, what: str
) -> None:
    """The line or the ear breaks down while the speaker goes on: what was known by then is answered."""
    stt = ScriptedStt(outcomes=["what is the capital of France"], broken=trio.Event())
    agent = ScriptedAgent(delay_s=3.0)

    def break_() -> None:
        if what == "line":
            assert stt.broken is not None
            stt.broken.set()
        else:
            stt.feed_errors = 1

    async with open_hall(apology=APOLOGY, change=with_stages(stt=stt, agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        assert await broken_off(hall, ada, break_), "nothing was heard"
        outcomes = [report.outcome for report in hall.reports]
        assert outcomes == ["superseded", "answered"], [report.error for report in hall.reports]
        assert agent.requests[-1].text == "what is the capital of France"
        await trio.sleep(1)
        assert (await turn(hall, ada)).outcome == "answered"


@pytest.mark.parametrize("what", ["line", "ear"])
async def test_speech_that_a_crash_broke_off_is_apologised_for(
    autojump_clock: trio.testing.MockClock, what: str
) -> None:
    """Who was heard to speak for a while, and then was not, is told so; who coughed is not."""
    stt = ScriptedStt(broken=trio.Event())
    async with open_hall(apology=APOLOGY, change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada, 40)
        if what == "line":
            assert stt.broken is not None
            stt.broken.set()
        else:
            stt.feed_errors = 1
            await hall.say(ada, 1)
        report = await hall.wait_report(0)
        assert report.outcome == "failed"
        assert hears_apology(hall.port.frames)
        await trio.sleep(2)
        assert (await turn(hall, ada)).outcome == "answered"
        assert len(hall.reports) == 2


@pytest.mark.parametrize(
    "failure", [StageUnavailable("agent", "down"), StageTimeout("agent", "first", 15.0), *bugs(1)], ids=str
)
async def test_news_of_an_interruption_outlives_a_request_that_failed(
    autojump_clock: trio.testing.MockClock, failure: Outcome
) -> None:
    """The question that carried it went down with its request: the next one tells it, and the one after does not."""
    agent = ScriptedAgent(outcomes=[LONG, failure, failure])
    async with open_hall(apology=APOLOGY, change=with_stages(agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 60)
        assert (await turn(hall, ada)).outcome == "interrupted"
        await hall.wait_report(1)
        for outcome in ("failed", "answered", "answered"):
            await trio.sleep(1)
            assert (await turn(hall, ada)).outcome == outcome
        told = [request.previous for request in agent.requests]
        assert hall.reports[0].spoken
        assert [None if each is None else (each.turn_id, each.heard) for each in told] == [
            None,
            *[("turn-1", hall.reports[0].spoken)] * 3,
            None,
        ]


async def test_an_answer_that_broke_off_and_could_not_leave_is_posted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The agent broke off, and the gate is shut for 12 s: what it had said is written, then it is sorry."""

    class BreaksOff(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
            await super().answer(request, out)
            raise AgentFailed("agent", "broke off")

    async with open_hall(apology=APOLOGY, change=with_stages(agent=BreaksOff(outcomes=["Half an answer. "]))) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.port.gate_open = False
        await hall.say(ada)
        await trio.sleep(12)
        hall.port.gate_open = True
        assert (await hall.wait_report(0)).outcome == "failed"
        assert posted(hall).count("Half an answer.") == 1, posted(hall)
        assert hears_apology(hall.port.frames)


@attrs.define
class InTwo(ScriptedAgent):
    """Writes a second sentence half a second after the first one, and the first time goes on for ``goes_on_s``."""

    goes_on_s: float = 0.0

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        await super().answer(request, out)
        await trio.sleep(0.5)
        await out.send(TextDelta(SECOND))
        if len(self.requests) == 1:
            await trio.sleep(self.goes_on_s)


FIRST, SECOND = "This is the first sentence of it. ", "And this is the second one, which breaks off. "


@pytest.mark.parametrize("failure", [StageUnavailable("tts", "down"), *bugs(1)], ids=["the voice fails", "a bug"])
async def test_an_apology_that_is_interrupted_cuts_no_answer_short(
    autojump_clock: trio.testing.MockClock, failure: Outcome
) -> None:
    """The second sentence was written, since its sound broke off; who speaks over the apology had all of it."""
    agent = InTwo(outcomes=[FIRST])
    tts = ScriptedTts(outcomes=["", failure], delay_s=0.04)
    async with open_hall(apology=APOLOGY, change=with_stages(agent=agent, tts=tts)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) >= 78)  # a second and a half of answer, and it is sorry
        await hall.say(ada, 40)
        first = await hall.wait_report(0)
        assert (first.outcome, first.error is None) == ("interrupted", False)
        await hall.wait_report(1)
        assert [request.previous for request in agent.requests] == [None, None]
        assert SECOND.strip() in posted(hall)


async def test_an_answer_whose_voice_died_was_not_heard_to_its_end(autojump_clock: trio.testing.MockClock) -> None:
    """What had sound was played, the agent writes on, and the speaker interrupts: the agent is told what was heard."""
    agent = InTwo(outcomes=[FIRST], goes_on_s=30.0)
    tts = ScriptedTts(outcomes=["", StageUnavailable("tts", "down")], delay_s=0.04)
    async with open_hall(apology=APOLOGY, change=with_stages(agent=agent, tts=tts)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) >= 50)
        await trio.sleep(2)
        await hall.say(ada, 40)
        assert (await hall.wait_report(0)).outcome == "interrupted"
        await hall.wait_report(1)
        told = agent.requests[1].previous
        assert told is not None
        assert told.heard == f"{FIRST}And"
