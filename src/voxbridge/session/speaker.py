"""One speaker of a room: an ear, a line to the speech-to-text server, and the turns that come of it.

Everything here lives in the speaker's own nursery: a crash ends this speaker's work and nobody else's. The line
survives turns and barge-in; a turn that crashes ends alone, and an ear that crashes leaves the turns alive.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import assert_never

import attrs
import trio

from voxbridge.core.call.events import Unheard, VoiceDown
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import HeardSound, OpusPacket
from voxbridge.core.sound.recent import RecentSound
from voxbridge.core.turns.barge_in import Phase, SpeechOver
from voxbridge.core.turns.completeness import Completeness, completeness_of, is_punctuated
from voxbridge.core.turns.endpointing import (
    Endpointer,
    EndpointRules,
    Guess,
    SpeechConfirmed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from voxbridge.core.turns.habits import PauseHabit
from voxbridge.errors import InternalError
from voxbridge.session.context import RoomContext
from voxbridge.session.ear import Ear, EarEvent, Heard
from voxbridge.session.echo import EchoEar
from voxbridge.session.hearing import Hearing
from voxbridge.session.notices import PartialTranscript, SpeakerStarted, SpeakerStopped
from voxbridge.session.question import Understood
from voxbridge.session.turn import Turn
from voxbridge.session.utterance import LineLife, Lost, Utterance, Verdict, Words
from voxbridge.stages.contracts import Speaker, SttSession, Transcript, warm_up
from voxbridge.supervise import keep, supervise

# One utterance as long as the limit may be a long story, and is answered; twice that is no conversation.
_UNBROKEN_MAX = 2


class SpeakerSession:
    """Listens to one speaker. ``hear`` and ``deafen`` never block; ``run`` may be started again after a crash.

    The preroll takes all sound, also those of an open utterance: what the utterance held back at its end (silence
    as it seemed), and all of one that a broken connection cut off too short to count, may begin the next one.

    Who makes no pause (a radio, a music bot) can be given no answer, and must not fill the memory: after a second
    utterance in a row that only its limit ended, that is said once, and nothing is taken down before there is a pause.
    """

    def __init__(self, context: RoomContext, speaker: Speaker) -> None:
        self.speaker = speaker
        self._context = context
        self._preroll = RecentSound(context.tools.rules.listening.preroll_s)
        self._listening = trio.CancelScope()
        self._is_deaf = False
        self._utterance: Utterance | None = None
        self._number = 0  # of the utterance, or the last one
        self._habit = PauseHabit()
        self._server_punctuates = False  # as far as has been seen
        self._is_clean = True  # it began while nothing was being said or thought here
        self._voiced_s = 0.0  # of it
        self._began_at = 0.0  # the utterance, or the last one
        self._broken_off: Utterance | None = None
        self._superseded: Turn | None = None
        self._unbroken = 0  # utterances in a row that only their limit ended
        self._cut_at = 0.0  # when the last of them ended
        self._has_told_unbroken = False
        self._last_turn: Turn | None = None
        self._taken_back: Turn | None = None  # the last one that was asked ahead, until the next turn
        self._ahead: Turn | None = None  # asked before it was decided that the speaker has finished
        self._line: SttSession | None = None
        self._line_language = speaker.language
        self._life = LineLife()
        self._open_tasks = 0  # turns and what belongs to them
        self._tasks_changed = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._echo = EchoEar(context.mouth.sent)
        self._hearing = Hearing(self._make_ear, self._on_event, context.port.hand_over, context.tools.counters)
        context.tools.counters.speakers += 1

    @property
    def is_speaking(self) -> bool:
        """Tell whether an utterance is open."""
        return self._utterance is not None

    @property
    def is_line_up(self) -> bool:
        """Tell whether the line to the speech-to-text server is up."""
        return self._line is not None and self._line.is_connected

    @property
    def line_reconnects(self) -> int:
        """Return how often the open line was lost and made anew; a closed one is in the counters."""
        return 0 if self._line is None else self._line.reconnect_count

    def call_by(self, name: str) -> None:
        """Take the name that the roster gives: the sound may have come first, under a number."""
        self.speaker = attrs.evolve(self.speaker, name=name)

    def expect(self, language: str) -> None:
        """Listen in another language: the line is made anew at the next pause, and answers are in it at once."""
        self.speaker = attrs.evolve(self.speaker, language=language)
        self._renew_line()

    def _renew_line(self) -> None:
        """Let a line go that is in another language, unless somebody speaks or words are still to come over it."""
        if self._line_language != self.speaker.language and self._utterance is None and not self._open_tasks:
            self._listening.cancel(reason="superseded")

    def hear(self, item: OpusPacket | VoiceDown | Unheard) -> None:
        """Take what the voice port says of this speaker, all the way to what it means."""
        self._hearing.hear(item)

    def deafen(self) -> None:
        """Hear no more: ``run`` returns when the turns that are open have ended (drain)."""
        self._is_deaf = True
        self._listening.cancel(reason="drain")

    async def run(self) -> None:
        """Listen until cancelled, or until ``deafen``. What crashes is tried again; turns outlive it."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await keep("hearing", self._hear_on, given_up=self.tell_deaf, user=str(self.speaker.user_id))
            finally:
                self._nursery = None

    async def _hear_on(self) -> None:
        """Hear over a line of its own, until ``deafen`` and the end of the turns that wait for its words."""
        while True:
            await self._hear_in(self.speaker.language)
            if self._is_deaf or self._line_language == self.speaker.language:
                return

    async def _hear_in(self, language: str) -> None:
        self._line_language = language
        tools = self._context.tools
        # partial transcripts cost the server work: only where they are of use
        on_partial = self._on_partial if tools.rules.listening.wants_partials else None
        life = LineLife()
        try:
            async with tools.stt.open(self.speaker, on_partial) as line:
                self._line, self._life = line, life
                try:
                    await self._hear_over_line()
                finally:
                    tools.counters.stt_reconnects += line.reconnect_count
                    self._line = None
        finally:
            life.end()
            if self._utterance is not None:
                self._utterance.lose()
                self._break_off()

    async def _hear_over_line(self) -> None:
        with trio.CancelScope() as self._listening:
            if self._is_deaf:
                self._listening.cancel(reason="drain")
            if not await supervise("ear", self._listen, user=str(self.speaker.user_id)):
                raise InternalError("the ear crashes again and again")
        self._forget_utterance()
        while self._open_tasks:
            await self._tasks_changed.wait()

    def _tell_unbroken(self, ended: TurnEnded) -> None:
        """Say in the channel, once, why somebody who goes on and on is given no answer."""
        self._superseded = None  # what was superseded by it is told of in the chat as well
        if self._has_told_unbroken:
            return
        self._has_told_unbroken = True
        spoken_s = round(self._unbroken * (ended.at - ended.started_at))
        told = line("no_pause", name=self._shown_name, seconds=spoken_s)
        self._start("notice", functools.partial(self._context.post, told))

    async def tell_deaf(self, pause_s: float) -> None:
        """Say in the channel whom we cannot hear, and for how long."""
        if self._nursery is not None:
            self._make_good()
        await self._context.post(line("deaf_to", name=self._shown_name, minutes=max(1, round(pause_s / 60))))

    @property
    def _shown_name(self) -> str:
        return " ".join(self.speaker.name.split())

    async def _listen(self) -> None:
        if self._utterance is not None:  # of an ear that crashed
            self._utterance.discard()
            self._break_off()
        self._make_good()
        self._preroll.clear()
        await self._hearing.run()

    def _make_ear(self) -> Ear:
        tools = self._context.tools
        return Ear(Endpointer(rules_now=self._endpointing), tools.new_detector(), tools.counters)

    def _endpointing(self) -> EndpointRules:
        """Return the rules for the next utterance: the settings', and what this speaker's pauses ask for."""
        rules = self._context.tools.rules.listening.endpointing
        return attrs.evolve(rules, commit=self._habit.applied(rules.commit))

    @property
    def waits_longer_s(self) -> float:
        """Return how much longer than usual this speaker is waited for at a pause."""
        return self._habit.longer_s(self._context.tools.rules.listening.endpointing.commit)

    @property
    def typical_pause_s(self) -> float | None:
        """Return the pause within a thought that this speaker mostly does not exceed, once it is known."""
        return self._habit.typical_s

    def run_ahead(self, words: Transcript, said: Completeness | None, speech_end: float | None) -> None:
        """Ask the agent with the words of a guess, where that is safe and these may be all."""
        tools, utterance, now = self._context.tools, self._utterance, trio.current_time()
        if utterance is None or not utterance.is_confirmed or not words.text.strip() or self._ahead is not None:
            return
        if not (self._is_clean and self._context.floor.is_empty):
            return  # it may be a sign of listening, or a word that is obeyed
        said = said or completeness_of(words.text, self.speaker.language)
        if tools.speculation.why_not(tools.rules.turn.speculation, said, now) is not None:
            return
        voiced_s = (speech_end or now) - utterance.started_at
        ended = TurnEnded(now, utterance.started_at, speech_end or now, voiced_s, confirmed=True, reason="silence")
        turn = self._turn(ended, Words(words, None), self._superseded, is_ahead=True)
        self._ahead = turn
        tools.speculation.note_asked()
        tools.counters.speculations += 1
        self._start("turn", turn.run)

    def _take_back(self) -> None:
        """Cut a turn that was asked for ahead: the speaker has not finished."""
        turn, self._ahead = self._ahead, None
        if turn is not None:
            turn.cut("superseded")
            self._context.tools.speculation.note_wasted(trio.current_time())
            self._context.tools.counters.speculations_wasted += 1
            self._taken_back = turn

    def _turn(self, ended: TurnEnded, words: Words, prior: Turn | None, *, is_ahead: bool = False) -> Turn:
        return Turn(
            self._context,
            self.speaker,
            ended,
            words,
            prior=prior,
            before=self._taken_back or self._latest,
            understand=functools.partial(
                self._understand,
                self._number,
                self._began_at,
                self._echo.began_at(ended.at),
                is_echo=self._echo.is_echo(ended.voiced_s),
            ),
            is_ahead=is_ahead,
        )

    def _forget_utterance(self) -> None:
        self._take_back()
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.discard()
            self._tell_policy("ended")

    def _break_off(self) -> None:
        self._take_back()
        self._broken_off, self._utterance = self._utterance, None
        self._tell_policy("ended")

    def _make_good(self) -> None:
        """Make a turn of what a crash broke off: who was heard to speak gets an answer to what is known, or is told."""
        utterance, self._broken_off = self._broken_off, None
        if utterance is None or not (utterance.is_confirmed or self._superseded is not None):
            return
        now = trio.current_time()
        ended = TurnEnded(now, utterance.started_at, now, now - utterance.started_at, confirmed=True, reason="cut off")
        self._open_turn(ended, Words(None, Lost()))

    def judge_words(self, words: Transcript | None) -> Completeness | None:
        """Return whether the words so far can be all, if that is to be minded."""
        if words is None or not self._context.tools.rules.listening.minds_words:
            return None
        text = words.text
        self._server_punctuates = self._server_punctuates or is_punctuated(text)
        return completeness_of(
            text,
            self.speaker.language,
            is_reply=(latest := self._latest) is not None and latest.has_asked_aloud,
            server_punctuates=self._server_punctuates,
        )

    def _on_partial(self, text: str) -> None:
        if self._utterance is not None:
            self._tell_words(text, is_whole=False)
        if self._context.tools.rules.listening.shows_partials:
            self._context.tools.on_notice(PartialTranscript(self.speaker, text))

    def _on_event(self, event: EarEvent, ear: Ear) -> None:
        match event:
            case Heard(sound):
                self._on_sound(sound)
                self._on_voice(sound, ear.voiced_s)
            case SpeechStarted(at):
                if at - self._cut_at > self._context.tools.rules.listening.endpointing.commit.usual_s:
                    self._unbroken = 0
                self._begin_utterance(at)
            case SpeechConfirmed():
                if self._utterance is None:
                    return
                self._utterance.is_confirmed = True
                if not self._echo.is_hushed(trio.current_time()):
                    confirm_s = self._context.tools.rules.listening.endpointing.confirm_s
                    self._tell_policy("confirmed", voiced_s=self._echo.own_s(confirm_s))
            case Guess(_, voiced_s):
                if self._utterance is not None:
                    ear.await_verdicts()
                    told = _Verdicts(self, ear, self._hearing)
                    guess = self._utterance.hold(ear.recent_pcm(), self._context.tools.judge, told, voiced_s)
                    self._start("guess", guess)
            case SpeechResumed(_, pause_s):
                self._habit.paused(pause_s)
                self._take_back()
                if self._utterance is not None:
                    self._utterance.resume()
            case TurnEnded():
                self._on_turn_ended(event)
            case _:
                assert_never(event)

    def _start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start something that a bug ends alone, in the speaker's own nursery."""
        assert self._nursery is not None, "an ear hears while the speaker's session runs"
        self._open_tasks += 1
        self._nursery.start_soon(self._guarded, name, run)

    async def _guarded(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run something once, so that a bug in it ends nothing else."""
        try:
            await supervise(name, run, backoff=Backoff(circuit=1))
        finally:
            self._open_tasks -= 1
            self._tasks_changed.set()
            self._tasks_changed = trio.Event()
            self._renew_line()

    def _begin_utterance(self, at: float) -> None:
        if self._unbroken >= _UNBROKEN_MAX:
            return
        assert self._line is not None, "an ear hears while the line is open"
        self._number += 1
        number = self._number
        self._echo.begin(at)

        def on_words(text: str, is_whole: bool) -> None:
            if number == self._number and self._utterance is not None:
                self._tell_words(text, is_whole=is_whole)

        may_part = self._context.tools.rules.listening.may_part
        self._utterance = utterance = Utterance(
            self._line, self._life, started_at=at, on_words=on_words, may_part=may_part
        )
        self._is_clean = self._context.floor.is_empty
        self._began_at, self._voiced_s = at, 0.0
        self._context.tools.on_notice(SpeakerStarted(self.speaker))
        if not self._echo.is_hushed(trio.current_time()):
            self._tell_policy("began")
        # They will be asked in a second or two; by then their connections are there.
        cast = self._context.tools.cast
        for stage in dict.fromkeys(stage for persona in cast for stage in (persona.agent, persona.tts)):
            self._start("warm-up", functools.partial(warm_up, stage))
        for sound in self._preroll:
            utterance.feed(sound)

    def _on_sound(self, sound: HeardSound) -> None:
        if self._utterance is not None:
            self._utterance.feed(sound)
        else:
            self._preroll.keep(self._context.tools.rules.listening.preroll_s)
        self._preroll.add(sound)

    def _on_voice(self, sound: HeardSound, voiced_s: float) -> None:
        """Tell the policy how long it lasts, while something is being said or thought; ask early what the words are."""
        utterance = self._utterance
        if utterance is None:
            return
        now = trio.current_time()
        self._voiced_s = max(voiced_s, self._voiced_s)
        self._echo.hear(sound.pcm, now)
        if self._context.floor.is_empty:
            return
        if not self._echo.is_hushed(now):
            self._tell_policy("voiced", voiced_s=self._echo.own_s(voiced_s))
        if self._context.interruptions.wants_words(self.speaker.user_id, self._number):
            ask = utterance.early_words(voiced_s)
            if ask is not None:
                self._start("early words", ask)

    def _tell_words(self, text: str, *, is_whole: bool) -> None:
        """Tell the policy what is known of the words, without those that are ours."""
        own = self._echo.own_words(text, self._began_at, self._voiced_s)
        self._tell_policy("words", words=own, is_whole=is_whole)

    def _tell_policy(
        self, phase: Phase, *, voiced_s: float = 0.0, words: str = "", is_turn: bool = False, is_whole: bool = False
    ) -> None:
        """Let this speech do to what is being said what the room's policy makes of it."""
        now = trio.current_time()
        lasts_s = now - self._echo.began_at(now)
        speech = SpeechOver(
            self.speaker.user_id, phase, voiced_s, words, is_turn, lasts_s, utterance=self._number, is_whole=is_whole
        )
        for turn in self._context.interruptions.on_speech(self.speaker, speech):
            # An older one that is still open was superseded before: its words are in the last one already.
            if turn is (latest := self._latest) and latest.is_superseded:
                if self._superseded is not latest:  # it is told again until the turn has ended
                    self._habit.paused(max(0.0, self._began_at - latest.speech_end))
                self._superseded = latest

    def _understand(
        self, utterance: int, began_at: float, own_began_at: float, words: str, *, is_echo: bool
    ) -> Understood:
        """Take all words of an utterance that is over; return what becomes of it."""
        own = self._echo.own_words(words, began_at)
        if is_echo and own == words:
            own = ""  # the server heard our voice as other words
        speech = SpeechOver(
            self.speaker.user_id,
            "words",
            words=own,
            lasts_s=trio.current_time() - own_began_at,
            utterance=utterance,
            is_whole=True,
        )
        reply = self._context.interruptions.reply_to(self.speaker, speech)
        if not own and (words.strip() or is_echo):
            self._on_echo()
            reply = "echo"
        return Understood(own, reply)

    def _on_echo(self) -> None:
        """Count an echo; the room is told of the second one."""
        self._context.tools.counters.echoes += 1
        if self._echo.book.heard():
            told = line("echo", name=self._shown_name)
            self._start("notice", functools.partial(self._context.post, told))

    @property
    def _latest(self) -> Turn | None:
        """Return the last turn that got an answer, or will: those that were passed over changed nothing."""
        while self._last_turn is not None and self._last_turn.was_passed_over:
            self._last_turn = self._last_turn.before
        return self._last_turn

    def _on_turn_ended(self, ended: TurnEnded) -> None:
        utterance, self._utterance = self._utterance, None
        self._unbroken = self._unbroken + 1 if ended.reason == "limit" else 0
        self._cut_at = ended.at
        if utterance is None:
            return
        is_turn = ended.confirmed and self._unbroken < _UNBROKEN_MAX
        self._context.tools.on_notice(
            SpeakerStopped(self.speaker, ended.speech_end - ended.started_at, is_turn=is_turn)
        )
        self._tell_policy("ended", voiced_s=ended.voiced_s, is_turn=is_turn)
        if ended.confirmed or ended.reason != "cut off":
            held = utterance.held
            self._preroll.clear()
            for sound in held:
                self._preroll.add(sound)
        if not is_turn:
            self._take_back()
        if is_turn:
            self._open_turn(ended, utterance.end(ended.voiced_s))
            return
        if self._unbroken:
            utterance.discard()
            self._tell_unbroken(ended)
            return
        utterance.discard()
        self._renew_line()
        if self._superseded is not None:  # by a policy that takes a cough for speech: what is known is answered
            self._open_turn(ended, Words(Transcript(""), None))

    def _open_turn(self, ended: TurnEnded, words: Words) -> None:
        prior, self._superseded = self._superseded, None
        if self._ahead is not None and not self._ahead.has_failed:
            self._ahead.decide(ended, words.verdict)
            self._last_turn, self._ahead, self._taken_back = self._ahead, None, None
            return
        self._take_back()  # one that has failed: it is asked again, as any other
        turn = self._turn(ended, words, prior)
        self._last_turn, self._taken_back = turn, None
        self._start("turn", turn.run)


@attrs.frozen
class _Verdicts:
    """Passes on what a guess brings; see ``OnGuess``."""

    session: SpeakerSession
    ear: Ear
    hearing: Hearing

    def on_verdict(self, verdict: Verdict) -> None:
        """Tell the ear, which may have waited for it."""
        self.ear.on_completion(verdict if isinstance(verdict, float) else None)
        self.hearing.reconsider()

    def on_words(self, words: Transcript | None) -> None:
        """Tell the ear what the words say; if that does not end the turn at once, the agent may be asked ahead."""
        said = self.session.judge_words(words)
        self.ear.on_words(said)
        due = self.ear.next_due()
        if words is not None and due is not None and due > trio.current_time():
            self.session.run_ahead(words, said, self.ear.speech_end)
        self.hearing.reconsider()
