"""Servers of tools that are dead, slow or hostile, in virtual time: what the model hears, when the answer comes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

import voxbridge.stages.agent.tools.link  # noqa: F401 - a thread would import it: no thread under a virtual clock
from tests.integration.stages.agent.agent_client import Heard, ask, request
from tests.integration.stages.agent.tools.test_tools import calling, http, model, offered, results
from tests.support.mcp_server import McpServer, text, tool
from voxbridge.stages.agent.client import AgentClient
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import answer
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration

NEVER_S = 1e6


async def never(_arguments: object) -> Any:
    await trio.sleep(NEVER_S)


async def fine(_arguments: object) -> Any:
    return text("Fine.")


@asynccontextmanager
async def table(*servers: McpServer, **options: Any) -> AsyncIterator[tuple[OpenAiServer, AgentClient]]:
    """Lay a model's server and its servers of tools ("t0", "t1", ...) on one network."""
    chat = OpenAiServer(answer(("So ", "be it.")))
    limits = {key: options.pop(key) for key in ("limit_ms", "tools") if key in options}
    async with trio.open_nursery() as nursery:
        for server in servers:
            await nursery.start(_serve, server)
        mcp = {f"t{at}": http(server.address, **limits) for at, server in enumerate(servers)}
        async with chat.running(), model(chat, mcp=mcp, **options) as stage:
            await stage.told_of_tools(60.0)
            yield chat, stage
        nursery.cancel_scope.cancel()


async def _serve(server: McpServer, task_status: trio.TaskStatus[None]) -> None:
    async with server.running():
        task_status.started()
        await trio.sleep_forever()


async def called(chat: OpenAiServer, stage: AgentClient, *names: str) -> Heard:
    chat.plans.append(calling(*((name, "{}") for name in names)))
    return await ask(stage)


async def test_a_tool_that_never_answers_costs_its_own_limit_and_no_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The answer goes on after exactly the call's limit, or the turn's for all tools, whichever is shorter."""
    MemNet().install()
    silent = McpServer(tool("never"), tool("fine"), calls={"never": never, "fine": fine})
    async with table(silent, limit_ms=3_000) as (chat, stage):
        heard = await called(chat, stage, "t0_never", "t0_fine")
        assert (heard.text, heard.error) == ("So be it.", None)
        assert heard.ended == pytest.approx(3.0, abs=1e-9)
        assert results(chat) == ["It failed: no answer within 3 s.", "Fine."]
    MemNet().install()
    silent = McpServer(tool("never"), calls={"never": never})
    async with table(silent, limit_ms=30_000, tools_limit_ms=5_000) as (chat, stage):
        heard = await called(chat, stage, "t0_never")
        assert (heard.text, heard.error) == ("So be it.", None)
        assert heard.ended == pytest.approx(5.0, abs=1e-9)
        assert results(chat) == ["It failed: the time for tools is up."]


async def test_a_dead_server_is_one_line_for_hours_and_used_when_it_lives(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Turns go on without its tools and wait for nothing; it is looked for at least once a minute."""
    net = MemNet().install()
    server = McpServer(tool("fine"), calls={"fine": fine})
    chat = OpenAiServer(answer(("So ", "be it.")))
    with capture_logs() as logs:
        async with server.running(), chat.running():
            host, port = server.url.removeprefix("http://").split(":")
            net.refuse(host, int(port))
            async with model(chat, mcp={"t0": http(server.address)}) as stage:
                for hour in range(3):
                    await trio.sleep(3600.0 * (hour > 0))
                    assert (await ask(stage)).ended == pytest.approx(0.0, abs=1e-9)
                told = await stage.told_of_tools(0.0)
                net.allow(host, int(port))
                await trio.sleep(61.0)
                assert (await called(chat, stage, "t0_fine")).text == "So be it."
    assert results(chat) == ["Fine."]
    assert told[0].startswith("t0: ")
    assert offered(chat, 2) == []
    said = [line for line in logs if line["log_level"] in ("warning", "error")]
    assert [line["event"] for line in said] == ["a server of tools is not there"]


async def test_a_list_without_an_end_ends(autojump_clock: trio.testing.MockClock) -> None:
    """Ten pages are read and 64 tools offered; one whose pages never come is a server that does not answer."""
    MemNet().install()
    endless = McpServer()
    endless.pages = [[tool(f"t{page}_{at}") for at in range(20)] for page in range(40)]
    endless.is_endless = True
    slow = McpServer(tool("fine"))
    slow.is_endless, slow.list_delay_s = True, 3.0
    with capture_logs() as logs:
        async with table(endless, slow) as (chat, stage):
            asked = endless.lists_asked
            await ask(stage)
            told = await stage.told_of_tools(60.0)
    assert asked == 10
    assert len(offered(chat, 0)) == 64
    assert told[1] == "t1: it does not answer within 20 s"
    assert [line["server"] for line in logs if line["log_level"] == "warning"] == ["t1"]


