"""Tools for a model, on a real MCP server: a process of its own, over its input and output or over HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from structlog.testing import capture_logs

from tests.integration.stages.agent.agent_client import ask, request
from tests.support import tool_server
from tests.support.agents import agent_of
from tests.utils.helpers import wait_for_condition
from voxbridge.config.secrets import Secret
from voxbridge.core.agents.tools import ToolCall
from voxbridge.stages.agent.ollama import OllamaSettings
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.stages.agent.settings import McpSettings
from voxbridge.stages.agent.tools.toolbox import Toolbox
from voxbridge.stages.contracts import ToolsCalled, ToolUser
from voxbridge.testing.servers.chat import Finish, Say, answer, compact, event
from voxbridge.testing.servers.n8n_plans import Write
from voxbridge.testing.servers.ollama import OllamaServer
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration

PROGRAM = (sys.executable, tool_server.__file__)
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def tools_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server of tools listens; what it was asked for is in the file beside it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    log = tmp_path_factory.mktemp("tools") / "called"
    log.touch()
    with subprocess.Popen(
        [*PROGRAM, str(port), "", str(log)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        yield f"http://127.0.0.1:{port}/mcp"
        server.kill()


def http(url: str, **more: Any) -> McpSettings:
    return McpSettings(url=Secret(url), **more)


def model(server: OpenAiServer, **more: Any):
    fields = {"model": "test-model", "system_prompt": "", "retries": 0, **more}
    return agent_of(OpenAiAgentSettings(url=Secret(server.base_url), **fields))


def calling(*calls: tuple[str, str], say: str = "") -> tuple[Any, ...]:
    """Return an answer of an OpenAI-compatible server that calls tools: names first, arguments in halves."""

    def chunk(pieces: list[dict[str, Any]]) -> Write:
        return Write(event({"choices": [{"index": 0, "delta": {"tool_calls": pieces}, "finish_reason": None}]}))

    heads = [
        {"index": at, "id": f"c{at}", "type": "function", "function": {"name": name, "arguments": ""}}
        for at, (name, _) in enumerate(calls)
    ]
    halves = [
        {"index": at, "function": {"arguments": half}}
        for at, (_, text) in enumerate(calls)
        for half in (text[:5], text[5:])
    ]
    said = (Say(say),) if say else ()
    return (*said, chunk(heads), *(chunk([half]) for half in halves), Finish("tool_calls"))


def results(server: OpenAiServer, index: int = -1) -> list[str]:
    return [content for role, content in server.asked[index].messages if role == "tool"]


def offered(server: OpenAiServer, index: int) -> list[str]:
    return [tool["function"]["name"] for tool in server.asked[index].body.get("tools", ())]


async def ready(stage: ToolUser) -> None:
    """Wait until the servers of tools are there."""
    await wait_for_condition(lambda: all(each.is_up for each in stage.tool_servers), timeout=PATIENCE_S)


async def test_a_model_calls_tools_and_answers_with_what_they_say(tools_url: str) -> None:
    """Two at once, in pieces, behind words that are spoken; the model is told the results, the memory the words."""
    server = OpenAiServer(answer(("It ", "rains.")))
    async with server.running(), model(server, mcp={"weather": http(tools_url)}) as stage:
        await ready(stage)
        calls = ("weather_forecast", '{"city": "Rome"}'), ("weather_forecast", '{"city": "Oslo", "days": 3}')
        server.plans.append(calling(*calls, say="Let me see. "))
        heard = await ask(stage, request("Weather?", "t1"))
        await ask(stage, request("Thanks.", "t2"))
    assert heard.text == "Let me see. It rains."
    assert any(isinstance(event, ToolsCalled) for _, event in heard.events)
    assert results(server, 1) == ["In Rome it rains for 1 days.", "In Oslo it rains for 3 days."]
    (assistant,) = [each for each in server.asked[1].body["messages"] if each["role"] == "assistant"]
    assert [call["id"] for call in assistant["tool_calls"]] == ["c0", "c1"]
    assert assistant["tool_calls"][1]["function"] == {"name": calls[1][0], "arguments": calls[1][1]}
    assert server.asked[2].messages[1] == ("assistant", "Let me see. It rains.")


async def test_ollama_is_told_the_same_in_its_own_words(tools_url: str) -> None:
    """Arguments are an object, a result names its tool."""
    server = OllamaServer(answer(("It ", "rains.")), models=("test-model",))
    call = {"function": {"name": "weather_forecast", "arguments": {"city": "Rome"}}}
    line = compact({"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False}) + b"\n"
    settings = OllamaSettings(url=Secret("http://localhost"), model="test-model", mcp={"weather": http(tools_url)})
    async with server.running(), agent_of(attrs.evolve(settings, url=Secret(server.url))) as stage:
        await ready(stage)
        server.plans.append((Write(line), Finish()))
        assert (await ask(stage)).text == "It rains."
    assert server.asked[1].body["messages"][-2:] == [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_name": "weather_forecast", "content": "In Rome it rains for 1 days."},
    ]


async def test_whatever_a_tool_does_the_model_is_told_and_answers(tools_url: str) -> None:
    """It fails, is too slow, says too much, is not there, is called wrongly: each is a result, and the turn goes on."""
    server = OpenAiServer(answer(("So ", "be it.")))
    servers = {"weather": http(tools_url, limit_ms=60_000), "hasty": http(tools_url, limit_ms=300)}
    options = {"tool_result_chars_max": 200, "mcp": servers}
    async with server.running(), model(server, **options) as stage:
        await ready(stage)
        broken = ("weather_broken", ""), ("hasty_slow", '{"seconds": 60}'), ("weather_long", "{}")
        server.plans.append(calling(*broken, ("weather_tell", "{}"), ("weather_forecast", '{"city":')))
        assert (await ask(stage)).text == "So be it."
    failed, slow, long, missing, wrong = results(server)
    assert failed.startswith("The tool reports an error:")
    assert slow == "It failed: no answer within 0.3 s."
    assert len(long) == 200
    assert long.endswith("[cut off here]")
    assert missing == "There is no tool weather_tell now."
    assert wrong == "It was not called: its arguments are not a JSON object."


async def test_calls_have_a_number_and_a_time(tools_url: str) -> None:
    """A model that calls on and on is told that it may not, and is offered nothing any more."""
    server = OpenAiServer(answer(("Well.",)))
    async with server.running(), model(server, tool_calls_max=3, mcp={"weather": http(tools_url)}) as stage:
        await ready(stage)
        two = (("weather_forecast", '{"city": "Rome"}'),) * 2
        server.plans.extend([calling(*two), calling(*two)])
        assert (await ask(stage)).text == "Well."
    assert [bool(offered(server, index)) for index in range(3)] == [True, True, False]
    assert [result[:7] for result in results(server)] == ["In Rome", "In Rome", "In Rome", "It was "]

    server = OpenAiServer(answer(("Well.",)))
    async with server.running(), model(server, tools_limit_ms=200, mcp={"weather": http(tools_url)}) as stage:
        await ready(stage)
        server.plans.append(calling(("weather_slow", '{"seconds": 60}')))
        assert (await ask(stage)).text == "Well."
    assert results(server) == ["It failed: the time for tools is up."]
    assert offered(server, 1) == []


async def test_no_tool_is_called_before_the_user_has_finished(tools_url: str, tmp_path: Path) -> None:
    """Asked ahead, the model may want a tool: it is called once the words are all, and never if they are taken back."""
    server = OpenAiServer(answer(("It rains.",)))
    decided = trio.Event()
    async with server.running(), model(server, mcp={"weather": http(tools_url)}) as stage:
        await ready(stage)
        server.plans.extend([calling(("weather_forecast", '{"city": "Rome"}'))] * 2)
        with trio.move_on_after(1.0):
            await ask(stage, request("Wea", "t1", speculative=True, decided=decided.wait))
        assert len(server.asked) == 1, "the tool was called, and the model told"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, stage, request("Weather?", "t2", speculative=True, decided=decided.wait))
            await wait_for_condition(lambda: len(server.asked) == 2, timeout=PATIENCE_S)
            decided.set()
        assert results(server) == ["In Rome it rains for 1 days."]
        await ask(stage, request("Wea", "t3", speculative=True))
    assert offered(server, -1) == [], "nobody could say when the words are all"


async def test_only_the_tools_that_are_wanted_are_offered(tools_url: str) -> None:
    """Two servers with the same tools: the names tell them apart, and the operator's list holds."""
    server = OpenAiServer(answer(("Well.",)))
    both = {"north": http(tools_url, tools=("forecast",)), "south": http(tools_url, tools=("forecast", "slow"))}
    async with server.running(), model(server, mcp=both) as stage:
        await ready(stage)
        await ask(stage)
        assert offered(server, 0) == ["north_forecast", "south_forecast", "south_slow"]
        told = await stage.told_of_tools(0.0)
    assert told == ["tools of north: forecast", "tools of south: forecast, slow"]


