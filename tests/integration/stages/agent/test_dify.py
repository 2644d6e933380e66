"""A Dify app as the agent: conversations, the stop call, moderation."""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs
import pytest
import trio
import trio.testing

from tests.integration.stages.agent.agent_client import WORDS, ask, request
from tests.support.agents import agent_of
from voxbridge.config.secrets import Secret
from voxbridge.errors import AgentFailed, StageRefused
from voxbridge.stages.agent.dify import DifySettings
from voxbridge.stages.contracts import Previous
from voxbridge.storage.archive import Archive
from voxbridge.storage.port import Key, Value
from voxbridge.storage.threads import KeptThreads
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import Fail, Finish, Say, Think, answer
from voxbridge.testing.servers.dify import DifyServer
from voxbridge.testing.servers.n8n_plans import Wait, Write

pytestmark = pytest.mark.integration

HELLO = ("Hello ", "there.")
SESSION = "discord:1:2:3"


def exactly(seconds: float):
    return pytest.approx(seconds, abs=1e-9)


@pytest.fixture
async def net() -> MemNet:
    """The in-memory network, installed."""
    return MemNet().install()


def stage_on(server: DifyServer, *, key: str = "app-key", tail: str = "", **more):
    settings = DifySettings(url=Secret(server.base_url + tail), api_key=Secret(key), **more)
    return agent_of(settings)


@pytest.mark.parametrize("manner", [{}, {"is_coalesced": True}, {"piece_bytes": 7}])
@pytest.mark.parametrize("tail", ["", "/", "/chat-messages"])
async def test_answer_streams(autojump_clock, net, manner, tail):
    """Each message event passes when it comes; thoughts and pings say nothing."""
    plan = (Think("Hm."), Wait(0.3), *answer(HELLO, first_s=0.1, gap_s=0.1))
    server = DifyServer(plan, **manner)
    async with server.running(), stage_on(server, tail=tail) as stage:
        heard = await ask(stage)
    assert heard.error is None
    assert heard.text == "Hello there."
    assert heard.marks["agent_first_text"] == exactly(0.4)
    assert server.stopped == [], "an answer that is whole needs no stop"


async def test_conversation_goes_on_under_its_id(autojump_clock, net):
    """The id of the first answer comes with the next question; the user is the session."""
    server = DifyServer(answer(HELLO))
    inputs = {"name": "{user_name}", "heard": "{heard}", "fixed": "{not ours}"}
    async with server.running(), stage_on(server, inputs=inputs) as stage:
        await ask(stage, request("One?", "t1"))
        await ask(stage, request("Two?", "t2", previous=Previous(interrupted=True, heard='He "said')))
    first, second = (dict(asked.body) for asked in server.asked)
    assert first == {
        "query": "One?",
        "inputs": {"name": "Ada", "heard": "", "fixed": "{not ours}"},
        "response_mode": "streaming",
        "conversation_id": "",
        "user": SESSION,
    }
    assert second["conversation_id"] == "conversation-1"
    assert second["inputs"]["heard"] == 'He "said'


@attrs.define
class Drawer:
    """A store that outlives its archive."""

    facts: dict[Key, Value] = attrs.field(factory=dict)

    async def load(self) -> dict[Key, Value]:
        return dict(self.facts)

    async def apply(self, changes: Mapping[Key, Value | None]) -> None:
        for key, value in changes.items():
            self.facts.pop(key, None)
            if value is not None:
                self.facts[key] = value


async def test_conversation_goes_on_after_a_restart(autojump_clock, net):
    """Another life of the daemon knows its id; who had everything deleted begins a new one."""
    store, server = Drawer(), DifyServer(answer(HELLO))

    async def live(wish: str = "") -> str:
        archive = Archive(store)
        await archive.flush()
        async with stage_on(server) as stage:
            kept = KeptThreads(archive, stage.threads, lasting=True)
            await ask(stage)
            if wish == "delete":
                who = request().speaker
                assert await kept.count(who.guild_id, who.user_id) == 1
                assert await kept.erase(who.guild_id, who.user_id) == 1
        await archive.flush()
        return str(server.asked[-1].body["conversation_id"])

    async with server.running():
        first, second, third = await live(), await live("delete"), await live()
    assert first == third == ""
    assert second != ""


async def test_conversation_that_is_gone_is_begun_anew(autojump_clock, net):
    """Dify has deleted it: the same turn begins a new one at once, and is answered, also where nothing is retried."""
    server = DifyServer(answer(HELLO))
    async with server.running(), stage_on(server, retries=0) as stage:
        await ask(stage, request("One?", "t1"))
        server.conversations.clear()
        heard = await ask(stage, request("Two?", "t2"))
        assert heard.text == "Hello there."
        assert heard.marks["agent_first_text"] == exactly(0.0)
    assert [asked.body["conversation_id"] for asked in server.asked] == ["", ""]


