"""[endpointing], [barge_in] and [turn]: who has finished, who interrupts whom, what one exchange may take."""

from __future__ import annotations

import attrs

from voxbridge.config.environment import UTTERANCE_MS_MAX
from voxbridge.config.rules import LIMIT, at_least, between, matches, one_of, option, require


@attrs.frozen
class EndpointingSettings:
    """[endpointing]. All silences are counted from the last voiced frame."""

    vad_threshold: float = option(
        0.5,
        "A frame counts as voiced if the voice detector's probability is at least this.",
        between(0.01, 0.99),
        live=True,
    )
    # two VAD frames, one is a click
    start_ms: int = option(64, "How long somebody must speak until an utterance starts.", between(1, 2000), live=True)
    guess_ms: int = option(
        200,
        "Silence after which VoxBridge asks for a transcript early, before the turn has ended.",
        between(20, 10_000),
        live=True,
    )
    # pauses at a comma reach 290 ms
    commit_ms: int = option(500, "Silence that ends the turn.", between(20, 10_000), live=True)
    sure_commit_ms: int = option(
        400,
        "Silence that ends the turn when the words and the turn model both say that the speaker has finished. "
        "Never longer than commit_ms.",
        between(20, 10_000),
        live=True,
    )
    hesitant_commit_ms: int = option(
        1600,
        "Silence that ends the turn when the words or the turn model say that more is coming.",
        between(20, 30_000),
        live=True,
    )
    unfinished_commit_ms: int = option(
        2000,
        'Silence that ends the turn when it cannot have been all, such as after "the" or "because". Never shorter '
        "than hesitant_commit_ms.",
        between(20, 30_000),
        live=True,
    )
    verdict_wait_ms: int = option(
        700,
        "How much longer than commit_ms VoxBridge waits for the words and the turn model's opinion, if they are late.",
        between(0, 10_000),
        live=True,
    )
    words: bool = option(True, "Let the words decide as well whether the speaker has finished.", live=True)
    early_words: str = option(
        "always",
        "When to ask for the words before the turn has ended. always: at each pause of guess_ms. If the server gives "
        "no early transcripts, it gets each stretch of speech by itself, and the words are joined. free: only if the "
        "server gives early transcripts.",
        one_of("always", "free"),
        live=True,
    )
    packet_gap_ms: int = option(
        120, "If no packet comes for so long, VoxBridge counts the time as silence.", between(20, 10_000), live=True
    )
    push_to_talk: tuple[str, ...] = option(
        (),
        "Who holds a key to speak, by their Discord ids, or everyone. Their turn ends when they let it go, and a pause "
        "before that does not end it. Discord does not tell who does so.",
        matches(r"\d{1,20}|everyone", "everyone, or a number (Discord's developer mode copies it)"),
        example=["123456789012345678"],
        live=True,
    )
    preroll_ms: int = option(
        256, "How much sound from before the first voiced frame belongs to the utterance.", between(0, 5000), live=True
    )
    max_utterance_ms: int = option(
        120_000,
        "Longest utterance; the turn ends there even if the user still speaks.",
        between(1000, UTTERANCE_MS_MAX),
        live=True,
    )
    turn_model: bool = option(True, "Ask the turn model whether the speaker has finished.")

    def __attrs_post_init__(self) -> None:
        require(
            self.guess_ms <= self.commit_ms,
            "guess_ms",
            f"must not be longer than commit_ms, the end of the turn: {self.guess_ms} is more",
            allowed=f"up to commit_ms, {self.commit_ms}",
        )
        require(
            self.commit_ms <= self.hesitant_commit_ms,
            "hesitant_commit_ms",
            f"must not be shorter than commit_ms, the normal end of the turn: {self.hesitant_commit_ms} is less",
            allowed=f"commit_ms, {self.commit_ms}, or more",
        )


