"""A word of patience while an agent's tools work."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
import trio.testing

from tests.support.hall import ANSWER, Hall, open_hall
from voxbridge.config.settings import Settings
from voxbridge.core.ids import UserId
from voxbridge.session.context import Tools
from voxbridge.stages.contracts import AgentRequest, AgentStage, AnswerSink, TextDelta, ToolsCalled

pytestmark = pytest.mark.integration

ADA = UserId(1)


class _CallsTools:
    """The agent behind it, which calls tools before it answers, and says something before that if it is told to."""

    def __init__(self, stage: AgentStage, before: Iterator[str]) -> None:
        self._stage, self._before, self.name, self.retry_count = stage, before, stage.name, 0

    async def __aenter__(self) -> _CallsTools:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """The stage inside is closed by who opened it."""

    async def probe(self) -> str:
        return await self._stage.probe()

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        if before := next(self._before):
            await out.send(TextDelta(before))
        await out.send(ToolsCalled())
        await self._stage.answer(request, out)


async def test_a_word_of_patience_is_said_if_it_is_wanted_and_nothing_else_was(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Live: off, then on; an agent that has said something itself needs none. The agent's answer is its own."""
    wanted, before = iter([False, True, True]), iter(["", "", "Let me see. "])
    is_wanted = False

    def now(settings: Settings) -> Settings:
        return attrs.evolve(settings, turn=attrs.evolve(settings.turn, tool_notice=is_wanted))

    def change(tools: Tools) -> Tools:
        return attrs.evolve(tools, agent=_CallsTools(tools.agent, before))

    async def spoken(hall: Hall, number: int) -> str:
        await hall.say(ADA)
        return (await hall.wait_report(number)).spoken

    async with open_hall(settings_now=now, change=change) as hall:
        hall.port.join(ADA, "Ada")
        texts = []
        for number, is_wanted in enumerate(wanted):  # noqa: B007 - ``now`` reads it
            texts.append(await spoken(hall, number))
        assert texts == [ANSWER, f"One moment. {ANSWER}", f"Let me see. {ANSWER}"]
        assert [report.answer for report in hall.reports] == [ANSWER, ANSWER, f"Let me see. {ANSWER}"]
