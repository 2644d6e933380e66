"""An OpenAI-compatible server as the agent: the history we keep, thoughts, tools, ends, and how it is probed."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from tests.integration.stages.agent.agent_client import SPEAKER, WORDS, ask, request
from tests.support.agents import agent_of
from voxbridge.config.secrets import Secret
from voxbridge.core.ids import UserId
from voxbridge.errors import AgentFailed, ConfigError, NoReply, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.openai import OpenAiAgentSettings, OpenAiDialect
from voxbridge.stages.contracts import AgentRequest, Previous, Speaker
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import CallTool, Fail, Finish, Say, Think, answer
from voxbridge.testing.servers.n8n_plans import Wait, Whole
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration

HELLO = ("Hello ", "there.")


def exactly(seconds: float):
    return pytest.approx(seconds, abs=1e-9)


@pytest.fixture
async def net() -> MemNet:
    """The in-memory network, installed."""
    return MemNet().install()


def stage_on(server: OpenAiServer, *, url: str = "", key: str = "", **more):
    fields = {"model": "test-model", "system_prompt": "Be brief.", "api_key": Secret(key), **more}
    return agent_of(OpenAiAgentSettings(url=Secret(url or server.base_url), **fields))


def contents(server: OpenAiServer, index: int = -1) -> list[str]:
    return [f"{role[0]}:{content}" for role, content in server.asked[index].messages]


@pytest.mark.parametrize("manner", [{}, {"is_coalesced": True}, {"piece_bytes": 7}, {"sends_done": False}])
async def test_answer_streams_token_by_token(autojump_clock, net, manner):
    """The first text is the first token, however the bytes are cut and whether or not [DONE] comes."""
    server = OpenAiServer(answer(HELLO, first_s=0.4, gap_s=0.1), **manner)
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
    assert heard.error is None
    assert heard.text == "Hello there."
    assert heard.marks == {"agent_request": exactly(0.0), "agent_first_text": exactly(0.4)}
    assert heard.ended == exactly(0.5)


async def test_request_holds_what_was_set_and_nothing_else(autojump_clock, net):
    """Model, messages, stream; temperature and length only if they are set; the key as a bearer token."""
    server = OpenAiServer(answer(HELLO), key="k3y")
    async with server.running(), stage_on(server, key="k3y") as stage:
        await ask(stage)
    async with server.running(), stage_on(server, key="k3y", temperature=0.5, max_tokens=99) as stage:
        await ask(stage)
    plain, full = (dict(asked.body) for asked in server.asked)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": WORDS}]
    assert plain == {"model": "test-model", "messages": messages, "stream": True}
    assert full == {**plain, "temperature": 0.5, "max_tokens": 99}
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("tail", ["", "/", "/chat/completions", "/chat/completions/"])
async def test_url_may_be_the_base_or_the_route(autojump_clock, net, tail):
    """What a user copies from a server's documentation works."""
    server = OpenAiServer(answer(HELLO))
    async with server.running(), stage_on(server, url=server.base_url + tail) as stage:
        assert (await ask(stage)).text == "Hello there."
        assert "test-model" in await stage.probe()


async def test_history_is_kept_per_user(autojump_clock, net):
    """Each user's conversation is their own."""
    server = OpenAiServer(answer(HELLO))
    async with server.running(), stage_on(server) as stage:
        await ask(stage, request("One?", "t1"))
        await ask(stage, AgentRequest("t2", "Other?", Speaker(UserId(4), "Bob", SPEAKER.guild_id, SPEAKER.channel_id)))
        await ask(stage, request("Two?", "t3"))
    assert contents(server, 1) == ["s:Be brief.", "u:Other?"]
    assert contents(server, 2) == ["s:Be brief.", "u:One?", "a:Hello there.", "u:Two?"]


