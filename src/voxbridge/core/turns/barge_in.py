"""Barge-in: what somebody's speech does to what is being said.

    SpeechStarted        voiced long enough      words so far ...         the utterance is over
       began                confirmed               words                    ended
         |---------------------|-----------------------|------------------------|
                     each is put to the policy, which says: duck, hold, resume, cut, or nothing

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
from voxbridge.core.turns.floor import CutReason, OpenTurn
from voxbridge.core.turns.same_thought import is_same_thought

Phase = Literal["began", "confirmed", "words", "ended"]


@attrs.frozen
class SpeechOver:
    """Somebody speaks. Told anew with each change; what is said at the time is passed beside it.

    ``voiced_s`` is how much of it was voice so far, ``words`` what is known of its text: mostly nothing, until a
    partial transcript or a guess is in. ``is_turn``, once it has ended: it was long enough to count as one.
    ``lasts_s`` is how long ago it began, pauses included.
    """

    user_id: UserId
    phase: Phase
    voiced_s: float = 0.0
    words: str = ""
    is_turn: bool = False
    lasts_s: float = 0.0


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


Deed = Cut | Duck | Hold | Resume


class BargeInPolicy(Protocol):
    """Decides what speech does to what is being said in one room."""

    def on_speech(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """Return what to do, in order. ``turns`` are the open ones, oldest first; they say what sounds and how far."""
        ...


@attrs.frozen
class CutWhenConfirmed:
    """Speech that is long enough to be no cough ends what it is spoken over, at once and for good.

    A turn of the same speaker of which nothing was heard when the speech began, or hardly anything, is superseded: who
    goes on has not finished. An answer that sounds is cut by the one whom it answers, by others only where
    ``by_anyone``, and by nobody unless ``is_enabled``.
    A text of the operator's answers nobody, and no speech cuts it short.
    """

    is_enabled: bool = True
    by_anyone: bool = False

    def on_speech(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        """See BargeInPolicy."""
        if speech.phase != "confirmed":
            return []
        deeds: list[Deed] = []
        for turn in turns:
            if turn.user_id is None:
                continue
            if not turn.is_sounding:
                if turn.user_id == speech.user_id:
                    deeds.append(Cut(turn, "superseded"))
            elif self.is_enabled and (self.by_anyone or turn.user_id == speech.user_id):
                is_same = is_same_thought(turn, speech.user_id, speech.lasts_s)
                deeds.append(Cut(turn, "superseded" if is_same else "barge-in"))
        return deeds
