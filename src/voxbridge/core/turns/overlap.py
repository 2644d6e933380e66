"""Speech over an answer, which can be taken back: lowered at the onset, and decided when it is known what it was.

    trace -> onset   words, early or at a pause        long enough      over
      |--- lowered -----------|----------------------------|--------------|
                              | speech: cut                | cut          | no turn: goes on
                              | backchannel, nothing: goes on             | undecided: goes on,
                              | stop word: cut, whoever it is             |   till the words are in

    At the first trace of a voice ``duck`` lowers a little, and ``yield`` holds: two people at once are heard as a clash
    within a tenth of a second, and the onset is certain only after that. If it comes to nothing the answer is back at
    once.

    policy    at the onset     when it is speech                     a backchannel or a cough
    duck      lowered          cut                                   back to full level, not a sample lost
    yield     held             cut at ``yield_s`` already             is taken for speech, if it is as long
    finish    -                to the end of the sentence            -
    ignore    -                -                                     -

How long a voice was heard cannot tell "yeah" (350 to 420 ms) from "stop" (350 to 480 ms), nor a long cough from a word:
so words decide wherever they can be had in time, and time alone (``speaking_s``) where they cannot. What the words say
counts as a whole (``core/text/overlap_words.py``).

Who turns to another person, by name ("Robert, have you seen my book?"), says nothing to the answer: it goes on. So it
does when a voice is far behind the speaker's (``core/turns/distance.py``): lowered or held until that is known, and
not at all by who was far the last time.

An answer of which hardly anything was heard is superseded instead (``same_thought``): it is no interruption to finish
one's question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.text.overlap_words import Meaning, may_become, meaning_of
from voxbridge.core.turns.barge_in import Cut, Deed, Duck, Hold, Reply, Resume, SpeechOver, WindUp
from voxbridge.core.turns.floor import OpenTurn
from voxbridge.core.turns.same_thought import is_same_thought

Manner = Literal["duck", "yield", "finish", "ignore"]

# Known to be a backchannel or nothing so far, it may go on for so many times ``speaking_s``: laughter takes a second.
_PATIENCE = 2.0
_LOWER_FRAMES, _RAISE_FRAMES = 1, 5
_SOFTENING = ("duck", "yield")
_OVERLAPS_MAX = 32
# Of the first 240 ms a small model makes something else ("uh-" is "It had"): fewer words than this count when they are
# all, or at the next look.
_SURE_WORDS = 3


@attrs.frozen
class OverlapRules:
    """What somebody's speech does, as the settings have it; times in seconds of voice."""

    manner: Manner = "duck"
    by_anyone: bool = False
    stop_by_anyone: bool = True
    stop_words: tuple[str, ...] = ()
    thinking_s: float = 0.16
    """So much takes back an answer that has not sounded yet."""
    yield_s: float = 0.16
    """So much cuts an answer with ``yield``."""
    speaking_s: float = 0.8
    """So much is speech, whatever the words are, if nobody knows them."""
    min_played_s: float = 0.25
    """An answer of which less was heard is not cut by others than the one whom it answers."""
    level: float = 0.2
    """How loud a lowered answer is: -14 dB, well below somebody who speaks, and still to be followed."""
    trace_level: float = 0.25
    """How loud it is at the first trace of a voice, if ``level`` is not louder: -12 dB."""


@attrs.define
class _Overlap:
    """One utterance, and what it is spoken over."""

    over: list[OpenTurn] = attrs.field(factory=list)
    heard_s: dict[int, float] = attrs.field(factory=dict)
    """Of each of them, by its identity: how much had been heard when this utterance began."""
    lowered: list[OpenTurn] = attrs.field(factory=list)
    meaning: Meaning | None = None
    all_words: str | None = None
    """Those that it is the meaning of, once they are all."""
    looks: int = 0
    """So often its words were known in part."""
    is_speech: bool = False
    is_aside: bool = False
    """Whether it is said to another person, as far as is known: it may last as long as it will."""
    is_far: bool = False
    """Whether the voice is far behind the speaker's, as far as is known."""
    has_ended: bool = False
    has_taken_back: bool = False
    """Whether it superseded a turn: its words are half of a question."""

    @property
    def is_decided(self) -> bool:
        return self.is_speech or self.has_ended