@pytest.mark.parametrize(
    "page",
    [
        [{"name": 7, "description": [], "inputSchema": "no"}],
        [None],
        ["tool"],
        [tool(None)],
        [tool("x", inputSchema=[])],
        {"tools": "none"},
    ],
)
async def test_a_list_of_wrong_types_is_a_server_that_cannot_be_used(
    page: Any, autojump_clock: trio.testing.MockClock
) -> None:
    """One line says so, and the turn goes on without its tools."""
    MemNet().install()
    wrong = McpServer()
    wrong.pages = [page]
    with capture_logs() as logs:
        async with table(wrong) as (chat, stage):
            heard = await ask(stage)
            (told,) = await stage.told_of_tools(0.0)
            await trio.sleep(600.0)
    assert (heard.text, heard.error) == ("So be it.", None)
    assert offered(chat, 0) == []
    assert told.startswith("t0: it cannot be used"), told
    assert [line["event"] for line in logs if line["log_level"] in ("warning", "error")] == [
        "a server of tools is not there"
    ]


async def test_control_characters_and_long_texts_reach_neither_prompt_nor_terminal(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Of names, descriptions and results only what can be read stays, and as much as is wanted of it."""
    MemNet().install()

    async def noisy(_arguments: object) -> Any:
        return text("\x1b[2J\x07so\u202e much\x00 " + "word " * 200_000)

    hostile = McpServer(
        tool("no\x1b[31misy", "Clears\x1b[2J the \u202escreen. " + "x" * 100_000),
        tool("deep", inputSchema={"type": "object", "x": "y" * 20_000}),
        calls={"no\x1b[31misy": noisy},
    )
    async with table(hostile, tool_result_chars_max=300) as (chat, stage):
        told = await stage.told_of_tools(0.0)
        heard = await called(chat, stage, "t0_no_31misy")
    (told_to_model,) = [each["function"] for each in chat.asked[0].body["tools"]]
    (result,) = results(chat)
    assert heard.text == "So be it."
    assert len(told_to_model["description"]) == 1024
    assert len(result) == 300
    assert result.startswith(" [2J so  much  word")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", f"{told}{told_to_model}{result}")


async def test_names_that_clash_mean_the_same_tool_for_the_whole_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Two tools of a name, one name twice, names that differ in a mark only: each call reaches the one it was told."""
    MemNet().install()

    def says(words: str) -> Any:
        async def call(_arguments: object) -> Any:
            return text(words)

        return call

    first = McpServer(tool("a b"), tool("a b"), tool("a_b"), calls={"a b": says("spaced"), "a_b": says("joined")})
    second = McpServer(tool("a b"), calls={"a b": says("other")})
    async with table(first, second) as (chat, stage):
        heard = await called(chat, stage, "t0_a_b", "t0_a_b_2", "t1_a_b")
    assert heard.text == "So be it."
    assert offered(chat, 0) == ["t0_a_b", "t0_a_b_2", "t1_a_b"]
    assert results(chat) == ["spaced", "joined", "other"]


async def test_a_schema_for_results_is_never_tried_on_them(autojump_clock: trio.testing.MockClock) -> None:
    """A pattern that takes for ever on a result would stop every room: the result is read as it is."""
    MemNet().install()

    async def slowly_matched(_arguments: object) -> Any:
        return {"content": [], "structuredContent": {"a": "a" * 60 + "!"}}

    pattern = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    evil = McpServer(tool("evil", outputSchema=pattern), calls={"evil": slowly_matched})
    async with table(evil) as (chat, stage):
        heard = await called(chat, stage, "t0_evil")
    assert heard.text == "So be it."
    assert results(chat) == ['{"a": "' + "a" * 60 + '!"}']


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "text",
        {"content": "text"},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "text", "text": 7}]},
    ],
)
async def test_a_result_of_wrong_types_is_a_failed_call(result: Any, autojump_clock: trio.testing.MockClock) -> None:
    """The model is told that it failed, the answer goes on, and the next call works."""
    MemNet().install()

    async def wrong(_arguments: object) -> Any:
        return result

    server = McpServer(tool("wrong"), tool("fine"), calls={"wrong": wrong, "fine": fine})
    async with table(server) as (chat, stage):
        assert (await called(chat, stage, "t0_wrong")).text == "So be it."
        assert results(chat)[0].startswith("It failed: ")
        chat.plans.append(calling(("t0_fine", "{}")))
        assert (await ask(stage, request("More?", "t2"))).text == "So be it."
    assert results(chat)[-1] == "Fine."
