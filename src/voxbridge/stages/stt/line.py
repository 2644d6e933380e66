"""One speaker's line to a speech-to-text server: the shell round ``core.stt.ledger``.

    feed, end, discard (synchronous) --> ledger: what is owed, who serves it, when to call again
                                           |  one task per call: rest, dial, serve, again (``calls``)
                                         protocol.connect --> connection: writer, reader, keepalive
                                           '-- answered, lost --> ledger --> finals

Two protocols go into it: a lasting connection (``whisperx``), and one connection per utterance (``takes``). Writer,
reader and keepalive live in the connection's scope, never in a turn's: a turn that is given up leaves nothing behind.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import partial

import structlog
import trio

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.stt.ledger import Command, HangUp, Ledger, Settle
from voxbridge.core.stt.owed import FailureKind, Owed
from voxbridge.errors import StageError, StageTimeout
from voxbridge.stages.contracts import PendingFinal, Speaker, Transcript
from voxbridge.stages.stt.calls import Calls
from voxbridge.stages.stt.protocol import LineProtocol

_log = structlog.get_logger(__name__)


class _Final:
    """The final transcript of one ended utterance."""

    def __init__(self, line: SttLine, owed: Owed) -> None:
        self._line, self._owed = line, owed
        self._arrived = trio.Event()
        self._outcome: Transcript | StageError | None = None

    def resolve(self, outcome: Transcript | StageError) -> None:
        """Settle it."""
        self._outcome = outcome
        self._arrived.set()

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError. A cancel gives the utterance up."""
        with trio.move_on_at(self._owed.due):
            try:
                await self._arrived.wait()
            finally:
                if self._outcome is None:
                    self._line.give_up(self._owed)
        if isinstance(self._outcome, Transcript):
            return self._outcome
        raise self._outcome or self._line.why(self._owed)


class _NothingSaid:
    """The final transcript of an utterance without a packet."""

    async def wait(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return Transcript("")


class SttLine:
    """See ``SttSession`` and the head of this module. Made by ``open_line``."""

    def __init__(
        self,
        protocol: LineProtocol,
        speaker: Speaker,
        on_partial: Callable[[str], None] | None,
        *,
        backend: str,
        limit_s: float,
        rng: Callable[[], float],
        is_down: Callable[[], bool] = lambda: False,
        is_mute: Callable[[], bool] = lambda: False,
    ) -> None:
        self._protocol, self.speaker, self.on_partial = protocol, speaker, on_partial
        self.backend, self.limit_s = backend, limit_s
        self.ledger = Ledger(protocol.manners, limit_s=limit_s, rng=rng, is_down=is_down, is_mute=is_mute)
        log = _log.bind(user_id=str(speaker.user_id), backend=backend)
        self.calls = Calls(self.ledger, partial(protocol.connect, self), self._obey, log)
        # Weak: a final that nobody holds any more is not waited for, and leaves nothing behind here.
        self._finals: MutableMapping[int, _Final] = weakref.WeakValueDictionary()
        self.stray_count = 0
        """Finals and early transcripts that came too late, twice, or for nobody."""

    # -- SttSession --

    @property
    def reconnect_count(self) -> int:
        """Return how often the line was lost and made anew."""
        return self.ledger.reconnect_count

    @property
    def is_connected(self) -> bool:
        """Tell whether the line is up now; for servers that are only called when somebody speaks: the last one was."""
        return self.ledger.is_up

    @property
    def can_peek(self) -> bool:
        """Tell whether ``peek`` is possible."""
        return self._protocol.can_peek

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound to the current utterance."""
        for packet in self._protocol.packets(sound):
            self._obey(self.ledger.feed(packet))

    def end(self, voiced_s: float = 0.0) -> PendingFinal:
        """End the utterance now; its hard limit runs from here."""
        rest = self._protocol.rest()
        if self.ledger.current is not None:
            for packet in rest:
                self._obey(self.ledger.feed(packet))
        owed, commands = self.ledger.end(trio.current_time(), voiced_s)
        if owed is None:
            return _NothingSaid()
        final = self._finals[owed.id] = _Final(self, owed)
        self._obey(commands)
        return final

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript. Raises: StageError."""
        return await self.end().wait()

    async def peek(self) -> Transcript:
        """Transcribe what was fed so far. Raises: StageError."""
        return await self._protocol.peek(self)

    def discard(self) -> None:
        """Forget the current utterance."""
        self._protocol.rest()
        if (owed := self.ledger.current) is not None:
            self.give_up(owed)

    # -- what finals and connections tell --

    def give_up(self, owed: Owed) -> None:
        """Drop an utterance."""
        self._finals.pop(owed.id, None)
        self._obey(self.ledger.drop(owed, trio.current_time()))

    def answered(self, owed: Owed, transcript: Transcript) -> None:
        """Pass a final on."""
        is_awaited, commands = self.ledger.answered(owed)
        self.calls.tell_of_return()
        self.stray_count += not is_awaited
        self._resolve(owed, transcript)
        self._obey(commands)

    def heard_so_far(self, owed: Owed | None, text: str) -> None:
        """Pass on a partial transcript, unless the utterance has ended: the final comes next."""
        if self.on_partial is not None and owed is not None and owed is self.ledger.current:
            self.on_partial(text)

    def why(self, owed: Owed) -> StageError:
        """Return the error for a final that did not come: the reason why there is no connection, if there is none."""
        failure = owed.failure
        if failure is not None and failure.kind is not FailureKind.LATE and isinstance(failure.error, StageError):
            return failure.error
        waited_s = min(self.limit_s, trio.current_time() - (owed.due - self.limit_s))
        return StageTimeout("stt", "total", waited_s, backend=self.backend)

    def _obey(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Settle(owed):
                    self._resolve(owed, self.why(owed))
                case HangUp(call):
                    self.calls.hang_up(call)
        self.calls.look_again()

    def _resolve(self, owed: Owed, outcome: Transcript | StageError) -> None:
        if (final := self._finals.pop(owed.id, None)) is not None:
            final.resolve(outcome)


@asynccontextmanager
async def open_line(line: SttLine) -> AsyncIterator[SttLine]:
    """Keep a line's calls going for as long as the body runs; entering does not wait for a connection."""
    raised: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.calls.run)
        try:
            yield line
        except trio.Cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 -- raised again below, outside of the nursery's group
            raised = error
        nursery.cancel_scope.cancel(reason="left")
    if raised is not None:
        raise raised
