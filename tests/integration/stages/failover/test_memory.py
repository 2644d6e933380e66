"""One memory for all backends of an agent: whoever answers, the next one asked knows what was said and heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from tests.integration.stages.agent.agent_client import SPEAKER, ask
from tests.support.agents import agent_of
from voxbridge.config.secrets import Secret
from voxbridge.core.agents.conversation import AgentMemories
from voxbridge.core.ids import UserId
from voxbridge.people.privacy import Records
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.stages.contracts import AgentRequest, AgentStage, Previous, Remembering
from voxbridge.stages.failover import FailoverAgent, Guard
from voxbridge.storage.remembered import Remembered
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chat import answer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, failure, words
from voxbridge.testing.servers.openai_chat import OpenAiServer

pytestmark = pytest.mark.integration


def model(server: OpenAiServer, **more: object) -> AgentStage:
    fields: Any = {"model": "test-model", "retries": 0, **more}
    return agent_of(OpenAiAgentSettings(url=Secret(server.base_url), **fields))


def workflow(server: N8nServer) -> AgentStage:
    return agent_of(N8nSettings(url=Secret(server.webhook_url), retries=0))


def records_of(stage: AgentStage) -> Records:
    """Return what /privacy asks of the stage's memory."""
    assert isinstance(stage, Remembering)
    assert stage.conversations is not None
    return Remembered(AgentMemories({"": stage.conversations}), None, wall_s=lambda: 0.0)


def told(server: OpenAiServer, index: int = -1) -> list[str]:
    return [f"{role[0]}:{content}" for role, content in server.asked[index].messages if role != "system"]


@asynccontextmanager
async def two_models(**more: Any) -> AsyncIterator[tuple[OpenAiServer, OpenAiServer, FailoverAgent]]:
    """Open two models, the second a backup; each says who it is."""
    MemNet().install()
    first, second = OpenAiServer(answer(("I am ", "A."))), OpenAiServer(answer(("I am ", "B.")))
    async with first.running(), second.running():
        guards = [Guard(model(server, **more), "agent", reserve_s=0.5) for server in (first, second)]
        async with FailoverAgent(guards) as stage:
            yield first, second, stage


def question(number: int, text: str, heard: str | None = None, **speaker: Any) -> AgentRequest:
    previous = None if heard is None else Previous(interrupted=True, heard=heard)
    who = attrs.evolve(SPEAKER, **speaker)
    return AgentRequest(f"turn-{number}", text, who, previous=previous)


async def test_what_was_heard_of_the_backups_answer_is_written_over_no_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A answers, B answers in its stead and is interrupted, A is asked again: it knows both turns as they were."""
    async with two_models() as (first, second, stage):
        assert (await ask(stage, question(1, "One?"))).text == "I am A."
        first.fail_next(1)
        assert (await ask(stage, question(2, "Two?"))).text == "I am B."
        assert told(second) == ["u:One?", "a:I am A.", "u:Two?"]
        assert (await ask(stage, question(3, "Three?", heard="I am"))).text == "I am A."
        assert told(first) == ["u:One?", "a:I am A.", "u:Two?", "a:I am", "u:Three?"]


async def test_a_turn_is_one_exchange_however_many_were_asked(autojump_clock: trio.testing.MockClock) -> None:
    """The question stands there once, with the answer of who gave it."""
    async with two_models() as (first, _second, stage):
        first.fail_next(1)
        await ask(stage, question(1, "One?"))
        await ask(stage, question(2, "Two?"))
        assert told(first) == ["u:One?", "a:I am B.", "u:Two?"]


async def test_a_model_behind_a_workflow_knows_what_the_workflow_said(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """n8n remembers by itself, and the model that stands in for it is told the conversation all the same."""
    MemNet().install()
    n8n, backup = N8nServer(agent(words("I am n8n."))), OpenAiServer(answer(("I am ", "B.")))
    async with n8n.running(), backup.running():
        guards = [Guard(stage, "agent", reserve_s=0.5) for stage in (workflow(n8n), model(backup))]
        async with FailoverAgent(guards) as stage:
            await ask(stage, question(1, "One?"))
            n8n.plans.append(failure("status"))
            await ask(stage, question(2, "Two?", heard="I am"))
            assert told(backup) == ["u:One?", "a:I am", "u:Two?"]


async def test_each_backend_is_told_as_much_as_it_wants(autojump_clock: trio.testing.MockClock) -> None:
    """A long memory and none, per user and per channel, in one conversation."""
    MemNet().install()
    first, second = OpenAiServer(answer(("I am ", "A."))), OpenAiServer(answer(("I am ", "B.")))
    async with first.running(), second.running():
        stages = (model(first, session_scope="channel"), model(second, history_tokens=0))
        async with FailoverAgent([Guard(stage, "agent", reserve_s=0.5) for stage in stages]) as stage:
            await ask(stage, question(1, "One?"))
            await ask(stage, question(2, "Two?", user_id=UserId(4), name="Bob"))
            assert told(first) == ["u:Ada: One?", "a:I am A.", "u:Bob: Two?"]
            first.fail_next(1)
            await ask(stage, question(3, "Three?"))
            assert told(second) == ["u:Three?"]


async def test_a_turn_that_all_failed_leaves_its_question_out(autojump_clock: trio.testing.MockClock) -> None:
    """As with one backend: what nobody answered is not in the way of the next question."""
    async with two_models() as (first, second, stage):
        first.fail_next(1)
        second.fail_next(1)
        assert (await ask(stage, question(1, "One?"))).error is not None
        await ask(stage, question(2, "Two?"))
        assert told(first) == ["u:Two?"]


async def test_a_member_who_has_everything_deleted_is_forgotten(autojump_clock: trio.testing.MockClock) -> None:
    """The model is told nothing of it any more, whichever backend it was; what others said stays."""
    async with two_models(session_scope="channel") as (first, _second, stage):
        await ask(stage, question(1, "One?"))
        first.fail_next(1)
        await ask(stage, question(2, "Two?", user_id=UserId(4), name="Bob"))
        records, guild, ada = records_of(stage), SPEAKER.guild_id, SPEAKER.user_id
        assert await records.count(guild, ada) == 1
        assert await records.erase(guild, ada) == 1
        assert await records.count(guild, ada) == 0
        await ask(stage, question(3, "Three?", user_id=UserId(4), name="Bob"))
        assert told(first) == ["u:Bob: Two?", "a:I am B.", "u:Bob: Three?"]


async def test_a_single_model_forgets_a_member_too(autojump_clock: trio.testing.MockClock) -> None:
    """Without a backup the backend keeps the conversation itself: it is found, counted and erased as well."""
    MemNet().install()
    server = OpenAiServer(answer(("I am ", "A.")))
    async with server.running(), model(server) as stage:
        await ask(stage, question(1, "One?"))
        records = records_of(stage)
        assert await records.count(SPEAKER.guild_id, SPEAKER.user_id) == 1
        assert await records.erase(SPEAKER.guild_id, SPEAKER.user_id) == 1
        await ask(stage, question(2, "Two?"))
        assert told(server) == ["u:Two?"]
