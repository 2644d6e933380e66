"""What happens in the rooms, told as it happens to whoever listens: the control socket's events, a count.

Speech is in it (``text``) and names; who passes a notice on decides whether they go along.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from voxbridge.core.ids import UserId
from voxbridge.stages.contracts import Speaker


@attrs.frozen
class SpeakerStarted:
    """An utterance began."""

    speaker: Speaker


@attrs.frozen
class SpeakerStopped:
    """The utterance is over, ``duration_s`` after its first voiced frame; ``is_turn`` False: it was a cough."""

    speaker: Speaker
    duration_s: float
    is_turn: bool


@attrs.frozen
class PartialTranscript:
    """What was heard so far of an utterance that goes on."""

    speaker: Speaker
    text: str


@attrs.frozen
class FinalTranscript:
    """What was heard of a turn, superseded ones before it included."""

    speaker: Speaker
    turn_id: str
    text: str


@attrs.frozen
class BargeIn:
    """``speaker`` spoke over the answer to ``answered`` and cut it short."""

    speaker: Speaker
    turn_id: str
    answered: UserId | None


@attrs.frozen
class TurnTaken:
    """A turn is for us and is being answered; ``text`` is the question."""

    speaker: Speaker
    turn_id: str
    text: str


@attrs.frozen
class AnswerText:
    """What is to be said as the answer to a turn, as far as it is known. ``is_decided`` False: the turn may be taken
    back, and nothing of it may be shown before a ``TurnTaken``.
    """

    speaker: Speaker
    turn_id: str
    text: str
    is_decided: bool = True
    name: str = ""
    """Who answers, where several may; empty: the bot by its own name."""


Notice = SpeakerStarted | SpeakerStopped | PartialTranscript | FinalTranscript | TurnTaken | AnswerText | BargeIn
OnNotice = Callable[[Notice], None]
"""Called from the speaker's own task: must not block and must not raise."""


def unheard(_notice: Notice) -> None:
    """Let a notice go by."""
