"""One turn: words, agent, speech, playout; one scope with one end, and one report whatever happens.

    hear (STT) --text--> answer scope [ agent -> sentences -> TTS -> track ] -> played -> report
      never cut short:      cut("superseded"): the words go into the next turn (core/turns/same_thought.py)
      the words count       cut("barge-in"): silent within the step

A turn may begin before it is decided (``is_ahead``): it is asked for with the words that a guess brought, and nothing
of it is heard, written or told before ``decide``. Taking it back is a cut like any other, "superseded".

A turn never ends in silence: what cannot be answered is apologised for, aloud if there is a voice, in the channel's
text if there is none; what could not be spoken is posted. All stages share one deadline, the turn's limit, which stands
still while there is sound: what it counts is how long the user waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

import structlog
import trio

from voxbridge.core.ids import UserId
from voxbridge.core.people.company import Changes
from voxbridge.core.profiles.layers import DEFAULT
from voxbridge.core.text.pauses import ends_in_question
from voxbridge.core.turns.addressing import needs_name, said_name
from voxbridge.core.turns.endpointing import TurnEnded
from voxbridge.core.turns.floor import CutReason
from voxbridge.errors import (
    InternalError,
    StageError,
    leaf_of,
)
from voxbridge.session.aftermath import Aftermath, TurnState
from voxbridge.session.amends import Amends
from voxbridge.session.answer import Answer
from voxbridge.session.context import RoomContext
from voxbridge.session.delivery import Delivery
from voxbridge.session.last_answer import LastAnswer
from voxbridge.session.limit import TurnLimit
from voxbridge.session.notices import FinalTranscript
from voxbridge.session.question import Question, Understood
from voxbridge.session.record import Ending, TurnRecord
from voxbridge.session.report import Outcome
from voxbridge.session.speech import Speech
from voxbridge.session.utterance import Verdict, Words
from voxbridge.stages.contracts import AgentRequest, Speaker

_log = structlog.get_logger(__name__)
Result = TypeVar("Result")


_OUTCOME_OF_CUT: dict[CutReason, Outcome] = {
    "barge-in": "interrupted",
    "superseded": "superseded",
    "stop": "interrupted",
    "drain": "cancelled",
    "left": "cancelled",
}


class Turn:
    """A user turn and its answer; on the floor from its making until ``run`` ends.

    ``prior`` is the same speaker's turn that this one superseded: its words come first. ``before`` says what became
    of the answer before, for the agent's memory. ``is_ahead``: ``ended`` is what it will have been if the speaker does
    not go on; ``decide`` says so.
    """

    def __init__(
        self,
        context: RoomContext,
        speaker: Speaker,
        ended: TurnEnded,
        words: Words,
        *,
        prior: Turn | None,
        before: Turn | None,
        understand: Callable[[str], Understood] = Understood,
        is_ahead: bool = False,
    ) -> None:
        self.id = context.tools.new_turn_id()
        self._context = context
        self._speaker = speaker
        self._ended = ended
        self._words = words
        self.before = before
        """The speaker's turn before, until this one has asked or has ended."""
        self.was_passed_over = False
        """Whether it was only a sign of listening, or a word that was obeyed: no answer is meant for it."""
        self.question: Question = Question(
            context,
            speaker,
            words,
            started_at=ended.started_at,
            prior=None if prior is None else prior.question,
            understand=understand,
            is_typed=ended.reason == "typed",
        )
        self._hearing = trio.CancelScope()
        self._changes = Changes()
        self._answering = trio.CancelScope()
        self._rules = context.tools.rules.turn
        self._limit_s = self._rules.limit_s
        self._due = ended.at + self._limit_s
        self._state = TurnState()
        self._limit = TurnLimit(self._due)
        self._record = TurnRecord(self.id, context, self._rules, speaker, ended)
        mark, first_frame = self._record.mark_at, self._record.first_frame
        self._answer = Answer(context, mark, first_frame, self._limit, self._address, is_held=is_ahead)
        self._speech = self._answer.speech
        self._amends = Amends(
            context,
            speaker,
            self._answer,
            lambda: Speech(context, mark, first_frame),
            lambda: self._state.cut is not None or self.aftermath.is_left_unsaid,
        )
        past = None if before is None else before.aftermath
        self.aftermath: Aftermath = Aftermath(self.id, speaker, self._state, self._answer, self._amends, past)
        self._is_ahead = is_ahead
        self._decided = trio.Event()
        self._delivery = Delivery(
            context,
            self._rules,
            speaker,
            turn=self,
            state=self._state,
            decided=self._decided,
            question=self.question,
            answer=self._answer,
            amends=self._amends,
            aftermath=self.aftermath,
            limit=self._limit,
            new_request=self._request,
        )
        if not is_ahead:
            self.decide(ended)

    def decide(self, ended: TurnEnded, verdict: Verdict = None) -> None:
        """Note that the speaker has finished, with the words that the turn has: from now on it may be heard."""
        self._ended = ended
        self._words.verdict = self._words.verdict if verdict is None else verdict
        self._record.mark_at("turn_decided", ended.at)
        self._context.floor.opened(self)
        self._state.decided_at = ended.at
        self._context.mouth.waits.decided(self.id, ended.at)
        self._decided.set()
        self._speech.release()
        self._delivery.take()
        if self.question.is_heard:
            self._tell_hearing()

    @property
    def speech_end(self) -> float:
        """Return the end of the last voiced frame."""
        return self._ended.speech_end

    @property
    def is_decided(self) -> bool:
        """Tell whether it is certain that the speaker has finished."""
        return self._decided.is_set()

    @property
    def has_failed(self) -> bool:
        """Tell whether the agent, or the voice, could not serve it so far."""
        return self._answer.agent_error is not None or self._speech.error is not None or self._state.error is not None

    @property
    def heard_text(self) -> str:
        """Return the words of the answer that were really played."""
        return self._speech.heard_text

    @property
    def user_id(self) -> UserId:
        """Return whose turn it is."""
        return self._speaker.user_id

    @property
    def is_sounding(self) -> bool:
        """Tell whether a frame of the answer has left."""
        return self._record.is_sounding

    @property
    def heard_s(self) -> float:
        """Return the seconds of the answer's sound that have left."""
        return self._speech.heard_s

    @property
    def is_superseded(self) -> bool:
        """Tell whether its words go into the next turn. Not if its answer was heard to the last word."""
        return self.aftermath.is_superseded

    @property
    def answer_text(self) -> str:
        """Return what is to be said as its answer, as far as it is known."""
        return " ".join(self._answer.to_say)

    async def written(self) -> None:
        """Wait until the answer is known to its end."""
        await self._answer.written()

    @property
    def has_asked_aloud(self) -> bool:
        """Tell whether the last thing heard of the answer is a question."""
        return ends_in_question(self.heard_text)

    def _let_go(self) -> None:
        """Settle what is told of the turn before: who goes on and on must not keep the whole chain alive."""
        self.aftermath.let_go()
        self.before = None

    def cut(self, reason: CutReason) -> None:
        """End the answer now: when this returns, no frame of it can leave. The words heard are kept.

        Hearing goes on, since the words may be wanted by the next turn; not in a drain, which has no next turn.
        """
        if reason == "drain":
            self._hearing.cancel(reason=reason)
        if self._state.cut is not None:
            return
        self._state.cut, self._state.was_whole = reason, self._speech.is_whole
        self._record.mark("cut")
        self._close()
        self._answering.cancel(reason=reason)

    def wind_up(self, reason: CutReason = "drain") -> None:
        """Let the sentence that is being played be the last; spoken over, it was interrupted all the same."""
        self._state.was_wound_up = self._state.was_wound_up or reason == "barge-in"
        self._speech.stop_after_sentence()

    def fade_out(self, frames: int) -> None:
        """Let the answer die away over ``frames`` frames."""
        for speech in self._speeches:
            speech.fade_out(frames)

    def lower(self, level: float, frames: int) -> None:
        """Bring the answer to ``level`` (0 to 1) over ``frames`` frames; 1.0 undoes it."""
        for speech in self._speeches:
            speech.lower(level, frames)

    def pause(self) -> None:
        """Let no further frame leave until ``resume``. Nothing of the answer is lost."""
        for speech in self._speeches:
            speech.pause()

    def resume(self) -> None:
        """Go on with the sample that follows the last one that left."""
        for speech in self._speeches:
            speech.resume()

    @property
    def _speeches(self) -> list[Speech]:
        apology = self._amends.apology
        return [self._speech] if apology is None else [self._speech, apology]

    async def run(self) -> None:
        """Run the turn. Never raises for a stage's failure; reports once, also when cancelled."""
        outcome: Outcome = "cancelled"
        crashes: list[Exception] = []
        structlog.contextvars.bind_contextvars(
            turn=self.id, speaker=str(self._speaker.user_id), guild=str(self._speaker.guild_id)
        )
        try:
            outcome = await self._live(crashes)
            if crashes:
                raise crashes[0]
        finally:
            self.question.close()  # also if it crashed before: the next turn may be waiting for the words
            self._context.floor.closed(self)
            if not self.was_passed_over:
                self._let_go()
            self._context.answered(self.id, self.user_id, was_heard=self._speech.last_frame_at is not None)
            if self.is_decided and self._answer.has_come_through:
                self._context.company.told(self.user_id, self._changes)
            self._close()
            self._report(outcome)

    async def _or_crash(self, part: Callable[[], Awaitable[Result]], crashes: list[Exception]) -> Result | None:
        """Do a part; a bug, ours or a plug-in's, is the supervisor's to tell, but the user must not wait for it."""
        try:
            return await part()
        except Exception as error:  # noqa: BLE001 - raised again, at the end of the turn
            self._state.error = InternalError(f"internal error: {type(leaf_of(error)).__name__}")
            crashes.append(error)
            return None

    def _close(self) -> None:
        for speech in self._speeches:
            speech.close()

    async def _live(self, crashes: list[Exception]) -> Outcome:
        with self._hearing:
            await self._or_crash(self._hear, crashes)
        if self._hearing.cancelled_caught:
            assert self._state.cut is not None, "only a cut ends this scope"
            return _OUTCOME_OF_CUT[self._state.cut]
        if self.is_decided:
            self._tell_hearing()
        if self._state.cut is None:
            reply = self.question.reply
            if reply in ("backchannel", "stop-word", "echo", "background"):
                self.was_passed_over = True
                return reply
            if reply == "go on":
                self.aftermath.take_up_rest()
        outcome = await self._or_crash(self._reply_or_cut, crashes)
        if outcome is not None:
            return outcome
        if not self.is_decided:
            return "failed" if self._state.cut is None else _OUTCOME_OF_CUT[self._state.cut]  # nobody has noticed
        if self._state.cut is None:
            await self._amends.apologise()
        return "failed" if self._state.cut is None else _OUTCOME_OF_CUT[self._state.cut]

    def _tell_hearing(self) -> None:
        """Tell what came of the hearing, once it is decided that the turn is one.

        Of a superseded turn too: the next one has only a part of what was said.
        """
        if self._state.error is not None:
            self._state.unheard = self._state.error
            if isinstance(self._state.error, StageError):
                self._context.outages.failed(self._state.error)
            if self.question.text:
                self._state.error = None  # known words are answered
        elif self.question.transcript.text.strip() and self._ended.reason != "typed":  # nothing heard proves nothing
            self._context.outages.served("stt")
        if self._state.error is None:
            self._context.tools.on_notice(FinalTranscript(self._speaker, self.id, self.question.text))

    async def _reply_or_cut(self) -> Outcome:
        with self._answering:
            outcome = await self._delivery.run()
            if self._state.cut is None:
                return outcome
        assert self._state.cut is not None, "only a cut ends this scope"
        return "answered" if self.aftermath.is_answered else _OUTCOME_OF_CUT[self._state.cut]

    async def _hear(self) -> None:
        try:
            await self.question.hear(
                self._due,
                self._limit_s,
                on_words=lambda: self._record.mark("stt_final"),
                is_wanted=lambda: self._state.cut is None,
            )
        except StageError as error:
            self._state.error = error

    def _request(self) -> AgentRequest:
        self._let_go()
        self._changes = self._context.company.changes_for(self.user_id)
        persona = self.question.persona
        return AgentRequest(
            turn_id=self.id,
            text=self.question.text,
            speaker=self._speaker,
            confidence=self.question.transcript.confidence,
            speech_ms=round((self._ended.speech_end - self._ended.started_at) * 1000),
            started_at=self._record.started_at,
            participants=self._context.participants(),
            people=self._speaker.vocabulary,
            joined=self._changes.joined,
            left=self._changes.left,
            previous=self.aftermath.told,
            answer_chars_max=self._rules.read_chars_max,
            profile="" if persona.name == DEFAULT else persona.name,
            prompt=persona.prompt,
            speculative=self._is_ahead,
            decided=self._decided.wait,
        )

    def _address(self) -> str:
        """Return the name of whom an answer is for that begins now, if that has to be said."""
        is_needed = needs_name(
            waited_s=trio.current_time() - self._ended.at,
            must_wait=self._context.mouth.is_taken,
            people=self._context.participants(),
            name_after_s=self._context.tools.rules.voice.name_after_s,
        )
        return said_name(self._speaker.name) if is_needed else ""

    def _report(self, outcome: Outcome) -> None:
        self._state.ended_at = trio.current_time()
        if self._answer.to_say:
            self._context.remember(LastAnswer(self.answer_text, self.aftermath.rest))
        ending = Ending(outcome, self._state.error or self._state.unheard, self._words.verdict, self._speculation())
        self._record.close(ending, self.question, self._answer)

    def _speculation(self) -> Literal["kept", "wasted"] | None:
        """Return what became of having been asked ahead, if it was."""
        if not (self._is_ahead and self._answer.has_asked):
            return None
        return "kept" if self.is_decided else "wasted"