async def test_history_of_a_channel_names_its_speakers(autojump_clock, net):
    """A shared conversation says who spoke."""
    server = OpenAiServer(answer(HELLO))
    async with server.running(), stage_on(server, session_scope="channel", system_prompt="") as stage:
        await ask(stage, request("One?", "t1"))
        await ask(stage, AgentRequest("t2", "Two?", Speaker(UserId(4), "Bob", SPEAKER.guild_id, SPEAKER.channel_id)))
    assert contents(server) == ["u:Ada: One?", "a:Hello there.", "u:Bob: Two?"]


async def test_barge_in_stops_the_generation_and_cuts_the_history(autojump_clock, net):
    """The server sees the client leave at once; the next question tells the model only what was heard."""
    server = OpenAiServer(answer(["word "] * 20, gap_s=0.5))
    async with server.running(), stage_on(server) as stage:
        with trio.move_on_after(2.1):
            await ask(stage, request("A story.", "t1"))
        await trio.testing.wait_all_tasks_blocked()
        assert server.ends == {"left": 1}
        server.script = answer(HELLO)
        await ask(stage, request("Stop.", "t2", previous=Previous(interrupted=True, heard="word word")))
    assert contents(server) == ["s:Be brief.", "u:A story.", "a:word word", "u:Stop."]


async def test_superseded_turn_is_not_in_the_history(autojump_clock, net):
    """The user went on speaking: the words come again with the next question, and nothing was heard."""
    server = OpenAiServer(answer(HELLO, first_s=1.0))
    async with server.running(), stage_on(server) as stage:
        await ask(stage, request("Hi.", "t0"))
        with trio.move_on_after(0.5):
            await ask(stage, request("What is", "t1"))
        previous = Previous(interrupted=True, heard="")
        await ask(stage, request("What is that?", "t2", previous=previous))
    assert contents(server) == ["s:Be brief.", "u:Hi.", "a:Hello there.", "u:What is that?"]


async def test_history_forgets_failures_and_is_bounded(autojump_clock, net):
    """A failed turn leaves no trace; tokens and age have their limits."""
    server = OpenAiServer(answer(HELLO))
    limits: dict[str, Any] = {"history_tokens": 25, "history_age_ms": 60_000, "retries": 0}
    async with server.running(), stage_on(server, **limits) as stage:
        server.fail_next(1)
        assert (await ask(stage, request("Zero?", "t0"))).error is not None
        for turn in ("One?", "Two?", "Three?"):
            await ask(stage, request(turn, turn))
        # 4 and 12 letters are 1 + 3 tokens, and 4 for each message; 6 letters are 2: two exchanges fit into 25
        assert contents(server) == ["s:Be brief.", "u:One?", "a:Hello there.", "u:Two?", "a:Hello there.", "u:Three?"]
        await ask(stage, request("Four?", "t4"))
        assert contents(server)[1] == "u:Two?", "the oldest goes first"
        await trio.sleep(61)
        await ask(stage, request("Five?", "t5"))
        assert contents(server) == ["s:Be brief.", "u:Five?"]


async def test_answer_cut_at_our_length_is_remembered_as_it_was_said(autojump_clock, net):
    """What was not passed on is not in the history."""
    server = OpenAiServer(answer(["Hello ", "there, ", "my ", "friend."]))
    settings = OpenAiAgentSettings(model="test-model", url=Secret("http://127.0.0.1:80/v1"), system_prompt="")
    dialect = OpenAiDialect(settings, wall_s=lambda: 0.0)
    async with server.running(port=80), AgentClient(dialect, settings) as stage:
        assert (await ask(stage, request("One?", "t1", answer_chars_max=8))).text == "Hello th"
        await ask(stage, request("Two?", "t2"))
    assert contents(server) == ["u:One?", "a:Hello th", "u:Two?"]


