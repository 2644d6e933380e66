"""[endpointing], [barge_in] and [turn]: who has finished, who interrupts whom, what one exchange may take."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import LIMIT, at_least, between, one_of, option, require


@attrs.frozen
class EndpointingSettings:
    """[endpointing]. All silences are counted from the last voiced frame."""

    vad_threshold: float = option(
        0.5, "Probability from which a frame counts as voiced.", between(0.01, 0.99), live=True
    )
    # two VAD frames, one is a click
    start_ms: int = option(64, "Voiced time that starts an utterance.", between(1, 2000), live=True)
    guess_ms: int = option(
        200, "Silence after which a speculative transcript is asked for.", between(20, 10_000), live=True
    )
    # pauses at a comma reach 290 ms
    commit_ms: int = option(500, "Silence that ends the turn.", between(20, 10_000), live=True)
    hesitant_commit_ms: int = option(
        1200, "Silence that ends the turn when the turn model says that more is coming.", between(20, 30_000), live=True
    )
    packet_gap_ms: int = option(
        120, "Without packets for so long, silence is counted by the clock.", between(20, 10_000), live=True
    )
    preroll_ms: int = option(256, "Sound kept from before the first voiced frame.", between(0, 5000), live=True)
    max_utterance_ms: int = option(
        120_000,
        "Longest utterance; the turn ends there even if the user still speaks.",
        between(1000, 600_000),
        live=True,
    )
    turn_model: bool = option(True, "Ask the turn model whether the speaker has finished.")

    def __attrs_post_init__(self) -> None:
        require(
            self.guess_ms <= self.commit_ms,
            "guess_ms",
            f"the guess comes before the end of the turn: {self.guess_ms} is more than commit_ms",
            allowed=f"up to commit_ms, {self.commit_ms}",
        )
        require(
            self.commit_ms <= self.hesitant_commit_ms,
            "hesitant_commit_ms",
            f"a hesitant speaker is given more time, not less: {self.hesitant_commit_ms} is less than commit_ms",
            allowed=f"commit_ms, {self.commit_ms}, or more",
        )


@attrs.frozen
class BargeInSettings:
    """[barge_in]."""

    enabled: bool = option(True, "Stop the answer when the user speaks over it.", live=True)
    # a cough is shorter
    min_speech_ms: int = option(160, "Voiced time before the answer is cut.", between(0, 10_000), live=True)
    by: str = option("speaker", "Who may interrupt an answer.", one_of("speaker", "anyone"), live=True)


@attrs.frozen
class TurnSettings:
    """[turn]."""

    first_audio_target_ms: int = option(
        1000, "End of the turn to first sound of the answer: measured.", LIMIT, live=True
    )
    limit_ms: int = option(
        120_000,
        "Longest wait in one turn, all its silences together: the time in which sound plays does not count. What an "
        "answer still lacks then is written into the channel.",
        LIMIT,
        live=True,
    )
    answer_chars_max: int = option(4000, "An answer is cut there; so much of it is read ahead.", at_least(1), live=True)
    queue_ahead_ms: int = option(
        10_000, "No further sentence is asked for while so much sound waits.", LIMIT, live=True
    )
    apology: str = option("Sorry, something went wrong. Please try again.", "Spoken when a stage has failed.")
    mute_apology: str = option(
        "Sorry, my voice has failed. You can read my answer in the chat.",
        "Spoken when an answer is written because it could not be spoken. Both are rendered at the start.",
    )
    no_reply: str = option(
        "apology",
        "What follows an answer with nothing to speak in it (an acknowledgement, a page, nothing at all). An agent "
        "that answers with an empty text is silent on purpose, and nothing follows.",
        one_of("apology", "silence"),
        live=True,
    )
