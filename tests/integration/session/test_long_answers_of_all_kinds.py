"""Long answers from every kind of agent, at every pace: heard or written, whole, and nobody is blamed. Virtual time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import attrs
import pytest
import trio
import trio.testing

from tests.integration.session.test_long_answers import SECONDS_PER_CHARACTER, allowing, story
from tests.support.agents import agent_of
from tests.support.hall import Hall, open_hall
from tests.support.stages import ScriptedAgent
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.turns import TurnSettings
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport
from voxbridge.stages.agent.custom import HttpAgentSettings
from voxbridge.stages.agent.dify import DifySettings
from voxbridge.stages.agent.ollama import OllamaSettings
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.stages.agent.settings import HttpSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import ChatServer, answer
from voxbridge.testing.servers.dify import DifyServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.ollama import OllamaServer
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration

SLOW = 1.5
PACES = {"as fast as speech": 0.95, "slower than speech": SLOW}


def server_of(kind: str, tokens: list[str], gap_s: float) -> tuple[ChatServer | N8nServer, Callable[[], HttpSettings]]:
    """Make a simulated server that answers so, and its settings once it runs."""
    plan = answer(tokens, first_s=0.4, gap_s=gap_s)
    match kind:
        case "openai":
            openai = OpenAiServer(plan)
            return openai, lambda: OpenAiAgentSettings(model="test-model", url=Secret(openai.base_url))
        case "ollama":
            ollama = OllamaServer(plan)
            return ollama, lambda: OllamaSettings(model="test-model", url=Secret(ollama.base_url))
        case "dify":
            dify = DifyServer(plan)
            return dify, lambda: DifySettings(api_key=Secret("app-key"), url=Secret(dify.base_url))
        case _:
            n8n = N8nServer(lambda _question: agent(tokens, first_s=0.4, gap_s=gap_s))
            return n8n, lambda: HttpAgentSettings(url=Secret(n8n.webhook_url))


async def heard(hall: Hall) -> TurnReport:
    ada = hall.port.join(1)
    await trio.sleep(1)
    await hall.say(ada)
    return await hall.wait_report(0, timeout_s=50_000)


def assert_nothing_is_lost(hall: Hall, report: TurnReport, text: str) -> None:
    """All of ``text``, or all that the agent wrote before it was read no further, is heard or written, once."""
    posted = " ".join(posted for _, posted in hall.port.posted)
    assert report.failed_stage is None, report.error
    assert f"{report.spoken} {posted}".split() == text.split(), "words were neither heard nor written, or both"


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(
    "chars", [700, pytest.param(4000, marks=pytest.mark.whole), pytest.param(20_000, marks=pytest.mark.whole)]
)
@pytest.mark.parametrize("kind", ["n8n", "http", "openai", "ollama", "dify"])
async def test_a_long_answer_is_whole(kind: str, chars: int, pace: str, autojump_clock: trio.testing.MockClock) -> None:
    """Half a minute of speech is heard, or what the turn's limit of waiting cuts off is written; no stage is blamed."""
    text = story(chars)
    tokens = words(text)
    gap_s = PACES[pace] * len(text) * SECONDS_PER_CHARACTER / len(tokens)
    net = MemNet().install()
    settings = allowing(20_000, limit_ms=10_000)
    async with AsyncExitStack() as stack:

        def change(tools: Tools) -> Tools:
            return tools if stage is None else attrs.evolve(tools, agent=stage)

        stage = None
        if kind != "n8n":
            server, settings_of = server_of(kind, tokens, gap_s)
            await stack.enter_async_context(server.running())
            stage = await stack.enter_async_context(agent_of(settings_of()))
        async with open_hall(net=net, settings=settings, change=change) as hall:
            hall.agent.script = lambda _question: agent(tokens, first_s=0.4, gap_s=gap_s)
            report = await heard(hall)
            # Behind the limit an agent that is slower than its voice is read on for a minute, and then sent away.
            is_read_whole = PACES[pace] < 1 or chars == 700
            assert_nothing_is_lost(hall, report, text if is_read_whole else report.answer)
            assert text.startswith(report.answer.strip())
            assert report.outcome == ("answered" if PACES[pace] < 1 else "timed-out"), report.error


@pytest.mark.parametrize("chars", [900, 3000])
async def test_what_is_longer_than_may_be_spoken_is_written(chars: int, autojump_clock: trio.testing.MockClock) -> None:
    """The voice stops behind a sentence, the rest stands in the chat behind it, and the turn was answered."""
    text = story(chars)
    stage = ScriptedAgent(outcomes=[text])
    settings = allowing(500)
    async with open_hall(settings=settings, change=lambda tools: attrs.evolve(tools, agent=stage)) as hall:
        report = await heard(hall)
        assert (report.outcome, report.error) == ("answered", None)
        assert report.spoken.endswith(".")
        assert 350 < len(report.spoken) <= 500
        assert_nothing_is_lost(hall, report, text)
        assert hall.port.posted[0][0] >= hall.port.voice[-1].at, "written before it was due"


async def test_an_answer_is_read_no_further_than_may_be_written(autojump_clock: trio.testing.MockClock) -> None:
    """An agent that never ends is stopped when both are full; no half word is spoken or written."""
    text = story(3000)
    stage = ScriptedAgent(outcomes=[text])
    settings = Settings(turn=TurnSettings(answer_chars_max=400, written_chars_max=777))
    async with open_hall(settings=settings, change=lambda tools: attrs.evolve(tools, agent=stage)) as hall:
        report = await heard(hall)
        posted = " ".join(posted for _, posted in hall.port.posted)
        assert report.answer == text[:1177]
        told = f"{report.spoken} {posted}".split()
        assert told == text.split()[: len(told)]
        assert len(" ".join(told)) > 1150


async def test_who_interrupts_a_long_answer_is_spared_the_rest(autojump_clock: trio.testing.MockClock) -> None:
    """The rest is not written either: it was not wanted."""
    text = story(3000)
    stage = ScriptedAgent(outcomes=[text, "Yes."])
    async with open_hall(settings=allowing(500), change=lambda tools: attrs.evolve(tools, agent=stage)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 100)
        await hall.say(ada)
        await hall.wait_report(1)
        assert hall.port.posted == []
