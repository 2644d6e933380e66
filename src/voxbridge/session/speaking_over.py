"""What one speaker's speech does to what is being said: the room's policy is told of it, without what is our own echo.

sound, words --> EchoEar: is it ours? --the speaker's own--> policy --> cuts, lowers, goes on
          +----> SpeakerDistance: or somebody's far behind the speaker? --^
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import trio

from voxbridge.audio.loudness import level_dbfs
from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, HeardSound
from voxbridge.core.turns.barge_in import Phase, SpeechOver
from voxbridge.core.turns.distance import Distance, SpeakerDistance
from voxbridge.core.turns.endpointing import Trace, TurnEnded, VoiceLikely, VoiceStilled, VoiceStirred
from voxbridge.core.turns.floor import OpenTurn
from voxbridge.session.context import RoomContext
from voxbridge.session.echo import EchoEar
from voxbridge.session.errands import Errands
from voxbridge.session.question import Understood
from voxbridge.stages.contracts import Speaker


class SpeakingOver:
    """Tells the policy of one speaker's utterances, one after the other; ``on_cut``, of each turn that it cut."""

    def __init__(
        self,
        context: RoomContext,
        speaker_now: Callable[[], Speaker],
        errands: Errands,
        on_cut: Callable[[OpenTurn], None],
    ) -> None:
        self._context, self._speaker_now, self._errands, self._on_cut = context, speaker_now, errands, on_cut
        self._echo = EchoEar(context.mouth.sent)
        self._levels = SpeakerDistance()
        self._distance: Distance = "near"  # of the last utterance, when it ended
        self.number = 0
        """Of the utterance, or the last one."""
        self.began_at = 0.0
        """When it began."""
        self._voiced_s = 0.0  # of it

    @property
    def _is_hushed(self) -> bool:
        return self._echo.is_hushed(trio.current_time())

    @property
    def _margin_db(self) -> float:
        return self._context.tools.rules.background_db

    @property
    def distance(self) -> Distance:
        """Return where the voice of the utterance that is open seems to be."""
        return self._levels.distance(self._margin_db)

    @property
    def usual_dbfs(self) -> float | None:
        """Return how loud this speaker usually is, if that is known and minded."""
        return self._levels.usual_dbfs if self._margin_db else None

    def sound(self, pcm: bytes) -> None:
        """Take the next sound of this speaker, 16 kHz mono s16le, speech or not."""
        self._levels.hear(level_dbfs(pcm), len(pcm) / 2 / HEARING_RATE_HZ)

    @property
    def matters(self) -> bool:
        """Tell whether there is anything that speech could be over."""
        return not self._context.floor.is_empty

    def traced(self, event: Trace, pcm: bytes, *, is_begun: bool) -> None:
        """Tell of what may become the next utterance, or has become one; ``pcm`` (16 kHz mono s16le) ends with it."""
        match event:
            case VoiceStirred() | VoiceLikely() if self._levels.is_doubted and self._margin_db and not is_begun:
                pass  # it was somebody far behind the last time
            case VoiceStirred() if self._echo.is_own_trace(pcm, event.at):
                self._tell_trace("stirred")
            case VoiceLikely() if self._echo.is_own_trace(pcm, event.at):
                self._tell_trace("likely", is_begun=is_begun)
            case VoiceStilled():
                self._tell_trace("stilled")
            case _:
                pass  # too faint, or an echo

    def lost(self) -> None:
        """Tell that nothing more is heard: a trace has come to nothing."""
        self._tell_trace("stilled")

    def _tell_trace(self, phase: Phase, *, is_begun: bool = False) -> None:
        speaker, lasts_s = self._speaker_now(), self._context.tools.rules.listening.endpointing.confirm_s
        speech = SpeechOver(
            speaker.user_id,
            phase,
            lasts_s=lasts_s,
            utterance=self.number + (not is_begun),
            distance=self.distance,
        )
        for turn in self._context.interruptions.on_speech(speaker, speech):
            self._on_cut(turn)

    def begin(self, at: float) -> int:
        """Return the number of an utterance that begins at ``at``; the policy is not told yet."""
        self.number += 1
        self._echo.begin(at)
        self._levels.begin(at)
        self.began_at, self._voiced_s = at, 0.0
        return self.number

    def tell_began(self) -> None:
        """Tell that it began, unless that may be our own voice."""
        self._tell("stilled" if self._is_hushed else "began")

    def confirmed(self) -> None:
        """Tell that it is speech."""
        if not self._is_hushed:
            confirm_s = self._context.tools.rules.listening.endpointing.confirm_s
            self._tell("confirmed", voiced_s=self._echo.own_s(confirm_s))

    def heard(self, sound: HeardSound, voiced_s: float) -> bool:
        """Take its next sound, with ``voiced_s`` of voice so far; return whether its words would decide something."""
        self._voiced_s = max(voiced_s, self._voiced_s)
        self._echo.hear(sound.pcm, trio.current_time())
        if self._context.floor.is_empty:
            return False
        if not self._is_hushed:
            self._tell("voiced", voiced_s=self._echo.own_s(voiced_s))
        return self._context.interruptions.wants_words(self._speaker_now().user_id, self.number)

    def words(self, text: str, *, is_whole: bool) -> None:
        """Tell what is known of its words, without those that are ours."""
        own = self._echo.own_words(text, self.began_at, self._voiced_s)
        if self.distance != "near" and self._calls_us(own, self.began_at):
            self._levels.called()
        self._tell("words", words=own, is_whole=is_whole)

    def ended(self, *, voiced_s: float = 0.0, is_turn: bool = False) -> None:
        """Tell that it is over."""
        self._tell("ended", voiced_s=voiced_s, is_turn=is_turn)
        self._distance = self.distance
        is_own = is_turn and not self._echo.has_echo
        self._levels.ended(trio.current_time(), self._margin_db, is_own=is_own)

    def _tell(
        self, phase: Phase, *, voiced_s: float = 0.0, words: str = "", is_turn: bool = False, is_whole: bool = False
    ) -> None:
        now, speaker = trio.current_time(), self._speaker_now()
        lasts_s = now - self._echo.began_at(now)
        speech = SpeechOver(
            speaker.user_id,
            phase,
            voiced_s,
            words,
            is_turn,
            lasts_s,
            utterance=self.number,
            is_whole=is_whole,
            is_aside=self._is_aside(words, self.began_at),
            distance=self.distance,
        )
        for turn in self._context.interruptions.on_speech(speaker, speech):
            self._on_cut(turn)

    def understanding(self, ended: TurnEnded) -> Callable[[str], Understood]:
        """Return who is to take all words of the utterance, which ended so: others may begin before they are known."""
        return functools.partial(
            self._understand,
            self.number,
            self.began_at,
            self._echo.began_at(ended.at),
            is_echo=self._echo.is_echo(ended.voiced_s),
            distance=self._distance,
        )

    def _understand(
        self,
        utterance: int,
        began_at: float,
        own_began_at: float,
        words: str,
        *,
        is_echo: bool,
        distance: Distance,
    ) -> Understood:
        speaker = self._speaker_now()
        own = self._echo.own_words(words, began_at)
        if is_echo and own == words:
            own = ""  # the server heard our voice as other words
        if distance == "far" and self._calls_us(own, began_at):
            self._levels.called()
            distance = "near"
        lasts_s = trio.current_time() - own_began_at
        speech = SpeechOver(
            speaker.user_id,
            "words",
            words=own,
            lasts_s=lasts_s,
            utterance=utterance,
            is_whole=True,
            is_aside=self._is_aside(own, began_at),
            distance=distance,
        )
        reply = self._context.interruptions.reply_to(speaker, speech)
        if not own and (words.strip() or is_echo):
            self._on_echo()
            reply = "echo"
        self._context.tools.counters.background += reply == "background"
        return Understood(own, reply)

    def _is_aside(self, words: str, began_at: float) -> bool:
        """Tell whether these words, as far as they are known, are for somebody else who is here."""
        context = self._context
        return bool(words) and context.addressing.is_aside(context.said(self._speaker_now(), words, began_at))

    def _calls_us(self, words: str, began_at: float) -> bool:
        context = self._context
        return bool(words) and context.addressing.calls_us(context.said(self._speaker_now(), words, began_at))

    def _on_echo(self) -> None:
        """Count an echo; the room is told of the second one."""
        self._context.tools.counters.echoes += 1
        if self._echo.book.heard():
            told = line("echo", name=self._speaker_now().shown_name)
            self._errands.start("notice", functools.partial(self._context.post, told))