@attrs.define
class OverlapPolicy:
    """Decides what speech does to what is being said in one room, and what is answered of it. See BargeInPolicy."""

    rules: OverlapRules = OverlapRules()
    _overlaps: dict[tuple[UserId, int], _Overlap] = attrs.field(factory=dict, init=False, eq=False)
    _traced: dict[UserId, list[OpenTurn]] = attrs.field(factory=dict, init=False, eq=False)
    """What is lowered for a trace of somebody's voice."""

    def on_speech(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """See BargeInPolicy."""
        phase = speech.phase
        if phase == "stirred" or phase == "stilled":
            return self._trace(speech, turns)
        overlap = self._overlap_of(speech)
        match phase:
            case "likely":
                if self.rules.manner != "yield" or speech.distance != "near":
                    return []
                overlap.is_speech = True
                return [*self._meet(overlap, speech, turns), *self._interrupt(overlap, speech, turns)]
            case "began":
                return self._meet(overlap, speech, turns)
            case "confirmed" | "voiced":
                return [*self._take_back(overlap, speech, turns), *self._voiced(overlap, speech, turns)]
            case "words":
                return self._heard(overlap, speech, turns)
            case "ended":
                return self._ended(overlap, speech, turns)
            case _:
                assert_never(phase)

    def wants_words(self, user_id: UserId, utterance: int, turns: Sequence[OpenTurn]) -> bool:
        """See BargeInPolicy."""
        overlap = self._overlaps.get((user_id, utterance))
        return (
            overlap is not None
            and not overlap.is_decided
            and self.rules.manner in ("duck", "finish")
            and any(turn in turns for turn in overlap.over)
        )

    def reply_to(self, speech: SpeechOver) -> Reply:
        """See BargeInPolicy."""
        overlap = self._overlaps.pop((speech.user_id, speech.utterance), None) or _Overlap()
        meaning = overlap.meaning if overlap.all_words == speech.words else None  # it was told of them just now
        meaning = meaning or self._meaning_of(speech.words)
        if meaning == "stop" and (overlap.over or overlap.has_taken_back):
            return "stop-word"
        if speech.distance == "far":
            return "background"
        is_over = bool(overlap.over) and not overlap.has_taken_back
        if meaning == "backchannel" and is_over and not any(turn.has_asked_aloud for turn in overlap.over):
            return "backchannel"
        return "go on" if meaning == "go on" else "answer"

    def _overlap_of(self, speech: SpeechOver) -> _Overlap:
        key = speech.user_id, speech.utterance
        if key not in self._overlaps:
            while len(self._overlaps) >= _OVERLAPS_MAX:
                del self._overlaps[next(iter(self._overlaps))]
            self._overlaps[key] = _Overlap()
        return self._overlaps[key]

    def _meaning_of(self, words: str, *, is_open: bool = False) -> Meaning:
        meaning = may_become(words) if is_open else meaning_of(words)
        return meaning_of(words, own_stops=self.rules.stop_words) if meaning == "speech" else meaning

    def _may_interrupt(self, user_id: UserId, turn: OpenTurn) -> bool:
        return turn.user_id is not None and (self.rules.by_anyone or turn.user_id == user_id)

    @staticmethod
    def _is_same_thought(overlap: _Overlap, speech: SpeechOver, turn: OpenTurn) -> bool:
        # What an echo began is the speaker's own later on; and an answer may have ended since the speech began.
        heard_s = max(overlap.heard_s[id(turn)], turn.heard_s - speech.lasts_s)
        return turn.user_id == speech.user_id and is_same_thought(heard_s)

    # What is done

    def _trace(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Lower a little, or hold, for what may be a voice, and come back if it was none."""
        before = self._traced.pop(speech.user_id, [])
        if speech.phase == "stilled":
            nothing = self._overlaps.pop((speech.user_id, speech.utterance), None) or _Overlap()
            before += [turn for turn in nothing.lowered if turn not in before]
            return [Resume(turn, _RAISE_FRAMES) for turn in before if turn in turns and not self._is_lowered(turn)]
        sounding = [turn for turn in turns if turn.is_sounding and self._is_softened_by(speech.user_id, turn)]
        self._traced[speech.user_id] = sounding
        level = max(self.rules.level, self.rules.trace_level)
        return [self._softened(turn, level) for turn in sounding if not self._is_lowered(turn, speech.user_id)]

    def _is_softened_by(self, user_id: UserId, turn: OpenTurn) -> bool:
        """Tell whether somebody's voice lowers this one, or holds it: only what may be cut is held."""
        if self.rules.manner not in _SOFTENING or not self._may_interrupt(user_id, turn):
            return False
        return self.rules.manner == "duck" or self._may_cut(user_id, turn)

    def _softened(self, turn: OpenTurn, level: float) -> Deed:
        return Hold(turn) if self.rules.manner == "yield" else Duck(turn, level, _LOWER_FRAMES)

    def _may_cut(self, user_id: UserId, turn: OpenTurn) -> bool:
        """Tell whether enough of it was heard to be cut by this person."""
        return turn.user_id == user_id or turn.heard_s >= self.rules.min_played_s

    def _is_lowered(self, turn: OpenTurn, but: UserId | None = None) -> bool:
        """Tell whether somebody's speech, or a trace of it (``but`` one's), has lowered this one."""
        return any(turn in overlap.lowered for overlap in self._overlaps.values()) or any(
            turn in traced for user_id, traced in self._traced.items() if user_id != but
        )

    def _meet(self, overlap: _Overlap, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Note what sounds now, and lower or hold what this speech may interrupt; a voice that is far lets it go on."""
        traced = self._traced.pop(speech.user_id, [])
        was_far, overlap.is_far = overlap.is_far, speech.distance == "far"
        deeds: list[Deed] = []
        if overlap.is_far:
            overlap.lowered += [turn for turn in traced if turn not in overlap.lowered]
            deeds = self._let_go_on(overlap)
        elif was_far:
            again = [turn for turn in overlap.over if turn in turns and self._is_softened_by(speech.user_id, turn)]
            overlap.lowered += again
            deeds = [self._softened(turn, self.rules.level) for turn in again]
        for turn in turns:
            if not turn.is_sounding or turn in overlap.over:
                continue
            overlap.over.append(turn)
            overlap.heard_s[id(turn)] = turn.heard_s - speech.lasts_s
            if self._is_softened_by(speech.user_id, turn) and not overlap.is_far:
                overlap.lowered.append(turn)
                if self.rules.manner == "duck" or turn not in traced:
                    deeds.append(self._softened(turn, self.rules.level))
        return deeds

    def _take_back(self, overlap: _Overlap, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Who goes on before the answer sounds has not finished."""
        if speech.voiced_s < self.rules.thinking_s - 1e-9 or speech.distance != "near":
            return []
        mine = [turn for turn in turns if turn.user_id == speech.user_id and not turn.is_sounding]
        overlap.has_taken_back = overlap.has_taken_back or bool(mine)
        return [Cut(turn, "superseded") for turn in mine]

    def _voiced(self, overlap: _Overlap, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        deeds = self._meet(overlap, speech, turns)
        if overlap.has_ended or overlap.is_aside or speech.distance != "near":
            return deeds
        long_s = self.rules.yield_s if self.rules.manner == "yield" else self.rules.speaking_s
        if self.rules.manner != "yield" and overlap.meaning in ("backchannel", "nothing"):
            long_s *= _PATIENCE
        overlap.is_speech = overlap.is_speech or speech.voiced_s >= long_s - 1e-9
        return [*deeds, *self._interrupt(overlap, speech, turns)]

    def _heard(self, overlap: _Overlap, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Take the words so far, or all of them."""
        overlap.is_aside = speech.is_aside
        overlap.meaning = meaning = self._meaning_of(speech.words, is_open=not speech.is_whole)
        overlap.all_words = speech.words if speech.is_whole else None
        overlap.looks += not speech.is_whole
        if meaning == "stop" and speech.is_whole:  # else it may be the first word of "stop at the corner"
            return self._stop(speech, turns)
        is_near = speech.distance == "near" or (speech.distance == "unknown" and speech.is_whole)
        if meaning in ("speech", "stop", "go on") and not speech.is_aside and is_near:
            if not speech.is_whole and overlap.looks <= 1 and len(speech.words.split()) < _SURE_WORDS:
                return []
            overlap.is_speech = True
            return self._interrupt(overlap, speech, turns)
        return self._let_go_on(overlap) if speech.is_whole else []

    def _stop(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Obey a stop word: past every gate, for all that sounds; for who is not obeyed, for what answers them."""
        return [
            Cut(turn, "stop")
            for turn in turns
            if turn.is_sounding and (self.rules.stop_by_anyone or turn.user_id == speech.user_id)
        ]

    def _interrupt(self, overlap: _Overlap, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Cut what this speech, which is one, may interrupt."""
        if not overlap.is_speech or self.rules.manner == "ignore":
            return []
        deeds: list[Deed] = []
        for turn in turns:
            if turn not in overlap.over or not self._may_interrupt(speech.user_id, turn):
                continue
            is_same = self._is_same_thought(overlap, speech, turn) and not overlap.has_ended
            if is_same:
                overlap.has_taken_back = True
                deeds.append(Cut(turn, "superseded"))
            elif self.rules.manner == "finish":
                deeds.append(WindUp(turn))
            elif self._may_cut(speech.user_id, turn):
                deeds.append(Cut(turn, "barge-in"))
        return deeds

    def _ended(self, overlap: _Overlap, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        deeds: list[Deed] = []
        is_known = overlap.is_aside or speech.distance == "far" or overlap.meaning in ("backchannel", "nothing")
        if speech.is_turn and not is_known and not overlap.is_speech:
            # The words come later, if at all, and half a question is joined now or never.
            for turn in overlap.over:
                is_open = turn in turns and self.rules.manner != "ignore"
                if is_open and self._is_same_thought(overlap, speech, turn):
                    overlap.has_taken_back = True
                    deeds.append(Cut(turn, "superseded"))
        overlap.has_ended = True
        cut = [deed.turn for deed in deeds]
        deeds += [deed for deed in self._let_go_on(overlap) if deed.turn not in cut]
        if not speech.is_turn:
            self._overlaps.pop((speech.user_id, speech.utterance), None)
        return deeds

    def _let_go_on(self, overlap: _Overlap) -> list[Deed]:
        """Bring back to full level what this speech has lowered, unless somebody else's has too."""
        lowered, overlap.lowered = overlap.lowered, []
        return [Resume(turn, _RAISE_FRAMES) for turn in lowered if not self._is_lowered(turn)]