def box(*arguments: str, **more: Any) -> Toolbox:
    mcp = {"weather": McpSettings(command=(*PROGRAM, *arguments), **more)}
    return Toolbox(OpenAiAgentSettings(url=Secret("http://nowhere/v1"), model="m", mcp=mcp))


async def called(toolbox: Toolbox, name: str, arguments: str = "") -> str:
    turn = toolbox.for_turn()
    turn.offered()
    ((_, result),) = await turn.call_all([ToolCall("1", name, arguments)])
    return result


async def test_a_program_that_ends_is_started_again() -> None:
    """The call that ended it has failed; the next one finds a new process. What it prints by mistake is passed over."""
    toolbox = box("stdio", "chatter")
    async with toolbox.open():
        assert await toolbox.told(PATIENCE_S) == ["tools of weather: forecast, slow, broken, long, suicide"]
        assert await called(toolbox, "weather_forecast", '{"city": "Rome"}') == "In Rome it rains for 1 days."
        assert "failed" in await called(toolbox, "weather_suicide")
        await wait_for_condition(lambda: not toolbox.status()[0].is_up, timeout=PATIENCE_S)
        assert await called(toolbox, "weather_forecast") == "There is no tool weather_forecast now."
        await wait_for_condition(lambda: toolbox.status()[0].is_up, timeout=PATIENCE_S)
        assert await called(toolbox, "weather_forecast", '{"city": "Oslo"}') == "In Oslo it rains for 1 days."


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (McpSettings(command=("/nowhere/at/all",)), "No such file or directory"),
        (McpSettings(command=("true",)), "it refuses"),
        (McpSettings(command=(*PROGRAM, "stdio", "flood")), "it "),
        (McpSettings(url=Secret("http://127.0.0.1:9/mcp")), "it "),
    ],
)
async def test_a_server_that_is_none_holds_up_nothing(settings: McpSettings, reason: str) -> None:
    """A missing program, one that ends, one that floods, a closed port: one line in the log, turns without tools."""
    server = OpenAiServer(answer(("Hello.",)))
    with capture_logs() as logs:
        async with server.running(), model(server, mcp={"weather": settings}) as stage:
            assert (await ask(stage)).text == "Hello."
            (told,) = await stage.told_of_tools(PATIENCE_S)
            assert (await ask(stage)).text == "Hello."
    assert told.startswith(f"weather: {reason}")
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["a server of tools is not there"]
    assert offered(server, 0) == offered(server, 1) == []


async def test_a_silent_program_is_gone_at_the_end() -> None:
    """It never answers: neither the start nor the end waits for it, and no process stays behind."""
    toolbox = box("stdio", "silent")
    with trio.fail_after(PATIENCE_S):
        async with toolbox.open():
            assert await toolbox.told(0.5) == ["weather: not asked yet"]
    assert toolbox.status()[0].tools == ()
