"""Whole turns with other agents than n8n, in virtual time: the model is told what was heard; own TTS options."""

from __future__ import annotations

from contextlib import AsyncExitStack

import attrs
import pytest
import trio

from tests.support.agents import agent_of
from tests.support.hall import open_hall
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.session.context import Tools
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import CallTool, Finish, Say, answer
from voxbridge.testing.servers.n8n_plans import Plan, Whole, spoken, stream, words
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration

LONG = "One is the first sentence. Two is the second one. Three is the third one. Four is the last one of all of them."


async def test_model_is_told_what_was_heard(autojump_clock: trio.testing.MockClock) -> None:
    """Barge-in: the next request holds of the answer before exactly the words that were played."""
    net = MemNet().install()
    model = OpenAiServer(answer(words(LONG), first_s=0.4))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(model.running())
        settings = OpenAiAgentSettings(model="test-model", url=Secret(model.base_url), system_prompt="")
        stage = await stack.enter_async_context(agent_of(settings))

        def change(tools: Tools) -> Tools:
            return attrs.evolve(tools, agent=stage)

        async with open_hall(net=net, change=change) as hall:
            ada = hall.port.join(1)
            await trio.sleep(1)
            await hall.say(ada)
            await hall.port.wait_for(lambda: len(hall.port.voice) > 150)  # 3 s of the answer are out
            await hall.say(ada)
            first, second = await hall.wait_report(0), await hall.wait_report(1)
    assert (first.outcome, second.outcome) == ("interrupted", "answered")
    assert first.spoken, "nothing was heard before the interruption"
    assert first.spoken != first.answer, "the interruption came too late for this test"
    assert [message for message in model.asked[1].messages if message[0] != "system"] == [
        ("user", first.heard),
        ("assistant", first.spoken),
        ("user", second.heard),
    ]
    assert model.ends["finished"] == 2, "the text was there long before the sound"


async def test_answers_own_tts_options_reach_the_speech_server(autojump_clock: trio.testing.MockClock) -> None:
    """X-TTS-Options of one answer go with each of its sentences, and with no other answer's."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        header = (("X-TTS-Options", '{"exaggeration": 0.7, "cfgWeight": 3}'),)
        hall.agent.plans.append(Plan((Whole(200, b'{"output":"Hello there. How are you?"}', headers=header),)))
        await hall.say(ada)
        await hall.wait_report(0)
        await hall.say(ada)
        await hall.wait_report(1)
        asked = [request.form() for request in hall.tts.requests if "input" in request.form()]
    told = [(form["input"], form.get("exaggeration"), form.get("cfg_weight")) for form in asked]
    assert told[:2] == [("Hello there.", "0.7", "1.0"), ("How are you?", "0.7", "1.0")]
    assert told[2:], "the second answer was not spoken"
    assert all(options == [None, None] for _text, *options in told[2:])


async def test_parts_of_an_answer_stand_apart_wherever_it_is_written(autojump_clock: trio.testing.MockClock) -> None:
    """Two items with nothing between them: the ear hears a gap, and so do the report and the next request."""
    async with open_hall(settings=Settings(barge_in=BargeInSettings(policy="yield"))) as hall:
        hall.agent.plans.append(stream(*spoken(["part ", "1"]), *spoken(["part 2 is somewhat longer"], item=1)))
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 60)
        await hall.say(ada)
        await hall.wait_report(1)
        first = hall.reports[0]
        assert first.answer == "part 1 part 2 is somewhat longer"
        assert [asked.fields.text for asked in hall.tts.spoken][:2] == ["part 1", "part 2 is somewhat longer"]
        heard = hall.agent.questions[1].body["metadata"]["previous"]["heard"]
        assert heard == first.spoken
        assert heard.startswith("part 1 part")


async def test_a_model_remembers_parts_apart(autojump_clock: trio.testing.MockClock) -> None:
    """Text, a tool call, text: in the conversation that goes with the next question they are two words."""
    net = MemNet().install()
    plan = (Say("I will look at that."), CallTool("search"), Say("It is sunny."), Finish("stop"))
    model = OpenAiServer(plan)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(model.running())
        settings = OpenAiAgentSettings(model="test-model", url=Secret(model.base_url), system_prompt="")
        stage = await stack.enter_async_context(agent_of(settings))
        async with open_hall(net=net, change=lambda tools: attrs.evolve(tools, agent=stage)) as hall:
            ada = hall.port.join(1)
            await trio.sleep(1)
            for number in range(2):
                await hall.say(ada)
                await hall.wait_report(number)
            assert hall.reports[0].answer == "I will look at that. It is sunny."
    _, (role, said), *_ = (message for message in model.asked[1].messages if message[0] != "system")
    assert (role, said) == ("assistant", "I will look at that. It is sunny.")
