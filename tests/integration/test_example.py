"""The example of CONTRIBUTING.md: an agent that fails twice, in virtual time."""

from __future__ import annotations

import pytest
import trio

from voxbridge.config.secrets import Secret
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.stages.agent.n8n import N8nSettings, N8nStage
from voxbridge.stages.contracts import AgentEvent, AgentRequest, Speaker, TextDelta
from voxbridge.stages.sinks import AnswerInto
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent

pytestmark = pytest.mark.integration

ADA = Speaker(UserId(1), "Ada", GuildId(2), ChannelId(3))


async def test_agent_that_fails_twice_is_asked_a_third_time(autojump_clock) -> None:
    """Two failures cost their backoff and nothing more; the words of the third attempt arrive once."""
    MemNet().install()
    marks: dict[str, float] = {}
    began = trio.current_time()

    def mark(name: str, at: float) -> None:
        marks[name] = at - began

    async with N8nServer(agent(["Hello ", "there."], first_s=0.4)).running() as n8n:
        n8n.failures_per_turn = 2
        settings = N8nSettings(url=Secret(f"{n8n.url}/webhook/test"), retry_delay_ms=250)
        send, receive = trio.open_memory_channel[AgentEvent](16)  # more than this answer has: nobody reads meanwhile
        async with N8nStage(settings, rng=lambda: 1.0) as stage, receive:
            async with send:
                await stage.answer(AgentRequest("turn-1", "Is anybody there?", ADA), AnswerInto(send, mark))
            said = "".join([event.text async for event in receive if isinstance(event, TextDelta)])

    assert said == "Hello there."
    assert stage.retry_count == 2
    assert [question.attempt for question in n8n.questions] == [1, 2, 3]
    # the backoff of 250 ms, then its double, then 400 ms until the first word
    assert marks["agent_first_text"] == pytest.approx(1.15, abs=1e-9), f"first text after {marks['agent_first_text']} s"
