"""What becomes of a turn, and what is left of it for the next one: what the agent is told, what can still be said."""

from __future__ import annotations

import math

import attrs
import trio

from voxbridge.core.turns.floor import CutReason
from voxbridge.errors import VoxBridgeError
from voxbridge.session.amends import Amends
from voxbridge.session.answer import REST_KEPT_S, Answer, Rest, joined_text
from voxbridge.stages.contracts import Previous, Speaker


@attrs.define
class TurnState:
    """What has become of a turn so far."""

    cut: CutReason | None = None
    was_whole: bool = False
    """When it was cut: whether nothing of the answer was to come any more."""
    was_wound_up: bool = False
    """Somebody spoke over it, and a sentence was to be the last."""
    error: VoxBridgeError | None = None
    """Why there is no answer, or not all of it."""
    unheard: VoxBridgeError | None = None
    """Why its own words are not known: those of the turns that it superseded are answered all the same."""
    decided_at: float = math.inf
    """When it was certain that the speaker had finished."""
    ended_at: float | None = None
    is_accepted: bool = False
    """It is for us, and may be answered."""
    is_taken: bool = False
    """It counts as one that is answered: it is accepted, and it is certain that the speaker has finished."""


class Aftermath:
    """What is left of one turn. ``before`` is that of the speaker's turn before, until this one has asked or has ended.

    What a turn was to tell the agent, it leaves to the next one, unless something shows that it came to the agent.
    """

    def __init__(
        self,
        turn_id: str,
        speaker: Speaker,
        state: TurnState,
        answer: Answer,
        amends: Amends,
        before: Aftermath | None,
    ) -> None:
        self._turn_id, self._speaker, self._state = turn_id, speaker, state
        self._answer, self._speech, self._amends = answer, answer.speech, amends
        self._before = before
        self._told: Previous | None = None
        self.rest_said: Rest | None = None
        """What it says of an older answer, instead of one of its own."""

    @property
    def is_told(self) -> bool:
        """Tell whether every sentence of the answer was heard or written: what was cut then was an apology."""
        is_whole = self._speech.is_whole if self._state.cut is None else self._state.was_whole
        return is_whole and self._amends.written >= self._speech.missing

    @property
    def is_answered(self) -> bool:
        """Tell whether the answer was heard whole: a cut within the silence behind it changes nothing."""
        return self._state.error is None and self._speech.is_played and self.is_told

    @property
    def is_superseded(self) -> bool:
        """Tell whether its words go into the next turn. Not if its answer was heard to the last word."""
        return self._state.cut == "superseded" and not self.is_answered

    @property
    def is_left_unsaid(self) -> bool:
        """Tell whether somebody spoke over it, and it ended with a sentence that was not its last."""
        return self._state.was_wound_up and bool(self._speech.unheard)

    @property
    def told(self) -> Previous | None:
        """Return what became of the turn before. It may be cut short as late as when this one's words are known."""
        return self._told if self._before is None else self._before.previous

    def let_go(self) -> None:
        """Settle what is told of the turn before: who goes on and on must not keep the whole chain alive."""
        self._told, self._before = self.told, None

    @property
    def previous(self) -> Previous | None:
        """Return what the agent has to be told of this turn with the next one: None if people had all of the answer."""
        answer, cut = self._answer, self._state.cut
        # who is cut may well have been taken in
        has_failed = cut is None or answer.agent_error is not None or self._state.error is not None
        if not answer.has_asked or (has_failed and not answer.has_come_through):
            return self.told
        broke_off = answer.agent_error is not None and answer.text != ""
        was_cut_short = cut is not None or self.is_left_unsaid or broke_off
        if not was_cut_short or self.is_told:
            return None
        heard, turn_id = self._heard_of()
        return Previous(interrupted=True, heard=heard, turn_id=turn_id, goes_on=self.is_superseded)

    def rest(self) -> Rest | None:
        """Return what of the answer was cut off and is still worth saying, or None."""
        unheard, ended_at = tuple(self._speech.unheard), self._state.ended_at
        was_cut = self._state.cut in ("barge-in", "stop") or self.is_left_unsaid
        if not was_cut or not unheard or ended_at is None or trio.current_time() - ended_at > REST_KEPT_S:
            return None
        heard, turn_id = self._heard_of()
        persona = self._speech.persona
        return Rest(heard, unheard, turn_id, persona.language or self._speaker.language, persona)

    def _heard_of(self) -> tuple[str, str]:
        """Return what was heard of the answer, and of which turn it is: of an older one, if its rest was said."""
        heard, rest = self._speech.heard_text, self.rest_said
        return (heard, self._turn_id) if rest is None else (joined_text(rest.heard, heard), rest.turn_id)

    def take_up_rest(self) -> None:
        """Say the rest of what was cut off before, if there is any; else the agent is asked."""
        self.rest_said = None if self._before is None else self._before.rest()
