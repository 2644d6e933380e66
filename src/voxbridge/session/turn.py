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

from collections.abc import Awaitable, Callable, Iterator
from typing import Literal, TypeVar

import attrs
import structlog
import trio

from voxbridge import clock
from voxbridge.core.ids import UserId
from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.text.pauses import ends_in_question
from voxbridge.core.turns.addressing import needs_name, said_name
from voxbridge.core.turns.barge_in import Reply
from voxbridge.core.turns.endpointing import TurnEnded
from voxbridge.core.turns.floor import CutReason, OpenTurn
from voxbridge.core.turns.for_us import FOR_US, Because, Said
from voxbridge.core.turns.timeline import Timeline
from voxbridge.errors import (
    DiscordError,
    InternalError,
    NoReply,
    StageError,
    StageName,
    StageTimeout,
    StageUnavailable,
    TurnTooLong,
    VoxBridgeError,
    leaf_of,
)
from voxbridge.session.answer import REST_KEPT_S, Answer, Rest, joined_text
from voxbridge.session.context import RoomContext
from voxbridge.session.limit import TurnLimit
from voxbridge.session.notices import FinalTranscript
from voxbridge.session.report import Outcome, TurnReport
from voxbridge.session.speech import Speech
from voxbridge.session.utterance import Verdict, Words
from voxbridge.stages.contracts import AgentRequest, Previous, Speaker, Transcript

_log = structlog.get_logger(__name__)
Result = TypeVar("Result")


@attrs.frozen
class Understood:
    """What somebody said: the words that are their own, and what becomes of them."""

    words: str
    reply: Reply = "answer"


_OUTCOME_OF_CUT: dict[CutReason, Outcome] = {
    "barge-in": "interrupted",
    "superseded": "superseded",
    "stop": "interrupted",
    "drain": "cancelled",
    "left": "cancelled",
}

