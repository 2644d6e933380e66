"""An agent over several backends: another one only before the first text was passed on."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from voxbridge.core.agents.conversation import Conversation, Conversations
from voxbridge.core.agents.threads import Threads
from voxbridge.core.health.hedge import Hedge
from voxbridge.stages.agent.memory import opened
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AgentStage,
    AnswerOptions,
    AnswerSink,
    Forgetful,
    TextDelta,
    Threaded,
    ToolsCalled,
    ToolServerStatus,
    ToolUser,
    warm_up,
)
from voxbridge.stages.failover.base import Failover
from voxbridge.stages.failover.guard import Guard, in_order
from voxbridge.stages.failover.race import Race, Runner, hedged_patience
from voxbridge.stages.sinks import is_visible


class FailoverAgent(Failover[AgentStage]):
    """An AgentStage, with one memory for those of its backends that have none.

    ``hedge`` asks the next one when the first text is late: only if workflows may run twice.
    """

    def __init__(self, guards: Sequence[Guard[AgentStage]], *, hedge: Hedge | None = None) -> None:
        super().__init__(guards)
        self._hedge = hedge
        wanted = [guard.stage.history_rules for guard in guards if isinstance(guard.stage, Forgetful)]
        self.conversations = Conversations(rules for rules in wanted if rules is not None)

    @property
    def threads(self) -> list[Threads]:
        """See Threaded."""
        stages = (guard.stage for guard in self.guards)
        return [each for stage in stages if isinstance(stage, Threaded) for each in stage.threads]

    @property
    def tool_servers(self) -> list[ToolServerStatus]:
        """See ToolUser."""
        users = (guard.stage for guard in self.guards)
        return [each for stage in users if isinstance(stage, ToolUser) for each in stage.tool_servers]

    async def told_of_tools(self, within_s: float) -> list[str]:
        """See ToolUser."""
        users = (guard.stage for guard in self.guards)
        return [told for stage in users if isinstance(stage, ToolUser) for told in await stage.told_of_tools(within_s)]

    async def warm(self) -> None:
        """Let the backend that will be asked first open its connection, if it can."""
        await warm_up(in_order(self.guards)[0].stage)

    @property
    def retry_count(self) -> int:
        """Return the repeated attempts of all backends."""
        return sum(guard.stage.retry_count for guard in self.guards)

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        """Stream the answer; see ``AgentStage``. Raises: StageError."""
        conversation = opened(self.conversations, request, trio.current_time())
        request = attrs.evolve(request, conversation=conversation)

        async def run(runner: Runner[AgentStage]) -> None:
            contender = _Contender(runner, _Kept(out, conversation), self._hedge)
            await runner.guard.stage.answer(request, contender)
            runner.came_empty = not contender.has_spoken

        if self._hedge is not None:
            self._hedge.asked()
        try:
            await Race("agent", in_order(self.guards), run, patience=hedged_patience(self._hedge)).go()
        finally:
            conversation.close(trio.current_time())


class _Kept:
    """A sink that keeps what was passed on in the conversation."""

    def __init__(self, out: AnswerSink, conversation: Conversation) -> None:
        self._out, self._conversation = out, conversation

    def asked(self) -> None:
        """See AnswerSink."""
        self._out.asked()

    def send_nowait(self, event: AgentEvent) -> None:
        """See AnswerSink. Raises: trio.WouldBlock."""
        self._out.send_nowait(event)
        self._keep(event)

    async def send(self, event: AgentEvent) -> None:
        """See AnswerSink."""
        await self._out.send(event)
        self._keep(event)

    def _keep(self, event: AgentEvent) -> None:
        if isinstance(event, TextDelta):
            self._conversation.add(event.text)


class _Contender:
    """One backend's sink: it takes the turn with its first visible text, and nothing is passed on before or without it.

    So of two whose first texts come in one step only one speaks, whatever they do then.
    """

    def __init__(self, runner: Runner[AgentStage], out: AnswerSink, hedge: Hedge | None) -> None:
        self._runner, self._out, self._hedge = runner, out, hedge
        self._options: AnswerOptions | None = None
        self.has_spoken = False

    def asked(self) -> None:
        """See AnswerSink."""
        self._runner.note_asked()
        self._out.asked()

    def send_nowait(self, event: AgentEvent) -> None:
        """See AnswerSink. Raises: trio.WouldBlock."""
        if isinstance(event, ToolsCalled):
            if not self._runner.is_beaten:
                self._out.send_nowait(event)  # it is no answer: whoever speaks first still takes the turn
            return
        if not self._is_due(event) or not self._takes():
            return
        if self._options is not None:
            self._out.send_nowait(self._options)
            self._options = None
        self._out.send_nowait(event)

    async def send(self, event: AgentEvent) -> None:
        """See AnswerSink. Who was beaten is cancelled here."""
        if isinstance(event, ToolsCalled) and not self._runner.is_beaten:
            await self._out.send(event)
            return
        if not self._is_due(event) or not self._takes():
            await trio.lowlevel.checkpoint()
            return
        if self._options is not None:
            options, self._options = self._options, None
            await self._out.send(options)
        await self._out.send(event)

    def _is_due(self, event: AgentEvent) -> bool:
        """Keep back what comes before the first visible text: of it only the options mean anything."""
        if self.has_spoken or is_visible(event):
            return True
        if isinstance(event, AnswerOptions):
            self._options = event
        return False

    def _takes(self) -> bool:
        if not self._runner.claim():
            return False
        if not self.has_spoken:
            self.has_spoken = True
            if self._hedge is not None:
                self._hedge.came(trio.current_time() - self._runner.asked_at)
        return True
