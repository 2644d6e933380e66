"""Asking the agent stage a question and writing down what came, for the tests of this folder."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from voxbridge.config.secrets import Secret
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import StageError
from voxbridge.stages.agent.n8n import ENGINES_URL, N8nSettings, N8nStage
from voxbridge.stages.contracts import AgentEvent, AgentRequest, AgentStage, Speaker, TextDelta, TextFlush
from voxbridge.stages.sinks import AnswerInto
from voxbridge.testing.servers.n8n import N8nServer

WORDS = "pineapple submarine zebra"
SECRET_PATH = "/webhook/s3cret-path"
SPEAKER = Speaker(UserId(3), "Ada", GuildId(1), ChannelId(2))


def request(text: str = WORDS, turn_id: str = "turn-1", **fields) -> AgentRequest:
    return AgentRequest(turn_id=turn_id, text=text, speaker=SPEAKER, **fields)


@attrs.define
class Heard:
    """What one turn got: events with their times from its start, marks, and how it ended."""

    began: float
    events: list[tuple[float, AgentEvent]] = attrs.field(factory=list)
    marks: dict[str, float] = attrs.field(factory=dict)
    error: StageError | None = None
    ended: float = math.nan

    @property
    def text(self) -> str:
        return "".join(event.text for _at, event in self.events if isinstance(event, TextDelta))

    @property
    def flushes(self) -> int:
        return sum(isinstance(event, TextFlush) for _at, event in self.events)


async def ask(stage: AgentStage, question: AgentRequest | None = None) -> Heard:
    """Ask, collect every event as it comes, and return when the stage has returned or failed."""
    heard = Heard(trio.current_time())
    send, receive = trio.open_memory_channel[AgentEvent](0)

    async def collect() -> None:
        async for event in receive:
            heard.events.append((trio.current_time() - heard.began, event))

    def mark(name: str, at: float) -> None:
        assert name not in heard.marks, f"marked {name} twice"
        heard.marks[name] = at - heard.began

    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect)
        async with send:
            try:
                await stage.answer(question or request(), AnswerInto(send, mark))
            except StageError as error:
                heard.error = error
    heard.ended = trio.current_time() - heard.began
    return heard


@asynccontextmanager
async def stage_for(
    server: N8nServer, *, path: str = SECRET_PATH, jitter: float = 1.0, **settings
) -> AsyncIterator[N8nStage]:
    """Open a stage on a simulated n8n, with a fixed jitter."""
    server.paths.add(SECRET_PATH)
    uds = server.uds
    settings = {"url": Secret(ENGINES_URL if uds else server.url + path), **settings}
    async with N8nStage(N8nSettings(**settings), uds=uds, rng=lambda: jitter) as stage:
        yield stage