async def test_barge_in_tells_dify_to_stop(autojump_clock, net):
    """One stop call with the task's id and the user; the conversation goes on."""
    server = DifyServer(answer(["word "] * 20, gap_s=0.5))
    async with server.running(), stage_on(server) as stage:
        with trio.move_on_after(2.1):
            await ask(stage, request("A story.", "t1"))
        assert server.stopped == [("task-1", SESSION)]
        server.script = answer(HELLO)
        assert (await ask(stage, request("Stop.", "t2"))).text == "Hello there."
    assert server.asked[-1].body["conversation_id"] == "conversation-1"


async def test_stop_that_hangs_holds_nothing_up(autojump_clock, net):
    """The stop call has a quarter of a second, and then the turn is over."""
    server = DifyServer(answer(["word "] * 20, gap_s=0.5))
    server.stop_hangs = True
    async with server.running(), stage_on(server) as stage:
        began = trio.current_time()
        with trio.move_on_after(2.1):
            await ask(stage)
        assert trio.current_time() - began == exactly(2.1 + 0.25)
        await trio.testing.wait_all_tasks_blocked()
        assert server.in_flight == 0
        server.script = answer(HELLO)
        assert (await ask(stage, request(turn_id="t2"))).text == "Hello there."


async def test_barge_in_before_the_first_event_stops_nothing(autojump_clock, net):
    """Without a task id there is nothing to stop: closing the connection has to do."""
    server = DifyServer((Wait(9), Finish()))
    async with server.running(), stage_on(server) as stage:
        with trio.move_on_after(1.0):
            await ask(stage)
        assert trio.current_time() == exactly(server.asked[0].at + 1.0)
    assert server.stopped == []


async def test_idle_answer_is_stopped(autojump_clock, net):
    """An answer that we give up is an answer that Dify need not finish."""
    server = DifyServer((Say("Hello "), Wait(99), Finish()))
    async with server.running(), stage_on(server, idle_limit_ms=2000) as stage:
        heard = await ask(stage)
    assert heard.text == "Hello "
    assert heard.error is not None
    assert server.stopped == [("task-1", SESSION)]


async def test_moderation_replaces_what_was_not_said_yet(autojump_clock, net):
    """A replaced answer: what was said stands, the replacement follows."""
    replaced = b'data: {"event":"message_replace","answer":"I cannot say that."}\n\n'
    server = DifyServer((Say("Well, "), Write(replaced), Finish()))
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
    assert heard.text == "Well, I cannot say that."
    assert heard.flushes == 2, "the two belong to different sentences"


@pytest.mark.parametrize("shape", ["status", "line", "empty"])
async def test_two_failures_then_success(autojump_clock, net, shape):
    """Fails twice, in each shape, then speaks; the waits are the only added time."""
    server = DifyServer(answer(HELLO, first_s=0.4))
    server.fail_next(2, shape)
    async with server.running(), stage_on(server, retry_empty=True) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert heard.text == "Hello there."
    assert heard.marks["agent_first_text"] == exactly(0.25 + 0.5 + 0.4)


async def test_error_after_text_is_reported(autojump_clock, net):
    """No retry, since it would be said twice; the user's words are not in the message."""
    server = DifyServer((Say("Hello "), Fail(f"no idea about {WORDS}")))
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
    assert heard.text == "Hello "
    assert isinstance(heard.error, AgentFailed)
    assert "not shown" in str(heard.error)


async def test_probe_in_words(autojump_clock, net):
    """Right key, wrong key, and an address that is no Dify."""
    server = DifyServer()
    async with server.running():
        async with stage_on(server) as stage:
            assert (await stage.probe()).startswith("dify: the app is there")
        async with stage_on(server, key="wr0ng-key") as stage:
            with pytest.raises(StageRefused, match="API key") as caught:
                await stage.probe()
            assert "wr0ng" not in str(caught.value)

        async def page(_request, reply) -> None:
            await reply.send(200, b"<html>Dify</html>", "text/html")

        server.route("GET", "/v1/parameters", page)
        async with stage_on(server) as stage:
            with pytest.raises(StageRefused, match="no Dify API"):
                await stage.probe()
    assert server.asked == []


async def test_channel_scope_is_one_conversation(autojump_clock, net):
    """Dify ties a conversation to its user, so the channel is the user."""
    server = DifyServer(answer(HELLO))
    async with server.running(), stage_on(server, session_scope="channel") as stage:
        await ask(stage)
    assert json.loads(server.requests[0].body)["user"] == "discord:1:2"


async def test_loopback_answers_and_stops():
    """The same on kernel sockets."""
    server = DifyServer(answer(["Hello ", "there."], gap_s=0.1), piece_bytes=13)
    async with server.running(), stage_on(server) as stage:
        assert (await ask(stage)).text == "Hello there."
        server.script = (Say("Hello "), Wait(30), Finish())
        with trio.move_on_after(0.2):
            await ask(stage)
    assert server.stopped == [("task-2", SESSION)]
