"""What must be true of a scene: of each turn, and of the whole."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import between, one_of, option

_TIME_MS = between(0, 600_000)
OUTCOMES = (
    *("answered", "interrupted", "superseded", "not-addressed", "backchannel", "stop-word", "echo"),
    *("background", "nothing-said"),
    *("no-reply", "failed", "timed-out", "cancelled"),
)


@attrs.frozen
class ExpectedTurn:
    """[[turn]]: one turn. What is not set is not judged."""

    by: str = option("", "Who spoke.")
    outcome: str = option("", "How it ended.", one_of(*OUTCOMES))
    heard: str = option("", "The words that must have been heard; three of ten may be wrong.")
    answer_has: tuple[str, ...] = option((), 'What the answer must hold; a number in any form ("56", "fifty-six").')
    answer_lacks: tuple[str, ...] = option((), "What the answer must not hold.")
    spoken_has: tuple[str, ...] = option((), "What must have been said aloud before the answer ended or was cut.")
    first_audio_ms: float | None = option(
        None, "Longest time from the decision that the turn has ended to the first sound.", _TIME_MS
    )
    reply_ms: float | None = option(
        None, "Longest time from the last sound of the speaker to the first sound.", _TIME_MS
    )
    silent_ms: float | None = option(
        None, "It was cut, and so long after somebody began to speak over it no more of it was heard.", _TIME_MS
    )
    resumed: bool | None = option(
        None, "true: somebody spoke while it sounded, and it was said to its end all the same. false: it was not."
    )
    clear: bool = option(
        False,
        "What was heard of the answer, transcribed by the built-in ears, is the answer's words (extra [embedded]).",
    )
    error_has: str = option("", "What the turn's error must say.")


@attrs.frozen
class ExpectedWhole:
    """[expect]: the scene as a whole.

    Two things always must be true: what was heard of the bot was end-to-end encrypted, and nothing of an answer was
    heard after it was cut.
    """

    turns: int | None = option(None, "How many turns there are.", between(0, 10_000))
    silent: bool = option(False, "Nothing at all is heard of the bot.")
    written: tuple[str, ...] = option((), "What the bot must have written in the channel's chat.")
    listen_ms: int = option(
        1500, "How long to listen on after the last turn that is expected, for turns that are not.", _TIME_MS
    )
