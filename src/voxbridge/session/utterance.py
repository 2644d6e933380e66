"""One utterance on its way to words: packets to the line, a guess while we wait, a final transcript.

feed feed feed .. [silence] .. guess: peek + turn model .. end -> the guess if it is in, else the final
                                 resume: the guess is void
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from voxbridge.core.sound import OpusPacket
from voxbridge.errors import StageError
from voxbridge.stages import PendingFinal, SttSession, Transcript

_log = structlog.get_logger(__name__)

Judge = Callable[[bytes], Awaitable[float | None]]
"""Gives the probability that the speaker has finished (16 kHz mono s16le in), or None if it has no time for it."""


class Words:
    """The words of an ended utterance: known already, or still to come."""

    def __init__(self, known: Transcript | None, pending: PendingFinal | None) -> None:
        self._known = known
        self._pending = pending

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError."""
        if self._known is not None:
            return self._known
        assert self._pending is not None
        return await self._pending.wait()


class Utterance:
    """One stretch of speech of one speaker. All methods but ``guess`` are synchronous."""

    def __init__(self, line: SttSession) -> None:
        self._line = line
        self._guess_scope: trio.CancelScope | None = None
        self._guessed: Transcript | None = None
        self._held: list[OpusPacket] | None = None

    def feed(self, packet: OpusPacket) -> None:
        """Add a packet."""
        if self._held is None:
            self._line.feed(packet)
        else:
            self._held.append(packet)

    def hold(self) -> None:
        """Hold back what comes from now on: the speaker may have finished."""
        self._held = []

    async def guess(self, pcm: bytes, judge: Judge, on_completion: Callable[[float], None]) -> None:
        """Ask for a transcript of what there is and for the turn model's verdict, both at once, until resumed."""
        with trio.CancelScope() as self._guess_scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._peek)
                completion = await judge(pcm)
                if completion is not None:
                    on_completion(completion)

    async def _peek(self) -> None:
        if not self._line.can_peek:
            return
        try:
            self._guessed = await self._line.peek()
        except StageError as error:
            _log.info("no early transcript", error=type(error).__name__)  # the final will tell

    def resume(self) -> None:
        """Drop the guess: the speaker went on, and what was held back belongs to it."""
        self._drop_guess()
        self._guessed = None
        held, self._held = self._held or [], None
        for packet in held:
            self._line.feed(packet)

    def _drop_guess(self) -> None:
        if self._guess_scope is not None:
            self._guess_scope.cancel(reason="superseded")
            self._guess_scope = None

    def end(self) -> Words:
        """End the utterance; packets fed to the line from now on belong to the next one."""
        self._drop_guess()
        if self._guessed is not None:
            self._line.discard()
            return Words(self._guessed, None)
        return Words(None, self._line.end())

    def discard(self) -> None:
        """Forget it: it was a cough."""
        self._drop_guess()
        self._line.discard()
