"""One utterance on its way to words: sound to the line, a guess while we wait, a final transcript.

feed feed feed .. [silence] .. hold: words + turn model .. end -> the guess if it is in, else the final
                                 resume: the guess is void

Where the server can tell the words and leave the utterance open, the guess is such an early transcript. Where it cannot
(a plain WhisperX server, and all that have a connection per utterance), the guess ends the utterance on the line, and
what follows is a further segment of it: the words of the segments are joined. A short segment has few words to go by,
so it is told again together with what follows it, and its own words are dropped.

A guess may be voided at any instant, also between the arrival of its answer and the step in which its task runs, or
before the task has begun. So its scope is made with it, and is asked after each wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

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

_TOLD_AGAIN_S = 3.0
"""A segment up to so long is told again: it costs the server little, and two words alone are often misheard."""
_UNSPACED = "\u2e80"  # from here on lie the scripts that write no spaces between words


class OnGuess(Protocol):
    """Who is told what a guess brings."""

    def on_verdict(self, verdict: Verdict) -> None:
        """Take the turn model's verdict."""

    def on_words(self, words: Transcript | None) -> None:
        """Take the words of the utterance so far; None if there will be none before its end."""


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


class Segment:
    """A stretch of an utterance that was ended on the line. ``run`` waits for its words, whoever wants them."""

    def __init__(self, pending: PendingFinal, life: LineLife) -> None:
        self._pending, self._life = pending, life
        self._scope = trio.CancelScope()
        self._arrived = trio.Event()
        self._outcome: Transcript | Exception | None = None

    async def run(self) -> None:
        """Wait for the words."""
        with self._scope:
            try:
                self._outcome = await self._life.wait(self._pending)
            except StageError as error:
                self._outcome = error
            except Exception as error:
                self._outcome = error  # a bug of a plug-in's: whoever waits for the words meets it as well
                raise
            finally:
                self._arrived.set()

    async def wait(self) -> Transcript:
        """Return the words. Raises: StageError."""
        if self._outcome is None:
            await self._arrived.wait()
        if isinstance(self._outcome, Transcript):
            return self._outcome
        raise self._outcome or StageUnavailable("stt", "the words were given up before they were in")

    def drop(self) -> None:
        """Give it up: nobody wants its words any more."""
        self._scope.cancel(reason="superseded")


class Words:
    """The words of an ended utterance: known already, or still to come over a line that may break down."""

    def __init__(
        self,
        known: Transcript | None,
        pending: PendingFinal | None,
        life: LineLife | None = None,
        *,
        verdict: Verdict = None,
        earlier: Sequence[Segment] = (),
    ) -> None:
        self.verdict: Verdict = verdict
        """The turn model's, of the end of the utterance."""
        self._known = known
        self._pending = pending
        self._life = life or LineLife()
        self._earlier = earlier

    async def wait(self) -> Transcript:
        """Return the transcript. Raises: StageError."""
        parts = [await segment.wait() for segment in self._earlier]
        if self._known is not None:
            return joined([*parts, self._known])
        if self._pending is not None:
            parts.append(await self._life.wait(self._pending))
        return joined(parts)


def joined(parts: Sequence[Transcript]) -> Transcript:
    """Return the transcript of a whole utterance, of its segments' words."""
    if len(parts) == 1:
        return parts[0]
    said = [part for part in parts if part.text.strip()]
    text = ""
    for part in said:
        gap = " " if text and not (text[-1] >= _UNSPACED and part.text.strip()[0] >= _UNSPACED) else ""
        text += gap + part.text.strip()
    confidences = [part.confidence for part in said if part.confidence is not None]
    return Transcript(
        text, is_final=all(part.is_final for part in parts), confidence=min(confidences) if confidences else None
    )


