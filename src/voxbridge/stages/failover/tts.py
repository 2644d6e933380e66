"""Text to speech over several backends, and the second request for a sentence that is late."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import attrs
import trio

from voxbridge.core.health.hedge import Hedge
from voxbridge.core.sound.pcm import Pcm
from voxbridge.stages.contracts import SoundSink, TtsRequest, TtsStage, voices_of, warm_up
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

    @property
    def voices(self) -> tuple[str, ...]:
        """Return which voices the first backend knows of: a voice by name is one of its own."""
        return voices_of(self.guards[0].stage)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage``. Raises: StageError."""
        turn = self._turn(request.turn_id)
        before, turn.decided = turn.decided, trio.Event()
        decided = turn.decided
        try:
            if not before.is_set():
                await before.wait()
            await self._speak(request, turn, decided, out)
        finally:
            decided.set()

    async def _speak(self, request: TtsRequest, turn: _Turn, decided: trio.Event, out: SoundSink) -> None:
        order = in_order(self.guards, turn.first)
        asked = _Asked(out)

        def takes(runner: Runner[TtsStage]) -> bool:
            has_it = runner.claim()
            if has_it and not decided.is_set():
                turn.first = self.guards.index(runner.guard)
                decided.set()
            return has_it

        async def run(runner: Runner[TtsStage]) -> None:
            contender = _Contender(runner, out, asked, takes, self._hedge)
            is_first = runner.guard is self.guards[0]
            await runner.guard.stage.speak(request if is_first else _in_its_own_voice(request), contender)
            runner.came_empty = not contender.has_sounded

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


def _in_its_own_voice(request: TtsRequest) -> TtsRequest:
    """Return the request for a backup: a voice by name, whoever named it, is one of the first backend's."""
    options = request.options
    return attrs.evolve(request, voice=None, options=None if options is None else attrs.evolve(options, voice=None))


class _Asked:
    """When the first request of a sentence went out, whoever it went to: a hedge's wait is counted from there."""

    def __init__(self, out: SoundSink) -> None:
        self._out = out
        self._at: float | None = None
        self._called_at = trio.current_time()

    @property
    def at(self) -> float:
        """Return the Trio time; of backends that do not tell, the call's."""
        return self._called_at if self._at is None else self._at

    def now(self) -> None:
        """Note a request."""
        if self._at is None:
            self._at = trio.current_time()
            self._out.asked()


class _Contender:
    """One backend's sink: it takes the sentence with its first sound, and only who has it is heard."""

    def __init__(
        self,
        runner: Runner[TtsStage],
        out: SoundSink,
        asked: _Asked,
        takes: Callable[[Runner[TtsStage]], bool],
        hedge: Hedge | None,
    ) -> None:
        self._runner, self._out, self._asked, self._takes, self._hedge = runner, out, asked, takes, hedge
        self.has_sounded = False

    def asked(self) -> None:
        """See SoundSink."""
        self._runner.note_asked()
        self._asked.now()

    def first_byte(self) -> None:
        """See SoundSink."""
        self._out.first_byte()

    def push(self, pcm: Pcm) -> None:
        """See SoundSink."""
        if not pcm.data or not self._takes(self._runner):
            return
        if not self.has_sounded:
            self.has_sounded = True
            if self._hedge is not None:
                # The wait of who was beaten is at least this long; a better figure there is not.
                self._hedge.came(trio.current_time() - self._asked.at)
        self._out.push(pcm)
