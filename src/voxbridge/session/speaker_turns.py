"""The turns of one speaker: which one a new one goes on from, and the one that is asked ahead.

open ------------------------------> turn            the utterance has ended
run_ahead --> turn, held --open----> the same turn   the guess was right
                         --take_back--> cut          the speaker goes on
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from voxbridge.core.turns.completeness import Completeness, completeness_of
from voxbridge.core.turns.endpointing import TurnEnded
from voxbridge.core.turns.floor import OpenTurn
from voxbridge.session.context import RoomContext
from voxbridge.session.errands import Errands
from voxbridge.session.question import Understood
from voxbridge.session.turn import Turn
from voxbridge.session.utterance import Words
from voxbridge.stages.contracts import Speaker, Transcript

Understanding = Callable[[TurnEnded], Callable[[str], Understood]]
"""Of an utterance that ended so: who is to take its words."""


class SpeakerTurns:
    """Opens one speaker's turns. Each runs among the ``errands``, and tells ``understanding`` its words."""

    def __init__(
        self, context: RoomContext, speaker_now: Callable[[], Speaker], errands: Errands, understanding: Understanding
    ) -> None:
        self._context, self._speaker_now, self._errands = context, speaker_now, errands
        self._understanding = understanding
        self._last: Turn | None = None
        self._superseded: Turn | None = None
        self._ahead: Turn | None = None  # asked before it was decided that the speaker has finished
        self._taken_back: Turn | None = None  # the last one that was asked ahead, until the next turn

    @property
    def latest(self) -> Turn | None:
        """Return the last turn that got an answer, or will: those that were passed over changed nothing."""
        while self._last is not None and self._last.was_passed_over:
            self._last = self._last.before
        return self._last

    @property
    def has_superseded(self) -> bool:
        """Tell whether there are words that wait for the next turn."""
        return self._superseded is not None

    def was_cut(self, turn: OpenTurn) -> Turn | None:
        """Note that this speaker's speech has cut a turn; return it if its words are to go into the next one now.

        An older one that is still open was superseded before: its words are in the last one already. It may be told
        again until the turn has ended.
        """
        latest = self.latest
        if turn is not latest or not latest.is_superseded or latest is self._superseded:
            return None
        self._superseded = latest
        return latest

    def forget_superseded(self) -> None:
        """Let the words go that wait for the next turn."""
        self._superseded = None

    def open(self, ended: TurnEnded, words: Words) -> None:
        """Open a turn: the one that was asked ahead, if it still serves."""
        prior, self._superseded = self._superseded, None
        if self._ahead is not None and not self._ahead.has_failed:
            self._ahead.decide(ended, words.verdict)
            self._last, self._ahead, self._taken_back = self._ahead, None, None
            return
        self.take_back()  # one that has failed: it is asked again, as any other
        turn = self._new(ended, words, prior)
        self._last, self._taken_back = turn, None
        self._errands.start("turn", turn.run)

    def run_ahead(self, ended: TurnEnded, words: Transcript, said: Completeness | None) -> None:
        """Ask the agent with the words of a guess, where that is safe and these may be all."""
        tools, now = self._context.tools, ended.at
        if self._ahead is not None or not words.text.strip():
            return
        if not self._context.allowance.is_allowed(self._speaker_now().user_id):
            return
        said = said or completeness_of(words.text, self._speaker_now().language)
        if tools.speculation.why_not(tools.rules.turn.speculation, said, now) is not None:
            return
        self._ahead = turn = self._new(ended, Words(words, None), self._superseded, is_ahead=True)
        tools.speculation.note_asked()
        tools.counters.speculations += 1
        self._errands.start("turn", turn.run)

    def take_back(self) -> None:
        """Cut a turn that was asked for ahead: the speaker has not finished."""
        turn, self._ahead = self._ahead, None
        if turn is not None:
            turn.cut("superseded")
            self._context.tools.speculation.note_wasted(trio.current_time())
            self._context.tools.counters.speculations_wasted += 1
            self._taken_back = turn

    def _new(self, ended: TurnEnded, words: Words, prior: Turn | None, *, is_ahead: bool = False) -> Turn:
        return Turn(
            self._context,
            self._speaker_now(),
            ended,
            words,
            prior=prior,
            before=self._taken_back or self.latest,
            understand=self._understanding(ended),
            is_ahead=is_ahead,
        )
