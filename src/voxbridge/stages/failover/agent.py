"""An agent over several backends: another one only before the first text was passed on."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from voxbridge.core.health.hedge import Hedge
from voxbridge.stages.contracts import AgentEvent, AgentRequest, AgentStage, Mark, warm_up
from voxbridge.stages.failover.base import Failover
from voxbridge.stages.failover.guard import Guard, in_order
from voxbridge.stages.failover.race import Race, Runner, hedged_patience


class FailoverAgent(Failover[AgentStage]):
    """An AgentStage. ``hedge`` asks the next one when the first text is late: only if workflows may run twice."""

    def __init__(self, guards: Sequence[Guard[AgentStage]], *, hedge: Hedge | None = None) -> None:
        super().__init__(guards)
        self._hedge = hedge

    async def warm(self) -> None:
        """Let the backend that will be asked first open its connection, if it can."""
        await warm_up(in_order(self.guards)[0].stage)

    @property
    def retry_count(self) -> int:
        """Return the repeated attempts of all backends."""
        return sum(guard.stage.retry_count for guard in self.guards)

    async def answer(self, request: AgentRequest, out: trio.MemorySendChannel[AgentEvent], mark: Mark) -> None:
        """Stream the answer; see ``AgentStage``. Raises: StageError."""
        is_asked = False

        async def run(runner: Runner[AgentStage]) -> None:
            def mark_it(name: str) -> None:
                nonlocal is_asked
                match name:
                    case "agent_request":
                        runner.note_asked()
                        if is_asked:
                            return
                        is_asked = True
                    case "agent_first_text":
                        # The text itself is sent next. Who is beaten is cancelled, and ``send`` looks at that first.
                        if not runner.claim():
                            return
                        if self._hedge is not None:
                            self._hedge.came(trio.current_time() - runner.asked_at)
                    case _:
                        pass
                mark(name)

            await runner.guard.stage.answer(request, out, mark_it)

        if self._hedge is not None:
            self._hedge.asked()
        await Race("agent", in_order(self.guards), run, patience=hedged_patience(self._hedge)).go()