_MOVING_MARKS = frozenset({"tts_last_pcm"})  # marked with each piece: the last one stands


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
        self._prior = prior
        self.before = before
        """The speaker's turn before, until this one has asked or has ended."""
        self.was_passed_over = False
        """Whether it was only a sign of listening, or a word that was obeyed: no answer is meant for it."""
        self._understand = understand
        self._understood = Understood("")
        self._told: Previous | None = None
        self._hearing = trio.CancelScope()
        self._answering = trio.CancelScope()
        self._rules = context.tools.rules.turn
        self._limit_s = self._rules.limit_s
        self._due = ended.at + self._limit_s
        self._cut: CutReason | None = None
        self._was_whole = False  # when it was cut
        self._written: set[str] = set()
        self._has_heard = trio.Event()
        self._transcript = Transcript("")
        self._text = ""
        self._because: Because = "unknown"
        """Why it is for us or not, by its own words or those of a turn that it superseded."""
        self._error: VoxBridgeError | None = None
        self._unheard: VoxBridgeError | None = None
        """Why its own words are not known: those of the turns that it superseded are answered all the same."""
        self._limit = TurnLimit(self._due)
        self._answer = Answer(
            context, self._mark_at, self._on_first_frame, self._limit, self._address, is_held=is_ahead
        )
        self._speech = self._answer.speech
        self._apology: Speech | None = None
        self._rest: Rest | None = None
        """What it says of an older answer, instead of one of its own."""
        self._ended_at: float | None = None
        self._was_wound_up = False
        self._started_at = context.tools.wall_iso()
        self._monotonic_offset_s = clock.monotonic_s() - trio.current_time()
        self._timeline = Timeline(self.id, ended.started_at)
        self._timeline.mark("speech_start", ended.started_at)
        self._timeline.mark("speech_end", ended.speech_end)
        self._is_ahead = is_ahead
        self._decided = trio.Event()
        if not is_ahead:
            self.decide(ended)

    def decide(self, ended: TurnEnded, verdict: Verdict = None) -> None:
        """Note that the speaker has finished, with the words that the turn has: from now on it may be heard."""
        self._ended = ended
        self._words.verdict = self._words.verdict if verdict is None else verdict
        self._timeline.mark("turn_decided", ended.at)
        self._context.floor.opened(self)
        self._decided.set()
        self._speech.release()
        if self._has_heard.is_set():
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
        return self._answer.agent_error is not None or self._speech.error is not None or self._error is not None

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
        return self._timeline.at("first_audio") is not None

    @property
    def heard_s(self) -> float:
        """Return the seconds of the answer's sound that have left."""
        return self._speech.heard_s

    @property
    def is_superseded(self) -> bool:
        """Tell whether its words go into the next turn. Not if its answer was heard to the last word."""
        return self._cut == "superseded" and not self._is_answered

    @property
    def has_asked_aloud(self) -> bool:
        """Tell whether the last thing heard of the answer is a question."""
        return ends_in_question(self.heard_text)

    @property
    def _previous(self) -> Previous | None:
        """Return what became of the turn before. It may be cut short as late as when this one's words are known."""
        return self._told if self.before is None else self.before.aftermath

    def _let_go(self) -> None:
        """Settle what is told of the turn before: who goes on and on must not keep the whole chain alive."""
        self._told, self.before = self._previous, None

    @property
    def aftermath(self) -> Previous | None:
        """Return what the agent has to be told of this turn with the next one: None if people had all of the answer.

        What a turn was to tell, it leaves to the next one, unless something shows that it came to the agent.
        """
        answer = self._answer
        # who is cut may well have been taken in
        has_failed = self._cut is None or answer.agent_error is not None or self._error is not None
        if not answer.has_asked or (has_failed and not answer.has_come_through):
            return self._previous
        broke_off = answer.agent_error is not None and answer.text != ""
        was_cut_short = self._cut is not None or self._is_left_unsaid or broke_off
        if not was_cut_short or self._is_told:
            return None
        heard, turn_id = self.heard_text, self.id
        if self._rest is not None:
            heard, turn_id = joined_text(self._rest.heard, heard), self._rest.turn_id
        return Previous(interrupted=True, heard=heard, turn_id=turn_id, goes_on=self.is_superseded)

    @property
    def _is_left_unsaid(self) -> bool:
        return self._was_wound_up and bool(self._speech.unheard)

    def rest(self) -> Rest | None:
        """Return what of the answer was cut off and is still worth saying, or None."""
        unheard = tuple(self._speech.unheard)
        was_cut = self._cut in ("barge-in", "stop") or self._is_left_unsaid
        if not was_cut or not unheard or self._ended_at is None:
            return None
        if trio.current_time() - self._ended_at > REST_KEPT_S:
            return None
        heard, turn_id = self.heard_text, self.id
        if self._rest is not None:
            heard, turn_id = joined_text(self._rest.heard, heard), self._rest.turn_id
        return Rest(heard, unheard, turn_id, self._speaker.language)

    def _take_up_rest(self) -> None:
        """Say the rest of what was cut off, if there is any; else the agent is asked."""
        self._rest = None if self.before is None else self.before.rest()

    @property
    def _is_told(self) -> bool:
        """Tell whether every sentence of the answer was heard or written: what was cut then was an apology."""
        is_whole = self._speech.is_whole if self._cut is None else self._was_whole
        return is_whole and self._written >= self._speech.missing

    @property
    def _is_answered(self) -> bool:
        """Tell whether the answer was heard whole: a cut within the silence behind it changes nothing."""
        return self._error is None and self._speech.is_played and self._is_told

    def cut(self, reason: CutReason) -> None:
        """End the answer now: when this returns, no frame of it can leave. The words heard are kept.

        Hearing goes on, since the words may be wanted by the next turn; not in a drain, which has no next turn.
        """
        if reason == "drain":
            self._hearing.cancel(reason=reason)
        if self._cut is not None:
            return
        self._cut, self._was_whole = reason, self._speech.is_whole
        self._mark("cut")
        self._close()
        self._answering.cancel(reason=reason)

    def wind_up(self, reason: CutReason = "drain") -> None:
        """Let the sentence that is being played be the last; spoken over, it was interrupted all the same."""
        self._was_wound_up = self._was_wound_up or reason == "barge-in"
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
        return [self._speech] if self._apology is None else [self._speech, self._apology]

    async def run(self) -> None:
        """Live the turn. Never raises for a stage's failure; reports once, also when cancelled."""
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
            self._has_heard.set()  # also if it crashed before: the next turn may be waiting for the words
            self._context.floor.closed(self)
            if not self.was_passed_over:
                self._let_go()
            was_heard = self._speech.last_frame_at is not None
            self._context.addressing.answered(self.user_id, trio.current_time(), was_heard=was_heard)
            self._close()
            self._report(outcome)

    async def _or_crash(self, part: Callable[[], Awaitable[Result]], crashes: list[Exception]) -> Result | None:
        """Do a part; a bug, ours or a plug-in's, is the supervisor's to tell, but the user must not wait for it."""
        try:
            return await part()
        except Exception as error:  # noqa: BLE001 - raised again, at the end of the turn
            self._error = InternalError(f"internal error: {type(leaf_of(error)).__name__}")
            crashes.append(error)
            return None

    def _close(self) -> None:
        for speech in self._speeches:
            speech.close()

    async def all_words(self) -> str:
        """Return what the speaker has said: the superseded turn's words and this one's."""
        await self._has_heard.wait()
        return self._text

    async def _live(self, crashes: list[Exception]) -> Outcome:
        with self._hearing:
            await self._or_crash(self._hear, crashes)
        if self._hearing.cancelled_caught:
            assert self._cut is not None, "only a cut ends this scope"
            return _OUTCOME_OF_CUT[self._cut]
        if self.is_decided:
            self._tell_hearing()
        if self._cut is None:
            reply = self._understood.reply
            if reply in ("backchannel", "stop-word", "echo"):
                self.was_passed_over = True
                return reply
            if reply == "go on":
                self._take_up_rest()
        outcome = await self._or_crash(self._reply_or_cut, crashes)
        if outcome is not None:
            return outcome
        if not self.is_decided:
            return "failed" if self._cut is None else _OUTCOME_OF_CUT[self._cut]  # nobody has noticed
        if self._cut is None:
            await self._apologise()
        return "failed" if self._cut is None else _OUTCOME_OF_CUT[self._cut]

    def _tell_hearing(self) -> None:
        """Tell what came of the hearing, once it is decided that the turn is one.

        Of a superseded turn too: the next one has only a part of what was said.
        """
        if self._error is not None:
            self._unheard = self._error
            if isinstance(self._error, StageError):
                self._context.outages.failed(self._error)
            if self._text:
                self._error = None  # known words are answered
        elif self._transcript.text.strip():  # nothing heard proves nothing
            self._context.outages.served("stt")
        if self._error is None:
            self._context.tools.on_notice(FinalTranscript(self._speaker, self.id, self._text))

    async def _reply_or_cut(self) -> Outcome:
        with self._answering:
            outcome = await self._reply()
            if self._cut is None:
                return outcome
        assert self._cut is not None, "only a cut ends this scope"
        return "answered" if self._is_answered else _OUTCOME_OF_CUT[self._cut]

    async def _hear(self) -> None:
        before = "" if self._prior is None else await self._prior.all_words()
        because = None if self._prior is None else self._prior._because  # noqa: SLF001 - of its own class
        self._prior = None  # who goes on and on must not keep the whole chain alive
        try:
            with trio.move_on_at(self._due) as limit:
                self._transcript = await self._words.wait()
            if limit.cancelled_caught:
                self._error = self._out_of_time("stt")
        except StageError as error:
            self._error = error
        finally:
            self._mark("stt_final")
            if self._cut is None:  # else the words are half of a question, whatever they are
                self._understood = self._understand(self._transcript.text)
                self._transcript = attrs.evolve(self._transcript, text=self._understood.words)
            self._text = f"{before} {self._transcript.text}".strip()
            self._because = because if because in FOR_US else self._judged()
            self._has_heard.set()

    def _judged(self) -> Because:
        context, speaker = self._context, self._speaker
        said = Said(
            speaker.user_id,
            self._transcript.text if self._error is None else None,
            context.language_of(speaker),
            self._ended.started_at,
            own_names=(context.port.own_name,),
            others=context.names_beside(speaker.user_id),
        )
        return context.addressing.judge(said, trio.current_time())

    async def _until_our_turn(self) -> None:
        """Wait until who asked before has been answered, if answers stand in a queue."""
        while self._context.addressing.is_queue and any(turn.user_id != self.user_id for turn in self._earlier()):
            await self._context.mouth.until_changed()

    def _earlier(self) -> Iterator[OpenTurn]:
        """Yield what was asked before this and is still open; what answers nobody waits for nobody."""
        for turn in self._context.floor.turns:
            if turn is self:
                return
            if turn.user_id is not None:
                yield turn

    async def _reply(self) -> Outcome:
        # Cut while its words were on their way, it must not come as far as its first frame.
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._because not in FOR_US:
            await self._decided.wait()
            if self._because == "locked" and self._context.addressing.is_first_refusal(self.user_id):
                await self._context.post(line("floor_taken", name=" ".join(self._speaker.name.split())))
            return "not-addressed"
        await self._until_our_turn()
        self._context.addressing.answering(self.user_id)
        answer = self._answer
        is_out_of_time = False
        if self._error is None:
            if not self._text:
                return "nothing-said"
            limit = self._limit.scope
            if self._rest is None:
                await answer.produce(self._request(), limit)
            else:
                await answer.say_rest(self._rest, self.id, limit)
            is_out_of_time = answer.is_out_of_time
            await self._decided.wait()
            self._error = self._too_late() if is_out_of_time else answer.agent_error or self._speech.error
            self._tell_health()
        match self._error:
            case None:
                await self._speech.played()
                await trio.lowlevel.checkpoint_if_cancelled()  # a cut ends the playing as well
                return await self._outcome_of_playing()
            case TurnTooLong():
                await self._post_unsaid()
                await self._played_or_posted()
                return "timed-out"
            case NoReply():
                if self._rules.apologises_for_no_reply:
                    await self._apologise()
                return "no-reply"
            case _:
                if isinstance(self._error, StageError) and self._error is not self._unheard:
                    self._context.outages.failed(self._error)
                await self._apologise()
                return "timed-out" if is_out_of_time else "failed"

    async def _outcome_of_playing(self) -> Outcome:
        """Return how an answer without a fault ended; what made no sound is written."""
        speech = self._speech
        if speech.was_given_up:
            self._error = DiscordError("the answer could not leave by the voice connection: it was written")
            await self._write([*speech.unheard, *self._answer.unspoken])
            return "failed"
        if speech.last_frame_at is not None:
            if not speech.was_stopped:  # else nobody wants the rest
                await self._post_unsaid()
            return "interrupted" if self._is_left_unsaid else "answered"
        if self._answer.text.strip():
            await self._context.port.post_text(self._answer.text)
        return "no-reply"

    def _too_late(self) -> VoxBridgeError:
        """Return why the turn's limit was reached: whom it waited for, if nothing of the rest can be read."""
        if self._speech.has_sound and self._speech.unsaid:
            return TurnTooLong(
                f"the user waited for {self._limit_s:g} s in all (turn.limit_ms): the rest of the answer was written"
            )
        return self._out_of_time("tts" if self._answer.has_all_text else "agent")

    def _out_of_time(self, stage: StageName) -> StageTimeout:
        return StageTimeout(stage, "total", self._limit_s)

    def _tell_health(self) -> None:
        """Tell of the stages that have done their part; one that failed is told of by the turn's own error.

        Only what came of it counts: an answer without a word and a sentence without a sound prove nothing.
        """
        answer, outages = self._answer, self._context.outages
        if answer.has_all_text and answer.text.strip():
            outages.served("agent")
        if self._speech.error is not None:
            outages.failed(self._speech.error)
        elif self._speech.has_sound:
            outages.served("tts")

    def _request(self) -> AgentRequest:
        self._let_go()
        return AgentRequest(
            turn_id=self.id,
            text=self._text,
            speaker=self._speaker,
            confidence=self._transcript.confidence,
            speech_ms=round((self._ended.speech_end - self._ended.started_at) * 1000),
            started_at=self._started_at,
            participants=self._context.participants(),
            people=self._speaker.vocabulary,
            previous=self._told,
            answer_chars_max=self._rules.read_chars_max,
            speculative=self._is_ahead,
        )

    async def _apologise(self) -> None:
        """Say that it went wrong, after what was said already; in text if there is no voice."""
        await self._post_unsaid()
        await self._played_or_posted()
        tools = self._context.tools
        language = self._context.language_of(self._speaker)
        told, sound = line("apology"), _audible(tools.apology(language))
        is_written = bool(self._speech.unsaid)
        if is_written:  # the answer stands in the channel: asking again would be no help
            told = line("mute_apology")
            sound = _audible(tools.mute_apology(language)) or sound
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._cut is not None:
            return
        if sound is not None:
            self._apology = Speech(self._context, self._mark_at, self._on_first_frame)
            self._apology.add_sound(tools.rules.messages.spoken(told, language), sound)
            await self._apology.played()
        if not is_written and (self._apology is None or self._apology.was_given_up):
            await self._context.post(told)

    async def _post_unsaid(self) -> None:
        """Write into the channel what could not be spoken, or is longer than may be: the words are not lost.

        If there is a notice that says why, it comes first.
        """
        if words := [*self._speech.unsaid, *self._answer.unspoken]:
            await self._context.outages.post_due()
            await self._write(words)

    async def _write(self, sentences: list[str]) -> None:
        if sentences:
            await self._context.port.post_text(" ".join(sentences))
            self._written.update(sentences)

    async def _played_or_posted(self) -> None:
        """Wait for the last frame; what could not leave by the voice connection is written, unless it stands there."""
        await self._speech.played()
        if self._speech.was_given_up and self._cut is None:
            await self._write([each for each in self._speech.unheard if each not in self._written])

    def _mark(self, name: str) -> None:
        self._mark_at(name, trio.current_time())

    def _mark_at(self, name: str, at: float) -> None:
        if name in _MOVING_MARKS:
            self._timeline.remark(name, at)
        else:
            self._timeline.mark(name, at)

    def _address(self) -> str:
        """Return the name of whom an answer is for that begins now, if that has to be said."""
        is_needed = needs_name(
            waited_s=trio.current_time() - self._ended.at,
            must_wait=self._context.mouth.is_taken,
            people=self._context.participants(),
            name_after_s=self._context.tools.rules.voice.name_after_s,
        )
        return said_name(self._speaker.name) if is_needed else ""

    def _on_first_frame(self, at: float) -> None:
        self._timeline.mark("first_audio", at)

    def _report(self, outcome: Outcome) -> None:
        if self._speech.last_frame_at is not None:
            self._timeline.mark("last_audio", self._speech.last_frame_at)
        self._mark("ended")
        self._ended_at = trio.current_time()
        error = self._error or self._unheard
        self._account()
        self._context.tools.on_report(
            TurnReport(
                turn_id=self.id,
                guild_id=self._speaker.guild_id,
                channel_id=self._speaker.channel_id,
                user_id=self._speaker.user_id,
                outcome=outcome,
                heard="" if outcome == "not-addressed" else self._text,  # what people say to each other is theirs
                answer=self._answer.text,
                spoken=self._speech.heard_text,
                started_at=self._started_at,
                started_monotonic_s=self._timeline.started_at + self._monotonic_offset_s,
                marks=self._timeline.marks,
                parts=tuple(self._timeline.parts(self._rules.targets_ms)),
                first_audio=self._timeline.first_audio(self._rules.first_audio_target_ms),
                error=None if error is None else str(error),
                failed_stage=error.stage if isinstance(error, StageError) else None,
                turn_model=self._words.verdict,
                trimmed=self._speech.trimmed,
                speculation=self._speculation(),
                won_ms=self._won_ms(),
            )
        )

    def _account(self) -> None:
        """Tell the account of what is asked ahead how the agent is, and what it won."""
        account, now, error = self._context.tools.speculation, trio.current_time(), self._answer.agent_error
        first_text_s = self._timeline.between("agent_request", "agent_first_text")
        if isinstance(error, StageTimeout | StageUnavailable):
            is_limited = isinstance(error, StageUnavailable) and error.retry_after_s is not None
            account.note_failure(now, is_limited=is_limited)
        elif first_text_s is not None:
            account.note_answer(self._rules.speculation, first_text_s, now)
        if (won_ms := self._won_ms()) is not None:
            account.note_won(won_ms / 1000)
            self._context.tools.counters.speculation_won_ms += round(won_ms)

    def _speculation(self) -> Literal["kept", "wasted"] | None:
        """Return what became of having been asked ahead, if it was."""
        if not (self._is_ahead and self._answer.has_asked):
            return None
        return "kept" if self.is_decided else "wasted"

    def _won_ms(self) -> float | None:
        """Return how much sooner the answer sounded: it was ready earlier, or asked for earlier, whichever is less."""
        lead_s = self._timeline.between("agent_request", "turn_decided")
        ready_s = self._timeline.between("agent_request", "tts_first_pcm")
        if lead_s is None or ready_s is None or self._timeline.at("first_audio") is None or not self._is_ahead:
            return None
        return round(max(0.0, min(lead_s, ready_s)) * 1000, 3)


def _audible(sound: Pcm | None) -> Pcm | None:
    """Return a sound if there is anything to be heard in it."""
    return sound if sound is not None and sound.data.strip(b"\0") else None
