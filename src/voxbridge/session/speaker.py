"""One speaker of a room: an ear, a line to the speech-to-text server, and the turns that come of it.

Everything here lives in the speaker's own nursery: a crash ends this speaker's work and nobody else's. The line
survives turns and barge-in; a turn that crashes ends alone, and an ear that crashes leaves the turns alive.
"""

from __future__ import annotations

import functools
from typing import assert_never

import attrs
import trio

from voxbridge.core.call.events import Unheard, VoiceDown
from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import HeardSound, OpusPacket
from voxbridge.core.sound.recent import RecentSound
from voxbridge.core.turns.completeness import Completeness, completeness_of, is_punctuated
from voxbridge.core.turns.endpointing import (
    Endpointer,
    EndpointRules,
    Guess,
    SpeechConfirmed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
    VoiceLikely,
    VoiceStilled,
    VoiceStirred,
)
from voxbridge.core.turns.floor import OpenTurn
from voxbridge.core.turns.habits import PauseHabit
from voxbridge.core.turns.unbroken import Unbroken
from voxbridge.errors import InternalError
from voxbridge.session.context import RoomContext
from voxbridge.session.ear import Ear, EarEvent, Heard
from voxbridge.session.errands import Errands
from voxbridge.session.hearing import Hearing
from voxbridge.session.notices import PartialTranscript, SpeakerStarted, SpeakerStopped
from voxbridge.session.speaker_turns import SpeakerTurns
from voxbridge.session.speaking_over import SpeakingOver
from voxbridge.session.utterance import LineLife, Lost, Utterance, Verdict, Words
from voxbridge.stages.contracts import Speaker, SttSession, Transcript, warm_up
from voxbridge.supervise import keep, supervise


