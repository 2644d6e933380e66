"""One utterance on its way to words: sound to the line, a guess while we wait, a final transcript.

feed feed feed .. [silence] .. hold: peek + turn model .. end -> the guess if it is in, else the final
                                 resume: the guess is void

A guess may be voided at any instant, also between the arrival of its answer and the step in which its task runs, or
before the task has begun. So its scope is made with it, and is asked after each wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
import trio

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.errors import StageError, StageUnavailable
from voxbridge.stages.contracts import PendingFinal, SttSession, Transcript

_log = structlog.get_logger(__name__)

Verdict = float | Literal["shed"] | None
"""The probability that the speaker has finished; "shed": there was no time to find it; None: nobody was asked."""

Judge = Callable[[bytes], Awaitable[Verdict]]
"""Judges 16 kHz mono s16le."""


# 240 ms hold a short word; asked again with each further 240, a server is kept busy by a third at most.
EARLY_WORDS_S = 0.24


class LineLife:
    """Whether a line still lives. Who waits for words of one that broke down is told, for nobody else would."""

    def __init__(self) -> None:
        self._waiting: set[trio.CancelScope] = set()
        self._is_over = False

    def end(self) -> None:
        """Note that the line is no more."""
        self._is_over = True
        for scope in self._waiting:
            scope.cancel(reason="left")

    async def wait(self, pending: PendingFinal) -> Transcript:
        """Return the transcript. Raises: StageError, also when the line breaks down before it is in."""
        with trio.CancelScope() as scope:
            self._waiting.add(scope)
            if self._is_over:
                scope.cancel(reason="left")
            try:
                return await pending.wait()
            finally:
                self._waiting.discard(scope)
        raise StageUnavailable("stt", "the line to the server broke down before the words were in")


class Lost:
    """A final that never comes: the utterance broke off in our hands."""

    async def wait(self) -> Transcript:
        """Raises: StageUnavailable."""
        await trio.lowlevel.checkpoint()
        raise StageUnavailable("stt", "the line or the ear broke down before the words were out")


class Words:
    """The words of an ended utterance: known already, or still to come over a line that may break down."""

    def __init__(
        self,
        known: Transcript | None,
        pending: PendingFinal | None,
        life: LineLife | None = None,
        *,
        verdict: Verdict = None,
    ) -> None:
        self.verdict: Verdict = verdict
        """The turn model's, of the end of the utterance."""
        self._known = known
        self._pending = pending
        self._life = life or LineLife()

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError."""
        if self._known is not None:
            return self._known
        assert self._pending is not None
        return await self._life.wait(self._pending)


class Utterance:
    """One stretch of speech of one speaker. All methods are synchronous; ``hold`` gives a task to start."""

    def __init__(
        self,
        line: SttSession,
        life: LineLife | None = None,
        *,
        started_at: float = 0.0,
        on_words: Callable[[str, bool], None] = lambda _text, _is_whole: None,
    ) -> None:
        self.started_at = started_at
        self._on_words = on_words
        self._is_asking = self._is_over = False
        self._next_ask_s = EARLY_WORDS_S
        self.is_confirmed = False
        """Whether it was voiced long enough to be no cough."""
        self._line = line
        self._life = life or LineLife()
        self._guess_scope: trio.CancelScope | None = None
        self._guessed: Transcript | None = None
        self._held: list[HeardSound] | None = None
        self._verdict: Verdict = None

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound."""
        if self._held is None:
            self._line.feed(sound)
        else:
            self._held.append(sound)

    @property
    def held(self) -> list[HeardSound]:
        """Return what was held back: silence as it seemed, perhaps the soft beginning of the next word."""
        return list(self._held or ())

    def hold(self, pcm: bytes, judge: Judge, on_completion: Callable[[float], None]) -> Callable[[], Awaitable[None]]:
        """Hold back what comes from now on, since the speaker may have finished; return the task of the guess.

        It asks for a transcript of what there is and for the turn model's verdict on ``pcm`` (16 kHz mono s16le), both
        at once, until the guess is void.
        """
        self._held = []
        scope = self._guess_scope = trio.CancelScope()
        return lambda: self._guess(scope, pcm, judge, on_completion)

    async def _guess(
        self, scope: trio.CancelScope, pcm: bytes, judge: Judge, on_completion: Callable[[float], None]
    ) -> None:
        with scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._peek, scope)
                verdict = await judge(pcm)
                if not scope.cancel_called:
                    self._verdict = verdict
                    if isinstance(verdict, float):
                        on_completion(verdict)

    async def _peek(self, scope: trio.CancelScope) -> None:
        if scope.cancel_called or not self._line.can_peek:
            return
        try:
            guessed = await self._line.peek()
        except StageError as error:
            _log.info("no early transcript", error=type(error).__name__)  # the final will tell
        else:
            if not scope.cancel_called:
                self._guessed = guessed
                self._on_words(guessed.text, True)

    def early_words(self, voiced_s: float) -> Callable[[], Awaitable[None]] | None:
        """Return the task of asking for the words so far, if it is time to: while they would decide something."""
        if self._is_asking or self._held is not None or voiced_s < self._next_ask_s or not self._line.can_peek:
            return None
        self._is_asking, self._next_ask_s = True, voiced_s + EARLY_WORDS_S
        return self._ask_early

    async def _ask_early(self) -> None:
        try:
            words = await self._line.peek()
        except StageError as error:
            _log.info("no early transcript", error=type(error).__name__)
        else:
            if self._held is None and not self._is_over:
                self._on_words(words.text, False)
        finally:
            self._is_asking = False

    def resume(self) -> None:
        """Drop the guess: the speaker went on, and what was held back belongs to it."""
        self._drop_guess()
        self._guessed = self._verdict = None
        held, self._held = self._held or [], None
        for sound in held:
            self._line.feed(sound)

    def _drop_guess(self) -> None:
        if self._guess_scope is not None:
            self._guess_scope.cancel(reason="superseded")
            self._guess_scope = None

    def end(self, voiced_s: float) -> Words:
        """End the utterance, ``voiced_s`` of which is a voice; what is fed from now on belongs to the next one."""
        self._drop_guess()
        self._is_over = True
        if self._guessed is not None:
            self._line.discard()
            return Words(self._guessed, None, verdict=self._verdict)
        return Words(None, self._line.end(voiced_s), self._life, verdict=self._verdict)

    def lose(self) -> None:
        """Forget it with its line, which is no more."""
        self._drop_guess()
        self._is_over = True

    def discard(self) -> None:
        """Forget it: it was a cough."""
        self._drop_guess()
        self._is_over = True
        self._line.discard()
