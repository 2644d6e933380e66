"""The agent asked before the turn is decided: what it wins, what it costs, and that nobody notices. In virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import carried
from voxbridge.core.ids import UserId
from voxbridge.session.report import TurnReport
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import Asked, answer
from voxbridge.testing.servers.n8n_plans import words
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration

VAD_FRAME_MS = 32
ANSWER = "Hello there. This is the answer."
SAID = "What is the weather in Boston?"


@asynccontextmanager
async def model_hall(
    *, agent_s: float = 0.4, hesitant: bool = False, retries: int = 2, wasted_max: int = 120
) -> AsyncIterator[tuple[Hall, OpenAiServer, UserId]]:
    """A room with a model of its own, which is safe to ask ahead; and Ada, who is there."""
    net = MemNet().install()

    async def doubts(_pcm: bytes) -> float | None:
        await trio.sleep(0.05)
        return 0.01 if hesitant else None

    async with OpenAiServer(answer(words(ANSWER), first_s=agent_s)).running() as model:

        def point(settings: Settings) -> Settings:
            url = Secret(model.base_url)
            agent = carried(OpenAiAgentSettings, settings.agent, url=url, model="test-model", speculate="safe")
            agent = attrs.evolve(agent, retries=retries, speculations_wasted_max=wasted_max)
            return attrs.evolve(settings, agent=agent)

        async with open_hall(net=net, point=point, stt_s=0.1, judge=doubts) as hall:
            hall.stt.script.text = SAID
            ada = hall.port.join(1)
            await trio.sleep(1)
            yield hall, model, ada


def from_last_voice_ms(report: TurnReport) -> float:
    return (report.marks["first_audio"] - report.marks["speech_end"]) * 1000


def is_speculative(asked: Asked) -> bool:
    return asked.headers.get("x-voxbridge-speculative") == "true"


@pytest.mark.orders
async def test_an_answer_that_was_asked_ahead_comes_sooner(autojump_clock: trio.testing.MockClock) -> None:
    """Words at 300 ms, agent 400, voice 40: 740 ms after the last voiced frame instead of 940; it is asked once."""
    async with model_hall() as (hall, model, ada):
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert report.outcome == "answered"
        assert from_last_voice_ms(report) == pytest.approx(740, abs=VAD_FRAME_MS)
        assert report.speculation == "kept"
        assert report.won_ms == pytest.approx(200, abs=VAD_FRAME_MS)
        assert report.spoken == ANSWER
        (asked,) = model.asked
        assert is_speculative(asked)
        assert asked.headers["x-voxbridge-turn"] == report.turn_id
        counters = hall.tools.counters
        assert (counters.speculations, counters.speculations_wasted) == (1, 0)
        assert counters.speculation_won_ms == round(report.won_ms or 0)


async def test_a_hesitant_end_costs_nothing_but_the_wait(autojump_clock: trio.testing.MockClock) -> None:
    """Decided after 1.6 s: the answer is ready, and its first frame leaves with the decision."""
    async with model_hall(hesitant=True) as (hall, model, ada):
        hall.stt.script.text = "Tell me of the weather."
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert from_last_voice_ms(report) == pytest.approx(1600, abs=VAD_FRAME_MS)
        assert report.first_audio is not None
        assert report.first_audio.ms == pytest.approx(0, abs=1e-6)
        assert report.won_ms == pytest.approx(440, abs=1)
        assert len(model.asked) == 1


@pytest.mark.parametrize("agent_s", [0.01, 0.4, 2.0])
async def test_nothing_is_heard_before_the_decision(autojump_clock: trio.testing.MockClock, agent_s: float) -> None:
    """However early the sound is there, no frame leaves and no speech is announced before the turn is decided."""
    async with model_hall(agent_s=agent_s, hesitant=True) as (hall, _model, ada):
        hall.stt.script.text = "Tell me of the weather."
        last = await hall.say(ada)
        report = await hall.wait_report(0)
        assert hall.port.frames[0].at >= last + 1.6 - 0.032
        assert hall.port.bursts[0][0] >= last + 1.6 - 0.032, "it was announced before"
        assert report.spoken == ANSWER


async def test_who_goes_on_has_one_question_and_one_answer(autojump_clock: trio.testing.MockClock) -> None:
    """What was asked ahead is taken back: the server sees it close, nothing of it is heard, and the memory has one."""
    async with model_hall() as (hall, model, ada):
        hall.stt.script.text = [SAID, f"{SAID} And in Rome?"]
        await hall.say(ada)
        await trio.sleep(0.42)
        assert [asked.text for asked in model.asked] == [SAID]
        await hall.say(ada)
        await trio.sleep(0.1)
        assert model.ends == {"left": 1}
        assert hall.port.frames == []
        report = await hall.wait_report(1)
        assert [each.outcome for each in hall.reports] == ["superseded", "answered"]
        assert (hall.reports[0].speculation, hall.reports[0].spoken) == ("wasted", "")
        assert (report.heard, report.spoken) == (f"{SAID} And in Rome?", ANSWER)
        hall.stt.script.text = "Thanks."
        await trio.sleep(1)
        await hall.say(ada)
        await hall.wait_report(2)
        told = [text for _role, text in model.asked[-1].messages[1:]]
        assert told == [f"{SAID} And in Rome?", ANSWER, "Thanks."]
        assert hall.tools.counters.speculations_wasted == 1


@pytest.mark.orders
async def test_half_a_question_is_not_asked_ahead(autojump_clock: trio.testing.MockClock) -> None:
    """Words that cannot be all are waited for, and only then asked."""
    async with model_hall() as (hall, model, ada):
        hall.stt.script.text = "What is the weather in the"
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert report.speculation is None
        assert not is_speculative(model.asked[0])


async def test_an_agent_that_fails_ahead_is_asked_again_and_left_alone(autojump_clock: trio.testing.MockClock) -> None:
    """The turn is answered as any other; for a minute nothing is asked ahead."""
    async with model_hall(retries=0) as (hall, model, ada):
        model.fail_next(1)
        await hall.say(ada)
        await hall.wait_report(1)
        assert [each.outcome for each in hall.reports] == ["superseded", "answered"]
        assert [is_speculative(asked) for asked in model.asked] == [True, False]
        await trio.sleep(1)
        await hall.say(ada)
        await hall.wait_report(2)
        assert not is_speculative(model.asked[-1])
        await trio.sleep(70)
        await hall.say(ada)
        await hall.wait_report(3)
        assert is_speculative(model.asked[-1])


async def test_the_budget_of_wasted_questions_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    """With none allowed nothing is asked ahead."""
    async with model_hall(wasted_max=0) as (hall, model, ada):
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert from_last_voice_ms(report) == pytest.approx(940, abs=VAD_FRAME_MS)
        assert not is_speculative(model.asked[0])


@pytest.mark.parametrize("is_safe", [False, True])
async def test_a_workflow_runs_ahead_only_where_its_operator_says_so(
    autojump_clock: trio.testing.MockClock, is_safe: bool
) -> None:
    """n8n is never asked ahead by default; where it is, the request says so."""

    def point(settings: Settings) -> Settings:
        assert isinstance(settings.agent, N8nSettings)
        return attrs.evolve(settings, agent=attrs.evolve(settings.agent, speculate="safe")) if is_safe else settings

    async with open_hall(point=point, stt_s=0.1) as hall:
        hall.stt.script.text = SAID
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        (question,) = hall.agent.questions
        assert question.body["metadata"].get("speculative", False) is is_safe
        assert question.body["metadata"]["turnId"] == report.turn_id
        assert from_last_voice_ms(report) == pytest.approx(740 if is_safe else 940, abs=VAD_FRAME_MS)


@pytest.mark.orders
async def test_who_leaves_or_is_drained_leaves_nothing_behind(autojump_clock: trio.testing.MockClock) -> None:
    """A question that was asked ahead ends with its speaker, and with the daemon."""
    async with model_hall(agent_s=5.0, hesitant=True) as (hall, model, ada):
        hall.stt.script.text = "Tell me of the weather."
        await hall.say(ada)
        await trio.sleep(0.5)
        assert len(model.asked) == 1
        hall.port.leave(ada)
        await trio.sleep(0.5)
        assert model.ends == {"left": 1}
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(0.5)
        assert len(model.asked) == 2
        await hall.room.drain(1.0)
        await trio.sleep(0.1)
        assert model.ends == {"left": 2}
        assert hall.room.open_turns == 0
    assert hall.net is not None
    hall.net.assert_all_closed()