async def test_thoughts_are_never_passed_on(autojump_clock, net):
    """Neither those in a field of their own nor those in tags; nor are they remembered."""
    server = OpenAiServer((Think("Hmm. "), Say("<thi"), Say("nk>Well.</think>"), Wait(0.2), Say("Yes."), Finish()))
    async with server.running(), stage_on(server, system_prompt="") as stage:
        heard = await ask(stage, request("One?", "t1"))
        await ask(stage, request("Two?", "t2"))
    assert heard.text == "Yes."
    assert heard.marks["agent_first_text"] == exactly(0.2)
    assert contents(server) == ["u:One?", "a:Yes.", "u:Two?"]


@pytest.mark.parametrize(
    ("plan", "text", "error", "words"),
    [
        ((CallTool("search"), Finish("tool_calls")), "", NoReply, "called a tool"),
        ((Say("One moment."), CallTool("search"), Finish("tool_calls")), "One moment.", None, "called a tool"),
        ((Say("Hello "), Finish("length")), "Hello ", None, "longest"),
        ((Finish("content_filter"),), "", NoReply, "content filter"),
        ((Say("Hello "), Fail("CUDA out of memory")), "Hello ", AgentFailed, "CUDA out of memory"),
        ((Say("Hello "), Fail(f"cannot answer {WORDS}")), "Hello ", AgentFailed, "not shown"),
    ],
)
async def test_end_of_an_answer(autojump_clock, net, plan, text, error, words):
    """Tool calls are left alone, an early end is logged, an error in the stream is an error."""
    server = OpenAiServer(plan)
    with capture_logs() as logs:
        async with server.running(), stage_on(server) as stage:
            heard = await ask(stage)
    assert heard.text == text
    assert len(server.asked) == 1
    if error is None:
        assert heard.error is None
        assert [log["reason"] for log in logs if words in log.get("reason", "")], logs
    else:
        assert type(heard.error) is error
        assert words in str(heard.error)


@pytest.mark.parametrize("shape", ["status", "line", "empty"])
async def test_two_failures_then_success(autojump_clock, net, shape):
    """Fails twice, in each shape, then speaks: the waits are the only added time, and one answer is spoken."""
    server = OpenAiServer(answer(HELLO, first_s=0.4))
    server.fail_next(2, shape)
    async with server.running(), stage_on(server, retry_empty=True) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
        assert heard.text == "Hello there."
        assert heard.marks["agent_first_text"] == exactly(0.25 + 0.5 + 0.4)
        await ask(stage, request("Two?", "t2"))
    assert contents(server) == ["s:Be brief.", f"u:{WORDS}", "a:Hello there.", "u:Two?"]


async def test_used_up_quota_is_final(autojump_clock, net):
    """A 429 that time does not heal is not tried again."""
    body = json.dumps({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}).encode()
    server = OpenAiServer((Whole(429, body, "application/json"),))
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageRefused)
    assert "quota is used up" in str(heard.error)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"key": "wrong-k3y"}, "agent.api_key"), ({"key": "k3y-of-it", "model": "other"}, "agent.model")],
)
async def test_refusals_say_what_to_set(autojump_clock, net, settings, words):
    """Wrong key and unknown model, by the server's own answers; neither key nor words in the message."""
    server = OpenAiServer(key="k3y-of-it")
    async with server.running(), stage_on(server, **settings) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageRefused)
    assert words in str(heard.error)
    assert "k3y" not in str(heard.error)


async def test_model_is_needed():
    """Without a model's name the configuration is not read."""
    with pytest.raises(ConfigError, match="model"):
        OpenAiAgentSettings(url=Secret("http://localhost/v1"))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"model": "other"}, StageRefused, "agent.model may be test-model"),
        ({"key": "wrong"}, StageRefused, "API key"),
        ({"path": "/elsewhere"}, None, "lists no models"),
        ({"path": ""}, StageRefused, "add /v1 to agent.url"),
    ],
)
async def test_probe_says_what_is_wrong(autojump_clock, net, change, kind, words):
    """Model, key and address are looked at without asking the model anything."""
    server = OpenAiServer(key="k3y-of-it")
    async with server.running():
        url = server.url + change.pop("path", "/v1")
        async with stage_on(server, url=url, **{"key": "k3y-of-it", **change}) as stage:
            if kind is None:
                assert words in await stage.probe()
            else:
                with pytest.raises(kind) as caught:
                    await stage.probe()
                assert words in str(caught.value)
    assert server.asked == []