class SpeakerSession:
    """Listens to one speaker. ``hear`` and ``deafen`` never block; ``run`` may be started again after a crash.

    The preroll takes all sound, also those of an open utterance: what the utterance held back at its end (silence
    as it seemed), and all of one that a broken connection cut off too short to count, may begin the next one.
    """

    def __init__(self, context: RoomContext, speaker: Speaker) -> None:
        self.speaker = speaker
        self._context = context
        self._preroll = RecentSound(context.tools.rules.listening.preroll_s)
        self._listening = trio.CancelScope()
        self._is_deaf = False
        self._utterance: Utterance | None = None
        self._is_clean = True  # it began while nothing was being said or thought here
        self._broken_off: Utterance | None = None
        self._unbroken = Unbroken()
        self._habit = PauseHabit()
        self._server_punctuates = False  # as far as has been seen
        self._line: SttSession | None = None
        self._line_language = speaker.language
        self._life = LineLife()
        self._errands = Errands(self._renew_line)
        self._over = SpeakingOver(context, self._now, self._errands, self._on_cut)
        self._turns = SpeakerTurns(context, self._now, self._errands, self._over.understanding)
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

    def _now(self) -> Speaker:
        return self.speaker

    def call_by(self, name: str) -> None:
        """Take the name that the roster gives: the sound may have come first, under a number."""
        self.speaker = attrs.evolve(self.speaker, name=name)

    def expect(self, language: str) -> None:
        """Listen in another language: the line is made anew at the next pause, and answers are in it at once."""
        self.speaker = attrs.evolve(self.speaker, language=language)
        self._renew_line()

    def _renew_line(self) -> None:
        """Let a line go that is in another language, unless somebody speaks or words are still to come over it."""
        if self._line_language != self.speaker.language and self._utterance is None and not self._errands.are_open:
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
            with self._errands.started_in(nursery):
                await keep("hearing", self._hear_on, given_up=self.tell_deaf, user=str(self.speaker.user_id))

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
            self._over.lost()
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
        await self._errands.all_done()

    def _tell_unbroken(self, ended: TurnEnded) -> None:
        """Say in the channel, once, why somebody who goes on and on is given no answer."""
        self._turns.forget_superseded()  # what was superseded by it is told of in the chat as well
        spoken_s = self._unbroken.to_tell_s(ended.at - ended.started_at)
        if spoken_s is not None:
            told = line("no_pause", name=self.speaker.shown_name, seconds=spoken_s)
            self._errands.start("notice", functools.partial(self._context.post, told))

    async def tell_deaf(self, pause_s: float) -> None:
        """Say in the channel whom we cannot hear, and for how long."""
        if self._errands.can_start:
            self._make_good()
        await self._context.post(line("deaf_to", name=self.speaker.shown_name, minutes=max(1, round(pause_s / 60))))

    async def _listen(self) -> None:
        if self._utterance is not None:  # of an ear that crashed
            self._utterance.discard()
            self._break_off()
        self._make_good()
        self._preroll.clear()
        await self._hearing.run()

    def _make_ear(self) -> Ear:
        tools = self._context.tools

        def minds_traces() -> bool:
            return self._over.matters

        return Ear(
            Endpointer(rules_now=self._endpointing, minds_traces=minds_traces), tools.new_detector(), tools.counters
        )

    def _endpointing(self) -> EndpointRules:
        """Return the rules for the next utterance: the settings', and what this speaker's pauses ask for."""
        listening = self._context.tools.rules.listening
        rules, holds_key = listening.endpointing, listening.holds_key(self.speaker.user_id)
        return attrs.evolve(rules, commit=self._habit.applied(rules.commit), push_to_talk=holds_key)

    @property
    def waits_longer_s(self) -> float:
        """Return how much longer than usual this speaker is waited for at a pause."""
        return self._habit.longer_s(self._context.tools.rules.listening.endpointing.commit)

    @property
    def typical_pause_s(self) -> float | None:
        """Return the pause within a thought that this speaker mostly does not exceed, once it is known."""
        return self._habit.typical_s

    @property
    def usual_dbfs(self) -> float | None:
        """Return how loud this speaker usually is, once it is known."""
        return self._over.usual_dbfs

    @property
    def background_below_dbfs(self) -> float | None:
        """Return below which level a voice on this speaker's stream is taken for somebody else's."""
        usual_dbfs = self.usual_dbfs
        return None if usual_dbfs is None else usual_dbfs - self._context.tools.rules.background_db

    def run_ahead(self, words: Transcript, said: Completeness | None, speech_end: float | None) -> None:
        """Ask the agent with the words of a guess, where that is safe and these may be all."""
        utterance, now = self._utterance, trio.current_time()
        if utterance is None or not utterance.is_confirmed:
            return
        if not (self._is_clean and self._context.floor.is_empty):
            return  # it may be a sign of listening, or a word that is obeyed
        if self._over.distance == "far":
            return
        end = speech_end or now
        ended = TurnEnded(now, utterance.started_at, end, end - utterance.started_at, confirmed=True, reason="silence")
        self._turns.run_ahead(ended, words, said)

    def _forget_utterance(self) -> None:
        self._turns.take_back()
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.discard()
            self._over.ended()

    def _break_off(self) -> None:
        self._turns.take_back()
        self._broken_off, self._utterance = self._utterance, None
        self._over.ended()

    def _make_good(self) -> None:
        """Make a turn of what a crash broke off: who was heard to speak gets an answer to what is known, or is told."""
        utterance, self._broken_off = self._broken_off, None
        if utterance is None or not (utterance.is_confirmed or self._turns.has_superseded):
            return
        now = trio.current_time()
        ended = TurnEnded(now, utterance.started_at, now, now - utterance.started_at, confirmed=True, reason="cut off")
        self._turns.open(ended, Words(None, Lost()))

    def judge_words(self, words: Transcript | None) -> Completeness | None:
        """Return whether the words so far can be all, if that is to be minded."""
        if words is None or not self._context.tools.rules.listening.minds_words:
            return None
        text = words.text
        self._server_punctuates = self._server_punctuates or is_punctuated(text)
        return completeness_of(
            text,
            self.speaker.language,
            is_reply=(latest := self._turns.latest) is not None and latest.has_asked_aloud,
            server_punctuates=self._server_punctuates,
        )

    def _on_partial(self, text: str) -> None:
        if self._utterance is not None:
            self._over.words(text, is_whole=False)
        if self._context.tools.rules.listening.shows_partials:
            self._context.tools.on_notice(PartialTranscript(self.speaker, text))

    def _on_event(self, event: EarEvent, ear: Ear) -> None:
        match event:
            case Heard(sound):
                self._on_sound(sound)
                self._on_voice(sound, ear.voiced_s)
            case VoiceStirred() | VoiceLikely() | VoiceStilled():
                self._over.traced(event, ear.recent_pcm(), is_begun=self._utterance is not None)
            case SpeechStarted(at):
                self._unbroken.began(at, self._context.tools.rules.listening.endpointing.commit.usual_s)
                self._begin_utterance(at)
            case SpeechConfirmed():
                if self._utterance is None:
                    return
                self._utterance.is_confirmed = True
                self._over.confirmed()
            case Guess(_, voiced_s):
                if self._utterance is not None:
                    ear.await_verdicts()
                    told = _Verdicts(self, ear, self._hearing)
                    guess = self._utterance.hold(ear.recent_pcm(), self._context.tools.judge, told, voiced_s)
                    self._errands.start("guess", guess)
            case SpeechResumed(_, pause_s):
                self._habit.paused(pause_s)
                self._turns.take_back()
                if self._utterance is not None:
                    self._utterance.resume()
            case TurnEnded():
                self._on_turn_ended(event)
            case _:
                assert_never(event)

    def _begin_utterance(self, at: float) -> None:
        if self._unbroken.is_endless:
            return
        assert self._line is not None, "an ear hears while the line is open"
        number = self._over.begin(at)

        def on_words(text: str, is_whole: bool) -> None:
            if number == self._over.number and self._utterance is not None:
                self._over.words(text, is_whole=is_whole)

        may_part = self._context.tools.rules.listening.may_part
        self._utterance = utterance = Utterance(
            self._line, self._life, started_at=at, on_words=on_words, may_part=may_part
        )
        self._is_clean = self._context.floor.is_empty
        self._context.tools.on_notice(SpeakerStarted(self.speaker))
        self._over.tell_began()
        # They will be asked in a second or two; by then their connections are there.
        cast = self._context.tools.cast
        stages = {id(stage): stage for persona in cast for stage in (persona.agent, persona.tts)}
        for stage in stages.values():
            self._errands.start("warm-up", functools.partial(warm_up, stage))
        for sound in self._preroll:
            utterance.feed(sound)

    def _on_sound(self, sound: HeardSound) -> None:
        self._over.sound(sound.pcm)
        if self._utterance is not None:
            self._utterance.feed(sound)
        else:
            self._preroll.keep(self._context.tools.rules.listening.preroll_s)
        self._preroll.add(sound)

    def _on_voice(self, sound: HeardSound, voiced_s: float) -> None:
        """Tell how long it lasts, while something is being said or thought; ask early what the words are."""
        utterance = self._utterance
        if utterance is not None and self._over.heard(sound, voiced_s):
            ask = utterance.early_words(voiced_s)
            if ask is not None:
                self._errands.start("early words", ask)

    def _on_cut(self, turn: OpenTurn) -> None:
        """Learn from a turn of our own that this speech cut: it was no end of the thought."""
        goes_on = self._turns.was_cut(turn)
        if goes_on is not None:
            self._habit.paused(max(0.0, self._over.began_at - goes_on.speech_end))

    def _on_turn_ended(self, ended: TurnEnded) -> None:
        utterance, self._utterance = self._utterance, None
        self._unbroken.ended(ended.at, by_limit=ended.reason == "limit")
        if utterance is None:
            return
        is_turn = ended.confirmed and not self._unbroken.is_endless
        self._context.tools.on_notice(
            SpeakerStopped(self.speaker, ended.speech_end - ended.started_at, is_turn=is_turn)
        )
        self._over.ended(voiced_s=ended.voiced_s, is_turn=is_turn)
        if ended.confirmed or ended.reason != "cut off":
            held = utterance.held
            self._preroll.clear()
            for sound in held:
                self._preroll.add(sound)
        if is_turn:
            self._turns.open(ended, utterance.end(ended.voiced_s))
            return
        self._turns.take_back()
        utterance.discard()
        self._renew_line()
        if ended.reason == "limit":
            self._tell_unbroken(ended)
        elif self._turns.has_superseded:  # by a policy that takes a cough for speech: what is known is answered
            self._turns.open(ended, Words(Transcript(""), None))


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
