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
from voxbridge.core.turns.barge_in import Phase, Reply, SpeechOver
from voxbridge.core.turns.endpointing import (
    Endpointer,
    Guess,
    SpeechConfirmed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from voxbridge.errors import InternalError
from voxbridge.session.context import RoomContext
from voxbridge.session.ear import Ear, EarEvent, Heard
from voxbridge.session.hearing import Hearing
from voxbridge.session.notices import PartialTranscript, SpeakerStarted, SpeakerStopped
from voxbridge.session.turn import Turn
from voxbridge.session.utterance import LineLife, Lost, Utterance, Words
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
        self._began_at = 0.0  # the utterance, or the last one
        self._broken_off: Utterance | None = None
        self._superseded: Turn | None = None
        self._unbroken = 0  # utterances in a row that only their limit ended
        self._cut_at = 0.0  # when the last of them ended
        self._has_told_unbroken = False
        self._last_turn: Turn | None = None
        self._line: SttSession | None = None
        self._life = LineLife()
        self._open_tasks = 0  # turns and what belongs to them
        self._tasks_changed = trio.Event()
        self._nursery: trio.Nursery | None = None
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
        return Ear(
            Endpointer(rules_now=lambda: tools.rules.listening.endpointing), tools.new_detector(), tools.counters
        )

    def _forget_utterance(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.discard()
            self._tell_policy("ended")

    def _break_off(self) -> None:
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

    def _on_partial(self, text: str) -> None:
        if self._utterance is not None:
            self._tell_policy("words", words=text)
        if self._context.tools.rules.listening.shows_partials:
            self._context.tools.on_notice(PartialTranscript(self.speaker, text))

    def _on_event(self, event: EarEvent, ear: Ear) -> None:
        match event:
            case Heard(sound):
                self._on_sound(sound)
                self._on_voice(ear.voiced_s)
            case SpeechStarted(at):
                if at - self._cut_at > self._context.tools.rules.listening.endpointing.commit_s:
                    self._unbroken = 0
                self._begin_utterance(at)
            case SpeechConfirmed():
                if self._utterance is None:
                    return
                self._utterance.is_confirmed = True
                self._tell_policy("confirmed", voiced_s=self._context.tools.rules.listening.endpointing.confirm_s)
            case Guess():
                if self._utterance is not None:
                    guess = self._utterance.hold(ear.recent_pcm(), self._context.tools.judge, ear.on_completion)
                    self._start("guess", guess)
            case SpeechResumed():
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

    def _begin_utterance(self, at: float) -> None:
        if self._unbroken >= _UNBROKEN_MAX:
            return
        assert self._line is not None, "an ear hears while the line is open"
        self._number += 1
        number = self._number

        def on_words(text: str, is_whole: bool) -> None:
            if number == self._number and self._utterance is not None:
                self._tell_policy("words", words=text, is_whole=is_whole)

        self._utterance = utterance = Utterance(self._line, self._life, started_at=at, on_words=on_words)
        self._began_at = at
        self._context.tools.on_notice(SpeakerStarted(self.speaker))
        self._tell_policy("began")
        # They will be asked in a second or two; by then their connections are there.
        for stage in (self._context.tools.agent, self._context.tools.tts):
            self._start("warm-up", functools.partial(warm_up, stage))
        for sound in self._preroll:
            utterance.feed(sound)

    def _on_sound(self, sound: HeardSound) -> None:
        if self._utterance is not None:
            self._utterance.feed(sound)
        else:
            self._preroll.keep(self._context.tools.rules.listening.preroll_s)
        self._preroll.add(sound)

    def _on_voice(self, voiced_s: float) -> None:
        """Tell the policy how long it lasts, while something is being said or thought; ask early what the words are."""
        utterance = self._utterance
        if utterance is None or self._context.floor.is_empty:
            return
        self._tell_policy("voiced", voiced_s=voiced_s)
        if self._context.interruptions.wants_words(self.speaker.user_id, self._number):
            ask = utterance.early_words(voiced_s)
            if ask is not None:
                self._start("early words", ask)

    def _tell_policy(
        self, phase: Phase, *, voiced_s: float = 0.0, words: str = "", is_turn: bool = False, is_whole: bool = False
    ) -> None:
        """Let this speech do to what is being said what the room's policy makes of it."""
        lasts_s = trio.current_time() - self._began_at
        speech = SpeechOver(
            self.speaker.user_id, phase, voiced_s, words, is_turn, lasts_s, utterance=self._number, is_whole=is_whole
        )
        for turn in self._context.interruptions.on_speech(self.speaker, speech):
            # An older one that is still open was superseded before: its words are in the last one already.
            if turn is (latest := self._latest) and latest.is_superseded:
                self._superseded = latest

    def _reply_to(self, utterance: int, began_at: float, words: str) -> Reply:
        """Take all words of an utterance that is over; return what becomes of it."""
        lasts_s = trio.current_time() - began_at
        speech = SpeechOver(
            self.speaker.user_id, "words", words=words, lasts_s=lasts_s, utterance=utterance, is_whole=True
        )
        return self._context.interruptions.reply_to(self.speaker, speech)

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
        if is_turn:
            self._open_turn(ended, utterance.end(ended.voiced_s))
            return
        if self._unbroken:
            utterance.discard()
            self._tell_unbroken(ended)
            return
        utterance.discard()
        if self._superseded is not None:  # by a policy that takes a cough for speech: what is known is answered
            self._open_turn(ended, Words(Transcript(""), None))

    def _open_turn(self, ended: TurnEnded, words: Words) -> None:
        prior, self._superseded = self._superseded, None
        turn = Turn(
            self._context,
            self.speaker,
            ended,
            words,
            prior=prior,
            before=self._latest,
            reply_to=functools.partial(self._reply_to, self._number, self._began_at),
        )
        self._last_turn = turn
        self._start("turn", turn.run)
