"""Speech to text over several backends: the utterance's packets are kept until its final is in, and told again.

feed --> ring (a whole utterance)
    '--> the line of who serves now --end--> final
                             not connected, late, failed: ring --> the backup's line --end--> final
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.sound.recent import RecentSound
from voxbridge.core.stt.owed import KEPT_S
from voxbridge.errors import StageUnavailable
from voxbridge.stages.contracts import PendingFinal, Speaker, SttSession, SttStage, Transcript
from voxbridge.stages.failover.base import Failover
from voxbridge.stages.failover.guard import Guard, in_order
from voxbridge.stages.failover.race import Race, Runner
from voxbridge.supervise import supervise

Packets = Sequence[HeardSound]


class FailoverStt(Failover[SttStage]):
    """An SttStage. ``backup_after_s``: so late a final is asked for at the backup as well."""

    def __init__(self, guards: Sequence[Guard[SttStage]], *, backup_after_s: float) -> None:
        super().__init__(guards)
        self.backup_after_s = backup_after_s

    @asynccontextmanager
    async def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[FailoverLine]:
        """Open the first backend's line for one speaker; the others' are opened when they are needed."""
        async with trio.open_nursery() as nursery:
            line = FailoverLine(self, speaker, on_partial, nursery)
            await line.open_first()
            yield line
            nursery.cancel_scope.cancel(reason="left")


class FailoverLine:
    """One speaker's lines to several backends; see ``SttSession``. Made by ``FailoverStt.open``."""

    def __init__(
        self,
        stage: FailoverStt,
        speaker: Speaker,
        on_partial: Callable[[str], None] | None,
        nursery: trio.Nursery,
    ) -> None:
        self._stage, self._speaker, self._on_partial, self._nursery = stage, speaker, on_partial, nursery
        self._lines: dict[Guard[SttStage], SttSession] = {}
        self._opened: dict[Guard[SttStage], trio.Event] = {}
        self._given_up: set[Guard[SttStage]] = set()
        self._serving = stage.guards[0]
        self._ring = RecentSound(KEPT_S)

    # -- SttSession --

    @property
    def reconnect_count(self) -> int:
        """Return the reconnects of all lines."""
        return sum(line.reconnect_count for line in self._lines.values())

    @property
    def is_connected(self) -> bool:
        """Tell whether the line of who serves now is up."""
        return self._live.is_connected

    @property
    def can_peek(self) -> bool:
        """Tell whether who serves now can give early transcripts."""
        return self._live.can_peek

    def feed(self, packet: HeardSound) -> None:
        """Add a piece of sound; the first of an utterance decides who is to hear it."""
        if not self._ring:
            self._choose()
        self._ring.add(packet)
        self._live.feed(packet)

    async def peek(self) -> Transcript:
        """Transcribe what was fed so far. Raises: StageError."""
        return await self._live.peek()

    def end(self, voiced_s: float = 0.0) -> PendingFinal:
        """End the utterance now."""
        packets, self._ring = tuple(self._ring), RecentSound(KEPT_S)
        pending = self._live.end(voiced_s)
        return _Final(self, packets, voiced_s, self._serving, pending) if packets else pending

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript. Raises: StageError."""
        return await self.end().wait()

    def discard(self) -> None:
        """Forget the current utterance."""
        self._ring.clear()
        self._live.discard()

    # -- what _Final asks --

    @property
    def stage(self) -> FailoverStt:
        """Return the stage that opened this line."""
        return self._stage

    async def open_first(self) -> None:
        """Open the line of the first backend whose code can do that. Raises: StageUnavailable, if there is none."""
        for guard in self._stage.guards[:-1]:
            with suppress(StageUnavailable):
                await self.line_to(guard)
                self._serving = guard
                return
        self._serving = self._stage.guards[-1]
        await self.line_to(self._serving)

    async def line_to(self, guard: Guard[SttStage]) -> SttSession:
        """Return the line to a backend, opened now if it is not yet. Raises: StageUnavailable, if it has crashed."""
        await self._open(guard).wait()
        if self.has_given_up(guard):
            detail = "its line crashes again and again: a bug in the backend, the daemon's log has the traceback"
            raise StageUnavailable("stt", detail, backend=guard.stage.name)
        return self._lines[guard]

    def has_given_up(self, guard: Guard[SttStage]) -> bool:
        """Tell whether the line to a backend crashed too often."""
        return guard in self._given_up

    def _open(self, guard: Guard[SttStage]) -> trio.Event:
        """Open a line, in the speaker's scope: a turn that is given up while it opens does not take it along."""
        if guard not in self._opened:
            self._opened[guard] = trio.Event()
            self._nursery.start_soon(self._host, guard)
        return self._opened[guard]

    def tell_again(self, guard: Guard[SttStage], packets: Packets, voiced_s: float) -> PendingFinal:
        """Feed a whole ended utterance to another backend's line, and the one that is open there after it."""
        line = self._lines[guard]
        is_busy = guard is self._serving and bool(self._ring)
        if is_busy:
            line.discard()
        for packet in packets:
            line.feed(packet)
        pending = line.end(voiced_s)
        if is_busy:
            for packet in self._ring:
                line.feed(packet)
        return pending

    @property
    def _live(self) -> SttSession:
        return self._lines[self._serving]

    def _choose(self) -> None:
        """Let the next utterance be heard by the first that works and has a line; open a line to who has none."""
        for guard in in_order(self._stage.guards):
            if guard in self._lines and not self.has_given_up(guard):
                self._serving = guard
                return
            if guard.allows:
                self._open(guard)

    async def _host(self, guard: Guard[SttStage]) -> None:
        """Keep a line open: a bug in one backend costs neither the speaker nor the others' lines."""
        if not await supervise("stt line", partial(self._hold, guard), backend=guard.stage.name):
            self._given_up.add(guard)
            self._opened[guard].set()

    async def _hold(self, guard: Guard[SttStage]) -> None:
        def on_partial(text: str) -> None:
            if self._on_partial is not None and guard is self._serving:
                self._on_partial(text)

        wanted = None if self._on_partial is None else on_partial
        async with guard.stage.open(self._speaker, wanted) as line:
            self._lines[guard] = line
            self._opened[guard].set()
            await trio.sleep_forever()


class _Final:
    """The final transcript of one ended utterance, from whoever gives it first."""

    def __init__(
        self,
        line: FailoverLine,
        packets: Packets,
        voiced_s: float,
        serving: Guard[SttStage],
        pending: PendingFinal,
    ) -> None:
        self._line, self._packets, self._voiced_s = line, packets, voiced_s
        self._serving, self._pending = serving, pending

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError, of who was asked first, if all failed."""
        others = [guard for guard in in_order(self._line.stage.guards) if guard is not self._serving]
        order = [self._serving, *others]
        race = Race("stt", order, self._ask, patience=self._until_late, late_is_failure=True)
        return await race.go()

    async def _ask(self, runner: Runner[SttStage]) -> Transcript:
        pending = self._pending
        if runner.guard is not self._serving:
            await self._line.line_to(runner.guard)
            pending = self._line.tell_again(runner.guard, self._packets, self._voiced_s)
        heard = await pending.wait()
        runner.came_empty = not heard.text.strip()
        return heard

    async def _until_late(self, runner: Runner[SttStage]) -> None:
        """Return at once if there is no connection to who is to hear it, else when its final is late."""
        if self._line.has_given_up(runner.guard):
            return
        line = await self._line.line_to(runner.guard)
        if line.is_connected or runner.guard is not self._serving:
            await trio.sleep(self._line.stage.backup_after_s)