@attrs.frozen
class BargeInSettings:
    """[barge_in]."""

    policy: str = option(
        "duck",
        "What speech does to an answer that sounds. duck lowers it at once, and cuts it when it is known to be speech; "
        "after a cough or a sign of listening (mhm, okay) the answer goes on. yield is silent at once, and cuts it. "
        "finish lets it end its sentence. ignore lets it go on. Stop words always work.",
        one_of("duck", "yield", "finish", "ignore"),
        live=True,
    )
    # a cough is shorter
    min_speech_ms: int = option(
        160,
        "How long somebody must speak to be heard at all; so long with yield until the answer is cut.",
        between(0, 10_000),
        live=True,
    )
    thinking_ms: int = option(
        160,
        "How long the user must speak on until an answer that has not begun is taken back: its words and the new ones "
        "get one answer.",
        between(0, 10_000),
        live=True,
    )
    # "yeah" takes 350 to 420 ms and a long cough 600
    speaking_ms: int = option(
        800,
        "How long the user must speak until the answer is cut though no words are known (duck, finish). Known to be a "
        "sign of listening, twice as long.",
        between(0, 10_000),
        live=True,
    )
    min_played_ms: int = option(
        250,
        "So much of an answer must have been heard before anybody else than the one whom it answers can cut it.",
        between(0, 60_000),
        live=True,
    )
    # -14 dB
    duck_percent: int = option(20, "How loud a lowered answer is, in percent.", between(0, 100), live=True)
    background_db: float = option(
        12.0,
        "A voice that is so much softer than its speaker usually is (dB) is taken for somebody in the background: it "
        "interrupts nothing and is not answered. 0: all voices count.",
        between(0, 60),
        live=True,
    )
    by: str = option("speaker", "Who may interrupt an answer.", one_of("speaker", "anyone"), live=True)
    stop_by: str = option(
        "anyone",
        'Whose stop word is obeyed ("stop", "be quiet", "stopp", "basta" and others in 19 languages, said alone).',
        one_of("speaker", "anyone"),
        live=True,
    )
    stop_words: tuple[str, ...] = option((), "Further stop words.", example=("pineapple",), live=True)


@attrs.frozen
class FloorSettings:
    """[floor]."""

    mode: str = option(
        "addressed",
        "Who gets an answer. addressed: with one person in the channel everything is for VoxBridge; with more, what "
        "begins or ends with its name, and what follows its answer. everyone: all that is said. lock: whoever came "
        "first, until they have been quiet for lock_ms. queue: everyone, one after the other. nobody: no one; with "
        "chat.captions it only takes down what is said.",
        one_of("addressed", "everyone", "lock", "queue", "nobody"),
        live=True,
    )
    names: tuple[str, ...] = option(
        (),
        "Further names that it is called by, beside its name in Discord, and what the speech server makes of them. "
        "Where several profiles answer, they call the first one.",
        example=["Iris", "Computer"],
        live=True,
    )
    follow_up_ms: int = option(
        10_000,
        "For so long after its answer, the person who was answered needs no name to go on.",
        between(0, 600_000),
        live=True,
    )
    lock_ms: int = option(
        20_000, "With lock: after so long without a word, the next one may come.", between(0, 3_600_000), live=True
    )


@attrs.frozen
class TurnSettings:
    """[turn]."""

    first_audio_target_ms: int = option(
        1000,
        "Target for the time from the end of the turn to the first sound of the answer. It is measured; "
        "nothing is cut.",
        LIMIT,
        live=True,
    )
    limit_ms: int = option(
        120_000,
        "Longest time that the user waits in one turn: all its silences together, without the time in which sound "
        "plays. After that, VoxBridge writes the rest of the answer into the channel.",
        LIMIT,
        live=True,
    )
    answer_chars_max: int = option(
        4000,
        "So many characters of an answer are spoken, up to the end of a sentence. VoxBridge writes the rest into the "
        "channel. So much of an answer is read ahead of the voice.",
        at_least(1),
        live=True,
    )
    written_chars_max: int = option(
        40_000,
        "So many more characters of a longer answer are written into the channel: as up to three messages, or as a "
        "text file. What is beyond that is not read.",
        at_least(0),
        live=True,
    )
    queue_ahead_ms: int = option(
        10_000, "While so much sound waits to be played, VoxBridge asks for no further sentence.", LIMIT, live=True
    )
    apology: str = option(
        "",
        "Spoken when a stage has failed. If it is empty, VoxBridge takes words of its own in the language that is "
        "spoken (English, German, French, Spanish or Japanese; else English).",
        example="Sorry, something went wrong. Please try again.",
    )
    mute_apology: str = option(
        "",
        "Spoken when VoxBridge writes an answer because it could not speak it; its own words if it is empty. Both "
        "apologies are synthesised at the start of the daemon.",
        example="Sorry, my voice has failed. You can read my answer in the chat.",
    )
    tool_notice: bool = option(
        False,
        "Say a word of patience when the agent calls a tool before it has said anything.",
        live=True,
    )
    no_reply: str = option(
        "apology",
        "What to do if an answer holds nothing to speak (an acknowledgement, a web page, nothing at all). If the agent "
        "answers with an empty text, it is silent on purpose, and VoxBridge says nothing.",
        one_of("apology", "silence"),
        live=True,
    )