class Utterance:
    """One stretch of speech of one speaker. All methods are synchronous; ``hold`` gives a task to start.

    ``may_part``: a guess may end a segment on the line, where that has no early transcripts.
    """

    def __init__(
        self,
        line: SttSession,
        life: LineLife | None = None,
        *,
        started_at: float = 0.0,
        on_words: Callable[[str, bool], None] = lambda _text, _is_whole: None,
        may_part: bool = False,
    ) -> None:
        self.started_at = started_at
        self._on_words = on_words
        self._is_asking = self._is_over = False
        self._next_ask_s = EARLY_WORDS_S
        self.is_confirmed = False
        """Whether it was voiced long enough to be no cough."""
        self._line = line
        self._life = life or LineLife()
        self._may_part = may_part
        self._guess_scope: trio.CancelScope | None = None
        self._guessed: Transcript | None = None
        self._held: list[HeardSound] | None = None
        self._verdict: Verdict = None
        self._segments: list[Segment] = []
        self._guessed_segment: Segment | None = None
        self._voiced_before_s = 0.0  # in the segments before the open one, or before the one that the guess ended
        self._voiced_s = 0.0
        self._sound: list[HeardSound] | None = []  # of that one; None if it is too long to be told again
        self._sound_s = 0.0

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound."""
        if self._held is not None:
            self._held.append(sound)
            return
        self._line.feed(sound)
        self._sound_s += sound.duration_s
        if not self._may_part or self._sound_s > _TOLD_AGAIN_S:
            self._sound = None
        elif self._sound is not None:
            self._sound.append(sound)

    @property
    def held(self) -> list[HeardSound]:
        """Return what was held back: silence as it seemed, perhaps the soft beginning of the next word."""
        return list(self._held or ())

    def hold(self, pcm: bytes, judge: Judge, told: OnGuess, voiced_s: float = 0.0) -> Callable[[], Awaitable[None]]:
        """Hold back what comes from now on, since the speaker may have finished; return the task of the guess.

        It asks for a transcript of what there is (``voiced_s`` of it is a voice) and for the turn model's verdict on
        ``pcm`` (16 kHz mono s16le), both at once, until the guess is void.
        """
        self._held = []
        self._voiced_s = voiced_s
        scope = self._guess_scope = trio.CancelScope()
        segment: Segment | None = None
        if self._may_part and self.is_confirmed and not self._line.can_peek:
            segment = Segment(self._line.end(voiced_s - self._voiced_before_s), self._life)
            self._segments.append(segment)
        self._guessed_segment = segment
        return lambda: self._guess(scope, segment, pcm, judge, told)

    async def _guess(
        self, scope: trio.CancelScope, segment: Segment | None, pcm: bytes, judge: Judge, told: OnGuess
    ) -> None:
        async with trio.open_nursery() as nursery:
            if segment is not None:
                nursery.start_soon(segment.run)  # not in the guess's scope: its words count when the speaker goes on
            with scope:
                async with trio.open_nursery() as asking:
                    asking.start_soon(self._hear_early, scope, segment, told)
                    verdict = await judge(pcm)
                    if not scope.cancel_called:
                        self._verdict = verdict
                        told.on_verdict(verdict)

    async def _hear_early(self, scope: trio.CancelScope, segment: Segment | None, told: OnGuess) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()  # void before it began: nothing is asked for
        early: Transcript | None = None
        try:
            if segment is not None:
                early = joined([await each.wait() for each in self._segments])
            elif self._line.can_peek:
                early = await self._line.peek()
        except StageError as error:
            _log.info("no early transcript", error=type(error).__name__)  # the final will tell
        except Exception:
            if not scope.cancel_called:
                told.on_words(None)  # a bug of a plug-in's is told by its task; the turn need not wait
            raise
        if scope.cancel_called:
            return
        if segment is None:
            self._guessed = early
        if early is not None:
            self._on_words(early.text, True)
        told.on_words(early)

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
        if self._guessed_segment is not None:
            self._go_on_from(self._guessed_segment)
        for sound in held:
            self.feed(sound)

    def _go_on_from(self, segment: Segment) -> None:
        self._guessed_segment = None
        if self._sound is None:
            self._voiced_before_s, self._sound, self._sound_s = self._voiced_s, [], 0.0
            return
        segment.drop()
        self._segments.remove(segment)
        for sound in self._sound:
            self._line.feed(sound)

    def _drop_guess(self) -> None:
        if self._guess_scope is not None:
            self._guess_scope.cancel(reason="superseded")
            self._guess_scope = None

    def end(self, voiced_s: float) -> Words:
        """End the utterance, ``voiced_s`` of which is a voice; what is fed from now on belongs to the next one."""
        self._drop_guess()
        self._is_over = True
        if self._guessed_segment is not None:
            return Words(None, None, verdict=self._verdict, earlier=self._segments)
        if self._guessed is not None:
            self._line.discard()
            return Words(self._guessed, None, verdict=self._verdict, earlier=self._segments)
        pending = self._line.end(voiced_s - self._voiced_before_s)
        return Words(None, pending, self._life, verdict=self._verdict, earlier=self._segments)

    def lose(self) -> None:
        """Forget it with its line, which is no more."""
        self._drop_guess()
        self._is_over = True

    def discard(self) -> None:
        """Forget it: it was a cough."""
        self._drop_guess()
        self._is_over = True
        for segment in self._segments:
            segment.drop()
        self._line.discard()
