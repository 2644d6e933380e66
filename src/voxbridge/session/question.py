"""What a turn asks: its own words, behind those of the turns that it superseded, and whether they are for us.

words (STT) --understand--> the speaker's own words --judge--> for us or not
prior.all_words() ---------> come first
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from voxbridge.core.turns.barge_in import Reply
from voxbridge.core.turns.for_us import FOR_US, Because
from voxbridge.errors import StageTimeout
from voxbridge.session.context import RoomContext
from voxbridge.session.utterance import Words
from voxbridge.stages.contracts import Speaker, Transcript


@attrs.frozen
class Understood:
    """What somebody said: the words that are their own, and what becomes of them."""

    words: str
    reply: Reply = "answer"


class Question:
    """What one turn asks. ``prior`` is the question of the turn that it superseded.

    ``understand`` is called once with all words, unless nobody wants them by then.
    """

    def __init__(
        self,
        context: RoomContext,
        speaker: Speaker,
        words: Words,
        *,
        started_at: float,
        prior: Question | None,
        understand: Callable[[str], Understood],
        is_typed: bool = False,
    ) -> None:
        self._context, self._speaker, self._words, self._started_at = context, speaker, words, started_at
        self._prior = prior
        self._understand = understand
        self._is_typed = is_typed
        self._is_heard = trio.Event()
        self.transcript = Transcript("")
        """Its own words alone; empty as long as they are not known."""
        self.text = ""
        """All words: those of superseded turns and its own."""
        self.reply: Reply = "answer"
        self.persona = context.tools.cast.first
        """Who answers; known when the words are."""
        self.because: Because = "unknown"
        """Why it is for us or not, by its own words or those of a turn that it superseded."""

    @property
    def is_heard(self) -> bool:
        """Tell whether all is known that will be."""
        return self._is_heard.is_set()

    async def all_words(self) -> str:
        """Return what the speaker has said: the superseded turns' words and these."""
        await self._is_heard.wait()
        return self.text

    async def hear(
        self, until: float, limit_s: float, *, on_words: Callable[[], None], is_wanted: Callable[[], bool]
    ) -> None:
        """Wait for the words, ``until`` at most.

        Raises: StageError if its own are not to be had; ``text`` has the others all the same.

        ``on_words`` is called when they are there or are waited for no longer. If they are not wanted any more by then,
        they are half of a question, and are not judged by what they do.
        """
        prior, self._prior = self._prior, None  # who goes on and on must not keep the whole chain alive
        before = "" if prior is None else await prior.all_words()
        is_known = False
        try:
            with trio.move_on_at(until) as limit:
                self.transcript = await self._words.wait()
                is_known = True
            if limit.cancelled_caught:
                raise StageTimeout("stt", "total", limit_s)
        finally:
            on_words()
            if is_wanted():
                understood = self._understand(self.transcript.text)
                self.reply = understood.reply
                self.transcript = attrs.evolve(self.transcript, text=understood.words)
            self.text = f"{before} {self.transcript.text}".strip()
            is_for_us = prior is not None and prior.because in FOR_US
            self.because = prior.because if prior is not None and is_for_us else self._judged(is_known=is_known)
            called = self.transcript.text
            last = "" if prior is None else prior.persona.name
            self.persona = self._context.choose(called, self._speaker, self._started_at, last)
            self._is_heard.set()

    def close(self) -> None:
        """Let nobody wait for the words any longer, whatever has become of them."""
        self._is_heard.set()

    def _judged(self, *, is_known: bool) -> Because:
        if self._is_typed:
            return "typed"
        text = self.transcript.text if is_known else None
        said = self._context.said(self._speaker, text, self._started_at)
        return self._context.addressing.judge(said, trio.current_time())
