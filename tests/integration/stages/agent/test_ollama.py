"""Ollama's own API as the agent."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.integration.stages.agent.agent_client import WORDS, ask, request
from tests.support.agents import agent_of
from voxbridge.config.secrets import Secret
from voxbridge.errors import AgentFailed, NoReply, StageRefused
from voxbridge.stages.agent.ollama import OllamaSettings
from voxbridge.stages.contracts import Previous
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import CallTool, Fail, Finish, Say, Think, answer
from voxbridge.testing.servers.n8n_plans import Wait
from voxbridge.testing.servers.ollama import OllamaServer

pytestmark = pytest.mark.integration

HELLO = ("Hello ", "there.")


def exactly(seconds: float):
    return pytest.approx(seconds, abs=1e-9)


@pytest.fixture
async def net() -> MemNet:
    """The in-memory network, installed."""
    return MemNet().install()


def stage_on(server: OllamaServer, *, tail: str = "", **more):
    fields = {"model": "test-model", "system_prompt": "", **more}
    return agent_of(OllamaSettings(url=Secret(server.base_url + tail), **fields))


@pytest.mark.parametrize("manner", [{}, {"is_coalesced": True}, {"piece_bytes": 7}])
@pytest.mark.parametrize("tail", ["", "/", "/api", "/api/chat", "/v1"])
async def test_answer_streams(autojump_clock, net, manner, tail):
    """The first token passes when the second comes at the latest, whatever address was copied."""
    server = OllamaServer(answer(HELLO, first_s=0.4, gap_s=0.1), **manner)
    async with server.running(), stage_on(server, tail=tail) as stage:
        heard = await ask(stage)
    assert heard.error is None
    assert heard.text == "Hello there."
    assert heard.marks["agent_first_text"] == exactly(0.4)
    assert heard.ended == exactly(0.5)


@pytest.mark.parametrize(("keep_alive", "sent"), [("30m", "30m"), ("-1", -1), ("0", 0), ("", None)])
async def test_request_holds_what_was_set(autojump_clock, net, keep_alive, sent):
    """keep_alive is a duration, or a number if it has no unit; options only if they are set."""
    server = OllamaServer(answer(HELLO))
    async with server.running(), stage_on(server, keep_alive=keep_alive, max_tokens=50) as stage:
        await ask(stage)
    body = dict(server.asked[0].body)
    assert body.pop("keep_alive", None) == sent
    messages = [{"role": "user", "content": WORDS}]
    assert body == {"model": "test-model", "messages": messages, "stream": True, "options": {"num_predict": 50}}


async def test_barge_in_stops_the_generation_and_cuts_the_history(autojump_clock, net):
    """Leaving ends the run; the next question holds what was heard."""
    server = OllamaServer(answer(["word "] * 20, gap_s=0.5))
    async with server.running(), stage_on(server) as stage:
        with trio.move_on_after(2.1):
            await ask(stage, request("A story.", "t1"))
        await trio.testing.wait_all_tasks_blocked()
        assert server.ends == {"left": 1}
        server.script = answer(HELLO)
        await ask(stage, request("Stop.", "t2", previous=Previous(interrupted=True, heard="word")))
    assert server.asked[-1].messages == [("user", "A story."), ("assistant", "word"), ("user", "Stop.")]


@pytest.mark.parametrize(
    ("plan", "text", "error", "words", "tries"),
    [
        ((Think("Hm."), Wait(0.1), Say("Yes."), Finish()), "Yes.", None, "", 1),
        ((Say("<think>Hm.</think>Yes."), Finish()), "Yes.", None, "", 1),
        ((CallTool("x"), Finish()), "", NoReply, "called a tool", 1),
        ((Say("Hel"), Fail("model runner has unexpectedly stopped")), "Hel", AgentFailed, "runner", 1),
        ((Fail("model runner has unexpectedly stopped"),), "", AgentFailed, "Ollama reports an error", 3),
        ((Say("Hello."), Finish("length")), "Hello.", None, "", 1),
    ],
)
async def test_end_of_an_answer(autojump_clock, net, plan, text, error, words, tries):
    """Thoughts are not said, errors are, to the operator."""
    server = OllamaServer(plan)
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
    assert heard.text == text
    assert len(server.asked) == tries
    if error is None:
        assert heard.error is None
    else:
        assert type(heard.error) is error
        assert words in str(heard.error)


@pytest.mark.parametrize("shape", ["status", "line", "empty"])
async def test_two_failures_then_success(autojump_clock, net, shape):
    """Fails twice, in each shape, then speaks; the waits are the only added time."""
    server = OllamaServer(answer(HELLO, first_s=0.4))
    server.fail_next(2, shape)
    async with server.running(), stage_on(server, retry_empty=True) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert heard.text == "Hello there."
    assert heard.marks["agent_first_text"] == exactly(0.25 + 0.5 + 0.4)


async def test_missing_model_is_said_with_the_remedy(autojump_clock, net):
    """By the probe, and by the refusal of the first question."""
    server = OllamaServer(models=["llama3.2:3b"])
    async with server.running(), stage_on(server) as stage:
        with pytest.raises(StageRefused, match="ollama pull test-model"):
            await stage.probe()
        heard = await ask(stage)
    assert isinstance(heard.error, StageRefused)
    assert "try pulling it first" in str(heard.error)


async def test_probe_finds_the_model_with_and_without_its_tag(autojump_clock, net):
    """Ollama adds :latest itself."""
    server = OllamaServer(models=["test-model:latest", "llama3.2:3b"])
    for model in ("test-model", "test-model:latest", "llama3.2:3b"):
        async with server.running(), stage_on(server, model=model) as stage:
            assert (await stage.probe()).startswith("ollama: the server is there and has the model")
    assert server.asked == []


async def test_probe_of_another_server(autojump_clock, net):
    """An OpenAI-compatible server at this address is told apart."""
    server = OllamaServer()

    async def other(_request, reply) -> None:
        await reply.send_json({"object": "list", "data": []})

    server.route("GET", "/api/tags", other)
    async with server.running(), stage_on(server) as stage:
        with pytest.raises(StageRefused, match="kind = openai"):
            await stage.probe()


async def test_loopback_answers():
    """The same on kernel sockets."""
    server = OllamaServer(answer(HELLO, gap_s=0.05), piece_bytes=13)
    async with server.running(), stage_on(server) as stage:
        assert (await ask(stage)).text == "Hello there."
