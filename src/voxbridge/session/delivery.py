"""The way of one turn from its words to its last frame, or to what is said or written instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import trio

from voxbridge.core.messages.catalogue import line
from voxbridge.core.turns.floor import OpenTurn
from voxbridge.core.turns.for_us import FOR_US
from voxbridge.errors import (
    DiscordError,
    NoReply,
    StageError,
    StageName,
    StageTimeout,
    TurnTooLong,
    VoxBridgeError,
)
from voxbridge.session.aftermath import Aftermath, TurnState
from voxbridge.session.allowance import words_of
from voxbridge.session.amends import Amends
from voxbridge.session.answer import Answer, joined_text
from voxbridge.session.context import RoomContext
from voxbridge.session.limit import TurnLimit
from voxbridge.session.notices import AnswerText, TurnTaken
from voxbridge.session.question import Question
from voxbridge.session.report import Outcome
from voxbridge.session.rules import TurnRules
from voxbridge.session.saying import Saying
from voxbridge.stages.contracts import AgentRequest, Speaker


@attrs.frozen
class Delivery:
    """Has one turn answered. ``decided`` is set once it is certain that the speaker has finished."""

    _context: RoomContext
    _rules: TurnRules
    _speaker: Speaker
    _turn: OpenTurn
    _state: TurnState
    _decided: trio.Event
    _question: Question
    _answer: Answer
    _amends: Amends
    _aftermath: Aftermath
    _limit: TurnLimit
    _new_request: Callable[[], AgentRequest]

    async def run(self) -> Outcome:
        """Answer, or say why not. Failures are in ``state.error``; whoever cuts the turn cancels this."""
        # Cut while its words were on their way, it must not come as far as its first frame.
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._question.because not in FOR_US:
            await self._decided.wait()
            if self._question.because == "locked" and self._context.addressing.is_first_refusal(self._speaker.user_id):
                await self._context.post(line("floor_taken", name=self._speaker.shown_name))
            return "not-addressed"
        has_words = self._question.text != ""
        if (has_words or self._state.error is not None) and not self._context.allowance.is_allowed(
            self._speaker.user_id
        ):
            await self._decided.wait()
            await self._refuse()
            return "limited"
        await self._until_our_turn()
        persona = self._question.persona
        if not persona.asks_ahead:
            await self._decided.wait()
        self._context.addressing.answering(self._speaker.user_id)
        self._context.answers(self._turn.id, self._speaker.user_id, persona)
        if self._state.error is None:
            if not has_words:
                return "nothing-said"
            self._state.is_accepted = True
            self.take()
            await self._make()
        return await self._outcome()

    def take(self) -> None:
        """Count the turn, once it is accepted and decided."""
        if self._state.is_accepted and self._decided.is_set() and not self._state.is_taken:
            self._state.is_taken = True
            self._context.allowance.took(self._speaker.user_id)
            self._context.tools.on_notice(TurnTaken(self._speaker, self._turn.id, self._question.text))

    async def _refuse(self) -> None:
        """Say why there is no answer, the first time."""
        refusal = self._context.allowance.refusal(self._speaker.user_id)
        if refusal is None or not refusal.is_first:
            return
        told, context = words_of(refusal, self._speaker.name), self._context
        words = context.tools.rules.messages.spoken(told, context.language)
        if not (refusal.may_be_spoken and await Saying(context).run(words)):
            await context.post(told)

    async def _make(self) -> None:
        """Have the answer made, and as much of it played as fits meanwhile."""
        answer, rest, limit = self._answer, self._aftermath.rest_said, self._limit.scope
        with self._waited_for():
            if rest is None:
                await answer.produce(self._new_request(), limit, self._question.persona)
            else:
                self._tell_rest(joined_text(*rest.unheard))
                await answer.say_rest(rest, self._turn.id, limit)
            await self._decided.wait()
        self._state.error = self._too_late() if answer.is_out_of_time else answer.agent_error or answer.speech.error
        self._tell_health()

    @contextmanager
    def _waited_for(self) -> Iterator[None]:
        """Let the room know that somebody waits: where it takes long, a thinking sound is heard."""
        mouth = self._context.mouth
        mouth.waited_for(self._turn.id, self._state.decided_at, self._context.language_of(self._speaker))
        try:
            yield
        finally:
            mouth.waited_for_no_more(self._turn.id)

    def _tell_rest(self, text: str) -> None:
        told = AnswerText(self._speaker, self._turn.id, text, self._decided.is_set())
        self._context.tools.on_notice(told)

    async def _outcome(self) -> Outcome:
        """Play the answer to its end, or do what is done instead; return what it was."""
        match self._state.error:
            case None:
                await self._answer.speech.played()
                await trio.lowlevel.checkpoint_if_cancelled()  # a cut ends the playing as well
                return await self._outcome_of_playing()
            case TurnTooLong():
                await self._amends.post_unsaid()
                await self._amends.played_or_posted()
                return "timed-out"
            case NoReply():
                if self._rules.apologises_for_no_reply:
                    await self._amends.apologise()
                return "no-reply"
            case error:
                if isinstance(error, StageError) and error is not self._state.unheard:
                    self._context.outages.failed(error, self._question.persona.owner_of(error.stage))
                await self._amends.apologise()
                if self._aftermath.is_left_unsaid:
                    return "interrupted"  # what failed was of the rest, which nobody wanted
                return "timed-out" if self._answer.is_out_of_time else "failed"

    async def _outcome_of_playing(self) -> Outcome:
        """Return how an answer without a fault ended; what made no sound is written."""
        speech = self._answer.speech
        if speech.was_given_up:
            self._state.error = DiscordError("the answer could not leave by the voice connection: it was written")
            await self._amends.write(speech.unheard, self._answer.unspoken)
            return "failed"
        if speech.last_frame_at is not None:
            if not speech.was_stopped:  # else nobody wants the rest
                await self._amends.post_unsaid()
            return "interrupted" if self._aftermath.is_left_unsaid else "answered"
        if self._answer.text.strip():
            await self._context.port.post_text(self._answer.text)
        return "no-reply"

    def _too_late(self) -> VoxBridgeError:
        """Return why the turn's limit was reached: whom it waited for, if nothing of the rest can be read."""
        if self._answer.speech.has_sound and self._answer.speech.unsaid:
            waited = f"the user waited for {self._rules.limit_s:g} s in all (turn.limit_ms)"
            return TurnTooLong(f"{waited}: the rest of the answer was written")
        return self._out_of_time("tts" if self._answer.has_all_text else "agent")

    def _out_of_time(self, stage: StageName) -> StageTimeout:
        return StageTimeout(stage, "total", self._rules.limit_s)

    def _tell_health(self) -> None:
        """Tell of the stages that have done their part; one that failed is told of by the turn's own error.

        Only what came of it counts: an answer without a word and a sentence without a sound prove nothing.
        """
        answer, outages, owner_of = self._answer, self._context.outages, self._answer.speech.persona.owner_of
        if answer.has_all_text and answer.text.strip():
            outages.served("agent", owner_of("agent"))
        if self._answer.speech.error is not None:
            outages.failed(self._answer.speech.error, owner_of("tts"))
        elif self._answer.speech.has_sound:
            outages.served("tts", owner_of("tts"))

    async def _until_our_turn(self) -> None:
        """Wait until who asked before has been answered, if answers stand in a queue."""
        while self._context.addressing.is_queue and any(
            turn.user_id != self._speaker.user_id for turn in self._earlier()
        ):
            await self._context.mouth.until_changed()

    def _earlier(self) -> Iterator[OpenTurn]:
        """Yield what others asked before this and is still open; what answers nobody is waited for by nobody."""
        for turn in self._context.floor.turns:
            if turn is self._turn:
                return
            if turn.user_id not in (None, self._speaker.user_id):
                yield turn
