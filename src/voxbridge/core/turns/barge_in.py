"""Barge-in: what somebody's speech does to what is being said.

    first trace
       stirred -> (likely) -> stilled, or:
    SpeechStarted   no cough    goes on     words so far ...     the utterance is over      all its words
       began        confirmed    voiced         words                 ended                     words
         |------------|------------|--------------|---------------------|------------------------|
            each is put to the policy, which says: duck, hold, resume, wind up, cut, or nothing

The policy in use is ``core/turns/overlap.py``.

A policy is told facts and answers with deeds; the session carries them out (``session/interruptions.py``), and that is
the one way from speech to a cut, for the room, for scripts and for the commands. A policy may keep what it has done
(whom it has lowered); one object serves one room.

What is not decided here: the words of a superseded turn go into the speaker's next one, and a cut answer is told to
the agent with the words that were heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.turns.distance import Distance
from voxbridge.core.turns.floor import CutReason, OpenTurn

Phase = Literal["stirred", "likely", "stilled", "began", "voiced", "confirmed", "words", "ended"]
"""stirred: a first trace of a voice, which may come to nothing (stilled) or be the beginning of an utterance; likely:
it goes on, and is hardly anything else."""


@attrs.frozen
class SpeechOver:
    """Somebody speaks. Told anew with each change; what is said at the time is passed beside it.

    ``voiced_s`` is how much of it was voice so far, ``words`` what is known of its text, which comes with the phase of
    that name, more than once, and also after the end; ``is_whole``: as far as anybody knows these are all.
    ``is_turn``, once it has ended: it was long enough to count as one. ``lasts_s`` is how long ago it began, pauses
    included. ``is_aside``: the words are for another person who is here. ``distance``: whether the voice is the
    speaker's own, as far as its loudness tells. ``utterance`` tells one of a speaker's utterances from the next.
    """

    user_id: UserId
    phase: Phase
    voiced_s: float = 0.0
    words: str = ""
    is_turn: bool = False
    lasts_s: float = 0.0
    utterance: int = 0
    is_whole: bool = False
    is_aside: bool = False
    distance: Distance = "near"


@attrs.frozen
class Cut:
    """End this turn now, for this reason."""

    turn: OpenTurn
    reason: CutReason


@attrs.frozen
class Duck:
    """Lower this turn's sound to ``level`` (0 to 1) within ``frames`` of 20 ms; it goes on."""

    turn: OpenTurn
    level: float = 0.2
    frames: int = 5


@attrs.frozen
class Hold:
    """Let no further frame of this turn leave for now."""

    turn: OpenTurn


@attrs.frozen
class Resume:
    """Go on with this turn at full level, from the sample at which it was held."""

    turn: OpenTurn
    frames: int = 5


@attrs.frozen
class WindUp:
    """Let the sentence that is being played be the turn's last."""

    turn: OpenTurn


Deed = Cut | Duck | Hold | Resume | WindUp

Reply = Literal["answer", "backchannel", "stop-word", "echo", "background", "go on"]
"""What becomes of an utterance: it is answered; it is not, since it only showed that somebody listens, was obeyed, was
our own voice or somebody's far behind the speaker; or the rest of what was cut off is said.
"""


class BargeInPolicy(Protocol):
    """Decides what speech does to what is being said in one room.

    ``turns`` are the open ones, oldest first; they say what sounds and how far.
    """

    def on_speech(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Return what to do, in order."""
        ...

    def wants_words(self, user_id: UserId, utterance: int, turns: Sequence[OpenTurn]) -> bool:
        """Tell whether the words so far of an open utterance would decide something now."""
        ...

    def reply_to(self, speech: SpeechOver) -> Reply:
        """Return what becomes of an utterance that is over, and of which all words are known. Asked once."""
        ...