async def test_probe_of_something_else(autojump_clock, net):
    """A page at this address is no API; a hung server ends the probe after 5 s; a closed port is refused."""
    server = OpenAiServer()

    async def page(_request, reply) -> None:
        await reply.send(200, b"<html>Open WebUI</html>", "text/html")

    server.route("GET", "/v1/models", page)
    async with server.running(), stage_on(server) as stage:
        with pytest.raises(StageRefused, match="no OpenAI-compatible API"):
            await stage.probe()
    server.connection_fault = "hang"
    async with server.running(), stage_on(server) as stage:
        began = trio.current_time()
        with pytest.raises(StageTimeout):
            await stage.probe()
        assert trio.current_time() - began == exactly(5.0)
        await server.stop()
        with pytest.raises(StageUnavailable, match="refused"):
            await stage.probe()


async def test_logs_hold_neither_speech_nor_key(autojump_clock, net, caplog):
    """At the most talkative level."""
    server = OpenAiServer(answer(["Secretanswer."]), key="k3y-of-it")
    server.fail_next(2)
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with server.running(), stage_on(server, key="k3y-of-it") as stage:
            assert (await ask(stage)).error is None
    written = caplog.text + repr(logs)
    for secret in ("pineapple", "Secretanswer", "k3y", "Be brief"):
        assert secret not in written, f"{secret} leaked into the log"


async def test_cancel_at_any_instant_leaves_the_pool_whole(autojump_clock, net):
    """Cancelled at each 10 ms of a turn; after each the next turn is answered, and remembers only whole words."""
    MemNet(latency_s=0.005).install()
    server = OpenAiServer(answer(["a ", "b ", "c."], first_s=0.05, gap_s=0.02))
    async with server.running(), stage_on(server, history_tokens=0) as stage:
        for step in range(14):
            with trio.move_on_after(step * 0.01 + 0.001):
                await ask(stage)
            await trio.sleep(0.1)
            assert server.in_flight == 0, f"a request is still open after a cancel at {step * 10} ms"
        assert (await ask(stage)).text == "a b c."


async def test_loopback_streams_and_stops():
    """On kernel sockets: tokens come before the end, and the server notices a barge-in."""
    server = OpenAiServer(answer(HELLO, gap_s=0.1), piece_bytes=11)
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
        assert heard.text == "Hello there."
        assert heard.ended - heard.events[0][0] >= 0.05, "it did not stream"
        server.script = (Say("Hello "), Wait(30), Finish())
        with trio.move_on_after(0.2):
            await ask(stage)
        with trio.fail_after(5):
            while server.in_flight:  # noqa: ASYNC110 - the server counts, it has no event for it
                await trio.sleep(0.005)
    assert server.ends == {"finished": 1, "left": 1}


async def test_the_model_is_told_of_the_room_below_its_system_prompt(autojump_clock, net):
    """Who is there and whom it talks with, as data; not if the operator does not want it."""
    server = OpenAiServer(answer(HELLO))
    in_a_room = {"people": ("Ada", "Bob"), "participants": 2, "joined": ("Bob",)}
    async with server.running(), stage_on(server) as stage:
        await ask(stage, request("One?", "t1", **in_a_room))
    prompt = server.asked[0].messages[0][1]
    assert prompt.startswith("Be brief.\n\nYou are in a Discord voice channel.")
    assert 'You are talking with "Ada".\nCame since the last question: "Bob".' in prompt
    async with server.running(), stage_on(server, room_in_prompt=False) as stage:
        await ask(stage, request("Two?", "t2", **in_a_room))
    assert contents(server)[0] == "s:Be brief."
