"""Text to speech over several backends, and the second request for a sentence that is late."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import attrs
import trio

from voxbridge.core.health.hedge import Hedge
from voxbridge.core.sound.pcm import Pcm
from voxbridge.stages.contracts import Mark, TtsRequest, TtsStage, warm_up
from voxbridge.stages.failover.base import Failover
from voxbridge.stages.failover.guard import Guard, in_order
from voxbridge.stages.failover.race import Race, Runner, hedged_patience

# Turns that are answered at the same time; those before them are over.
_TURNS_KEPT = 64


class FailoverTts(Failover[TtsStage]):
    """A TtsStage: another backend only before the first sound of a sentence, and with a voice of its own.

    Once a turn has changed its backend it stays there, so that the voice does not go to and fro. ``hedge`` asks a
    second time when the first sound is late: the next backend, or the only one if ``can_double`` (it makes several
    sentences at a time; otherwise the second request would wait for the first).
    """

    def __init__(
        self, guards: Sequence[Guard[TtsStage]], *, hedge: Hedge | None = None, can_double: bool = False
    ) -> None:
        super().__init__(guards)
        self._hedge, self._can_double = hedge, can_double
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    async def warm(self) -> None:
        """Let the backend that will be asked first open its connection, if it can."""
        await warm_up(in_order(self.guards)[0].stage)

    async def speak(self, request: TtsRequest, out: Callable[[Pcm], None], mark: Mark) -> None:
        """Speak one sentence; see ``TtsStage``. Raises: StageError."""
        turn = self._turn(request.turn_id)
        before, turn.decided = turn.decided, trio.Event()
        decided = turn.decided
        try:
            if not before.is_set():
                await before.wait()
            await self._speak(request, turn, decided, out, mark)
        finally:
            decided.set()

    async def _speak(
        self, request: TtsRequest, turn: _Turn, decided: trio.Event, out: Callable[[Pcm], None], mark: Mark
    ) -> None:
        order = in_order(self.guards, turn.first)
        marks = _FirstMarks(mark)

        def takes(runner: Runner[TtsStage]) -> bool:
            has_it = runner.claim()
            if has_it and not decided.is_set():
                turn.first = self.guards.index(runner.guard)
                decided.set()
            return has_it

        async def run(runner: Runner[TtsStage]) -> None:
            def mark_it(name: str) -> None:
                if name == "tts_request":
                    runner.note_asked()
                elif name in ("tts_first_pcm", "tts_last_pcm") and not takes(runner):
                    return
                if name == "tts_first_pcm" and self._hedge is not None:
                    # The wait of who was beaten is at least this long; a better figure there is not.
                    self._hedge.came(trio.current_time() - marks.asked_at)
                marks(name)

            def pass_on(pcm: Pcm) -> None:
                if takes(runner):
                    out(pcm)

            is_first = runner.guard is self.guards[0]
            asked = request if is_first else attrs.evolve(request, voice=None)
            await runner.guard.stage.speak(asked, pass_on, mark_it)

        if self._hedge is not None:
            self._hedge.asked()
        only_itself = len(order) == 1
        race = Race(
            "tts",
            order,
            run,
            patience=hedged_patience(self._hedge),
            spares=(order if self._can_double else ()) if only_itself else None,
        )
        await race.go()

    def _turn(self, turn_id: str) -> _Turn:
        turn = self._turns.setdefault(turn_id, _Turn())
        self._turns.move_to_end(turn_id)
        while len(self._turns) > _TURNS_KEPT:
            self._turns.popitem(last=False)
        return turn


def _set() -> trio.Event:
    event = trio.Event()
    event.set()
    return event


@attrs.define(eq=False)
class _Turn:
    """Whose voice a turn has: ``first`` is asked first. A sentence waits until the one before it has a voice."""

    first: int = 0
    decided: trio.Event = attrs.field(factory=_set)


class _FirstMarks:
    """Passes marks on, each but the last sound's once: a backup's request is not the turn's."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._seen: set[str] = set()
        self.asked_at = 0.0

    def __call__(self, name: str) -> None:
        if name in self._seen:
            return
        if name != "tts_last_pcm":
            self._seen.add(name)
        if name == "tts_request":
            self.asked_at = trio.current_time()
        self._mark(name)
