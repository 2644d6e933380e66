"""Endpointing: deciding from voice activity and time when an utterance begins and when the turn has ended.

    [preroll][voiced ............ pause ...... voiced ......]........|...................|
                 ^ SpeechStarted                            ^ last    ^ Guess             ^ TurnEnded
                     ^ SpeechConfirmed (barge-in)             voiced    (speculative STT)

Guess early, commit late: at ``guess_ms`` of silence the words so far and the turn model's opinion are asked for; what
they say decides how long a silence ends the turn (``core/turns/commit.py``). Speech that resumes before that drops the
guess and goes on with the same utterance.

Silence is counted from the last voiced frame. Discord sends nothing in silence, so a gap without packets counts
as silence by the clock once it is longer than ``packet_gap_ms``; a shorter one may be a late packet. When the last
frame was silent already, a packet that is late by more than the jitter buffer's depth would bring more silence.
Sound that was sent and not heard (lost, or dropped by us under load) is no silence either: it is left out of the count.

Who holds a key to speak (``push_to_talk``) lets it go at the end: Discord's clients then send five frames of silence,
and nothing more. That ends the turn at once; before that only a silence does that would end an unfinished phrase. A
client that listens for a voice by itself sends the same at each pause. Nobody can tell the two by their packets, so the
operator says who is who.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs

from voxbridge.core.sound.jitter import DEPTH_S
from voxbridge.core.turns.commit import CommitRules, Evidence, silence_s
from voxbridge.core.turns.completeness import Completeness
from voxbridge.core.turns.stirring import Stirring

# Silero's own rule of thumb: speech goes on until the probability falls this far below the threshold.
_HYSTERESIS = 0.15


@attrs.frozen
class SpeechStarted:
    """An utterance began; ``at`` is the beginning of its first voiced frame."""

    at: float


@attrs.frozen
class SpeechConfirmed:
    """The utterance has been voiced long enough to be no cough: it may interrupt the agent."""

    at: float


@attrs.frozen
class Guess:
    """The speaker may have finished: time for a speculative transcript. ``voiced_s``: of the utterance so far."""

    at: float
    voiced_s: float = 0.0


@attrs.frozen
class SpeechResumed:
    """The speaker went on after a guess: it is void. ``pause_s``: after so long a silence."""

    at: float
    pause_s: float = 0.0


EndReason = Literal["silence", "released", "limit", "cut off", "typed"]


@attrs.frozen
class TurnEnded:
    """The turn is over, and that is known ``at`` this time: with a frame, when the packet that completed it came.

    ``speech_end`` is the end of the last voiced frame; ``reason`` says which rule decided.
    """

    at: float
    started_at: float
    speech_end: float
    voiced_s: float
    confirmed: bool
    reason: EndReason


@attrs.frozen
class VoiceStirred:
    """A first trace of a voice, which may be the beginning of speech: SpeechStarted or VoiceStilled follows."""

    at: float


@attrs.frozen
class VoiceLikely:
    """It has lasted as long as speech must that interrupts, though it may not be certain yet that it is speech."""

    at: float


@attrs.frozen
class VoiceStilled:
    """It was nothing."""

    at: float


Trace = VoiceStirred | VoiceLikely | VoiceStilled
EndpointEvent = Trace | SpeechStarted | SpeechConfirmed | Guess | SpeechResumed | TurnEnded


@attrs.frozen
class EndpointRules:
    """The times of the rules above, in seconds, and the probability from which a frame counts as voiced."""

    threshold: float = 0.5
    start_s: float = 0.064
    confirm_s: float = 0.16
    guess_s: float = 0.2
    commit: CommitRules = attrs.field(factory=CommitRules)
    packet_gap_s: float = 0.12
    push_to_talk: bool = False
    """Whether the speaker holds a key to speak."""
    max_utterance_s: float = 120.0


@attrs.define
class _Stretch:
    started_at: float
    speech_end: float
    voiced_s: float
    confirmed: bool = False
    traced_at: float | None = None
    """When its first trace was seen, until it has lasted long enough to be speech."""
    guessed: bool = False
    evidence: Evidence = attrs.field(factory=Evidence)
    unheard_s: float = 0.0
    """Since the last voiced frame: so much was sent that we did not hear."""

    def silence_s(self, now: float) -> float:
        return now - self.speech_end - self.unheard_s


@attrs.define
class Endpointer:
    """Turns frames of voice probability into the beginning and the end of utterances, for one speaker.

    ``rules_now`` gives the rules that hold for the next utterance; it is asked while nobody speaks, and what has begun
    ends by the rules that it began with. ``minds_traces``: a first trace of a voice is told of as well.
    """

    rules: EndpointRules = EndpointRules()
    rules_now: Callable[[], EndpointRules] | None = None
    minds_traces: Callable[[], bool] = lambda: False
    _utterance: _Stretch | None = attrs.field(default=None, init=False)
    _stirring: Stirring = attrs.field(factory=Stirring, init=False)
    _onset_at: float | None = attrs.field(default=None, init=False)
    _onset_s: float = attrs.field(default=0.0, init=False)
    _last_frame_at: float = attrs.field(default=0.0, init=False)
    _last_frame_voiced: bool = attrs.field(default=False, init=False)
    _has_signed_off: bool = attrs.field(default=False, init=False)
    """Whether the last packet was one of those with which a client says that no more will come."""

    @property
    def is_speaking(self) -> bool:
        """Tell whether an utterance is open."""
        return self._utterance is not None

    @property
    def voiced_s(self) -> float:
        """Return how much of the open utterance is voice; 0 if there is none."""
        return 0.0 if self._utterance is None else self._utterance.voiced_s

    @property
    def speech_end(self) -> float | None:
        """Return the end of the last voiced frame of the open utterance."""
        return None if self._utterance is None else self._utterance.speech_end

    def on_packet(self, *, signs_off: bool) -> None:
        """Take what the next packet was; its frames follow. ``signs_off``: a frame of silence as clients end with."""
        self._has_signed_off = signs_off

    def on_frame(
        self, probability: float, frame_s: float, now: float, known_at: float | None = None
    ) -> list[EndpointEvent]:
        """Take the voice probability of the frame that ended at ``now`` and lasted ``frame_s``.

        ``known_at``: when its sound was there, which comes in packets; ``now`` if it is not given.
        """
        known_at = now if known_at is None else known_at
        self._last_frame_at = now
        self._last_frame_voiced = probability >= self.rules.threshold - _HYSTERESIS
        utterance = self._utterance
        if utterance is None:
            return self._onset(probability, frame_s, now)
        if not self._last_frame_voiced:
            is_held = self.rules.push_to_talk and not self._has_signed_off
            return self._silence(utterance, now, known_at, self.rules.commit.unfinished_s if is_held else None)
        events: list[EndpointEvent] = []
        if utterance.guessed:
            utterance.guessed, utterance.evidence = False, Evidence()
            events.append(SpeechResumed(now, max(0.0, utterance.silence_s(now - frame_s))))
        utterance.speech_end, utterance.unheard_s = now, 0.0
        utterance.voiced_s += frame_s
        events += self._confirm(utterance, now)
        events += self._likely(utterance, now)
        if now - utterance.started_at >= self.rules.max_utterance_s:
            events.append(self._end(utterance, known_at, "limit"))
        return events

    def _onset(self, probability: float, frame_s: float, now: float) -> list[EndpointEvent]:
        if self._onset_at is None and self.rules_now is not None:
            self.rules = self.rules_now()
        if probability < self.rules.threshold:
            self._onset_at, self._onset_s = None, 0.0
            return self._stirred(probability, frame_s, now)
        if self._onset_at is None:
            self._onset_at = now - frame_s
        self._onset_s += frame_s
        if self._onset_s < self.rules.start_s - 1e-9:
            return self._stirred(probability, frame_s, now)
        traced_at = self._stirring.began()
        utterance = _Stretch(started_at=self._onset_at, speech_end=now, voiced_s=self._onset_s, traced_at=traced_at)
        self._utterance, self._onset_at, self._onset_s = utterance, None, 0.0
        return [SpeechStarted(utterance.started_at), *self._confirm(utterance, now), *self._likely(utterance, now)]

    def _likely(self, utterance: _Stretch, now: float) -> list[EndpointEvent]:
        """Tell that speech has lasted long enough, from its first trace on, though not all of that was certain."""
        if utterance.traced_at is None or now - utterance.traced_at < self.rules.confirm_s - 1e-9:
            return []
        utterance.traced_at = None
        return [VoiceLikely(now)]

    def _stirred(self, probability: float, frame_s: float, now: float) -> list[EndpointEvent]:
        if self._stirring.due is None and not self.minds_traces():
            return []
        match self._stirring.on_frame(probability, frame_s, now, self.rules.confirm_s):
            case "stirred":
                return [VoiceStirred(now)]
            case "likely":
                return [VoiceLikely(now)]
            case "stilled":
                return [VoiceStilled(now)]
            case _:
                return []

    def _confirm(self, utterance: _Stretch, now: float) -> list[EndpointEvent]:
        if utterance.confirmed or utterance.voiced_s < self.rules.confirm_s - 1e-9:
            return []
        utterance.confirmed = True
        return [SpeechConfirmed(now)]

    def await_verdicts(self) -> None:
        """Note that both verdicts on the last guess are on their way."""
        self._learn(awaits_completion=True, awaits_words=True)

    def on_completion(self, probability: float | None) -> None:
        """Take the turn model's answer to the last guess: the probability that the speaker has finished, if any."""
        self._learn(completion=probability, awaits_completion=False)

    def on_words(self, words: Completeness | None) -> None:
        """Take what the words up to the last guess say, if they are known."""
        self._learn(words=words, awaits_words=False)

    def _learn(self, **changes: Any) -> None:
        if self._utterance is not None and self._utterance.guessed:
            self._utterance.evidence = attrs.evolve(self._utterance.evidence, **changes)

    def on_unheard(self, seconds: float) -> None:
        """Take that so much sound was sent which did not come: nobody knows whether it was voiced."""
        if self._utterance is not None:
            self._utterance.unheard_s += seconds

    def on_clock(self, now: float) -> list[EndpointEvent]:
        """Let time pass without a frame; call at ``next_due``."""
        utterance = self._utterance
        stilled: list[EndpointEvent] = [VoiceStilled(now)] if self._stirring.on_clock(now) else []
        if now - self._last_frame_at < self._gap_s - 1e-9:
            return stilled
        if utterance is None:
            self._onset_at, self._onset_s = None, 0.0
            return stilled
        if self._is_released:
            return [self._end(utterance, now, "released")]
        return self._silence(utterance, now, now)

    def next_due(self) -> float | None:
        """Return when ``on_clock`` has something to decide if no frame comes before, or None if never."""
        utterance = self._utterance
        if utterance is None:
            return self._stirring.due
        if self._is_released:
            return self._last_frame_at + self._gap_s
        silence_s = self._commit_s(utterance) if utterance.guessed else self.rules.guess_s
        return max(utterance.speech_end + utterance.unheard_s + silence_s, self._last_frame_at + self._gap_s)

    @property
    def _gap_s(self) -> float:
        """Return how long no frame must have come before silence is counted by the clock."""
        may_be_late = self._last_frame_voiced and not self._is_released
        return self.rules.packet_gap_s if may_be_late else min(DEPTH_S, self.rules.packet_gap_s)

    @property
    def _is_released(self) -> bool:
        return self.rules.push_to_talk and self._has_signed_off

    def _commit_s(self, utterance: _Stretch) -> float:
        return silence_s(utterance.evidence, self.rules.commit)

    def _silence(
        self, utterance: _Stretch, now: float, known_at: float, commit_s: float | None = None
    ) -> list[EndpointEvent]:
        """Count the silence up to now; ``commit_s``: so much of it ends the turn, if not what the verdicts say."""
        silence_s = utterance.silence_s(now) + 1e-9
        events: list[EndpointEvent] = []
        if not utterance.guessed and silence_s >= self.rules.guess_s:
            utterance.guessed = True
            events.append(Guess(now, utterance.voiced_s))
        if utterance.guessed and silence_s >= (self._commit_s(utterance) if commit_s is None else commit_s):
            events.append(self._end(utterance, known_at, "silence"))
        elif now - utterance.started_at >= self.rules.max_utterance_s:
            events.append(self._end(utterance, known_at, "limit"))
        return events

    def _end(self, utterance: _Stretch, at: float, reason: EndReason) -> TurnEnded:
        self._utterance = None
        return TurnEnded(
            at=at,
            started_at=utterance.started_at,
            speech_end=utterance.speech_end,
            voiced_s=utterance.voiced_s,
            confirmed=utterance.confirmed,
            reason=reason,
        )

    def cut_off(self, now: float) -> list[EndpointEvent]:
        """End an open utterance where it is: the stream broke off, and what was said must not be lost."""
        self._onset_at, self._onset_s = None, 0.0
        if self._utterance is not None:
            return [self._end(self._utterance, now, "cut off")]
        if self._stirring.due is None:
            return []
        self._stirring.began()
        return [VoiceStilled(now)]
