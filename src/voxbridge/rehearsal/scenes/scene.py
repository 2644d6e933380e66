"""A scene: its servers, its line and its steps. What must be true is in ``expect``.

These classes are the language: the reader of scene files, its messages and docs/scenes.md are derived from them.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the tables in it are frozen

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from voxbridge.config.rules import between, one_of, option, require
from voxbridge.rehearsal.scenes.expect import ExpectedTurn, ExpectedWhole

ADA = "Ada"
_TIME_S = between(0, 3600)
_TIME_MS = between(0, 600_000)


@attrs.frozen
class LineTable:
    """[line]: how everybody's packets travel, both ways."""

    loss_percent: float = option(0.0, "So many of a hundred packets are lost.", between(0, 100))
    jitter_ms: int = option(0, "Packets are late by up to so much, unevenly.", between(0, 5000))
    delay_ms: int = option(0, "All packets are late by so much.", between(0, 5000))
    duplicate_percent: float = option(0.0, "So many of a hundred packets come twice.", between(0, 100))
    reorder_percent: float = option(
        0.0, "So many of a hundred packets are overtaken by the two behind them.", between(0, 100)
    )


@attrs.frozen
class HearingTable:
    """[stt]: the server that listens."""

    stand_in: bool = option(
        False,
        "A server of the rehearsal takes the place of yours. It hears each word of `say` and `said` that reaches it.",
    )
    delay_ms: int = option(0, "The server's answers are later by so much.", _TIME_MS)
    early: bool = option(True, "The stand-in gives early transcripts.")


@attrs.frozen
class AgentTable:
    """[agent]: who answers."""

    stand_in: bool = option(False, "An agent of the rehearsal takes the place of yours. It says `answers`.")
    delay_ms: int = option(0, "The agent's answers are later by so much.", _TIME_MS)
    answers: tuple[str, ...] = option(
        ("This is the answer.",),
        "What the stand-in answers, one after the other; the last one again and again.",
    )


@attrs.frozen
class VoiceTable:
    """[tts]: the server that speaks."""

    stand_in: bool = option(False, "A voice of the rehearsal takes the place of yours. It hums.")
    delay_ms: int = option(0, "The server's sound is later by so much.", _TIME_MS)


@attrs.frozen
class Step:
    """[[step]]: one thing that happens. A step that says nothing else begins when the one before it is done."""

    by: str = option(ADA, "Whose microphone it is. Ada is there from the beginning; others have to join.")
    at_s: float | None = option(None, "It begins so many seconds after the scene's beginning.", _TIME_S)
    after: str = option(
        "",
        "It begins when this happens, counted from the beginning of the step before: the bot's voice begins, or a "
        "turn has ended.",
        one_of("answer-begins", "turn-ends"),
    )
    wait_ms: int = option(0, "It begins so much later than it would otherwise.", _TIME_MS)
    say: str = option("", "Words, spoken by the built-in voice (extra [embedded]).", example="What time is it?")
    heard_as: str = option("", "With say: what a stand-in that listens makes of it, if it mishears.")
    play: str = option("", "A WAV file, beside the scene file; or clip:1 to clip:5, a bundled human recording.")
    said: str = option("", "With play: what is said in it.")
    only_ms: int = option(0, "With play: no more of it than its first so many milliseconds.", _TIME_MS)
    noise_ms: int = option(0, "Noise from the microphone.", _TIME_MS)
    level_db: float = option(-30.0, "With noise_ms: how loud it is (0 is the loudest there can be).", between(-90, 0))
    pause_ms: int = option(0, "Nothing happens.", _TIME_MS)
    join: str = option("", "Somebody joins the voice channel.", example="Bob")
    leave: str = option("", "Somebody leaves it.", example="Bob")
    line: LineTable | None = option(None, "From now on packets travel like this: a table as [line].")
    rekey: bool = option(False, "Everybody in the call gets new DAVE keys.")
    command: str = option("", "A slash command without the slash.", example="stop")
    fail: str = option("", "A server of yours, or a stand-in, begins to fail.", one_of("stt", "agent", "tts"))
    how: str = option(
        "refuse",
        "With fail: nobody listens at its port; it takes everything and answers nothing; it resets its connections; "
        "it breaks off in the middle of an answer; it answers HTTP 503.",
        one_of("refuse", "hang", "reset", "cut", "error"),
    )
    after_bytes: int = option(0, "With how = cut: so many bytes of each answer come through.", between(0, 10_000_000))
    mend: str = option("", "A server works again.", one_of("stt", "agent", "tts"))

    def __attrs_post_init__(self) -> None:
        deeds = self.deeds
        require(len(deeds) > 0, "", "nothing happens in this step", allowed=", ".join(DEEDS))
        require(len(deeds) < 2, deeds[-1], f"this step is a {deeds[0]} already; make it a step of its own")
        require(self.at_s is None or not self.after, "after", "at_s says already when it begins")
        for key, deed in _BELONGS.items():
            default = getattr(attrs.fields(Step), key).default
            require(getattr(self, key) == default or deed in deeds, key, f"has no effect without {deed}")

    @property
    def deeds(self) -> list[str]:
        """Return which of the keys that do something are set."""
        return [key for key in DEEDS if getattr(self, key)]

    @property
    def deed(self) -> str:
        """Return the one thing that happens."""
        return self.deeds[0]

    @property
    def is_speech(self) -> bool:
        """Tell whether it is somebody's microphone."""
        return self.deed in ("say", "play", "noise_ms")

    @property
    def begins_by_itself(self) -> bool:
        """Tell whether it waits for something else than the end of the step before."""
        return self.at_s is not None or bool(self.after)


DEEDS = ("say", "play", "noise_ms", "pause_ms", "join", "leave", "line", "rekey", "command", "fail", "mend")
_BELONGS = {
    "heard_as": "say",
    "said": "play",
    "only_ms": "play",
    "level_db": "noise_ms",
    "how": "fail",
    "after_bytes": "fail",
}


@attrs.frozen
class Scene:
    """The whole file."""

    about: str = option("", "One sentence: what the scene shows.")
    limit_s: float = option(120.0, "Longest time for all of it.", between(1, 3600))
    settings: dict[str, Any] = option(
        {},
        "Tables of the configuration that are otherwise in this scene, as [settings.floor].",
        example={"floor": {"mode": "everyone"}},
    )
    stt: HearingTable = option(HearingTable(), "The server that listens.")
    agent: AgentTable = option(AgentTable(), "Who answers.")
    tts: VoiceTable = option(VoiceTable(), "The server that speaks.")
    line: LineTable = option(LineTable(), "How everybody's packets travel, both ways.")
    step: tuple[Step, ...] = option((), "What happens, in this order.")
    turn: tuple[ExpectedTurn, ...] = option(
        (), "What must come of it: each turn in the order in which they begin. If there are none, turns are not judged."
    )
    expect: ExpectedWhole = option(ExpectedWhole(), "What must be true of the scene as a whole.")

    def __attrs_post_init__(self) -> None:
        require(len(self.step) > 0, "step", "nothing happens in this scene: it needs a [[step]]")
        require(
            not self.turn or self.expect.turns in (None, len(self.turn)),
            "expect.turns",
            f"there are {len(self.turn)} [[turn]] tables",
        )
        present = {ADA}
        for number, step in enumerate(self.step):
            who, is_there = f"step[{number}].by", step.by in present
            require(is_there or not (step.is_speech or step.command), who, f"{step.by} has not joined yet")
            require(step.leave in ("", *present), f"step[{number}].leave", f"{step.leave} is not there")
            present = (present | ({step.join} - {""})) - {step.leave}

    @property
    def failing(self) -> set[str]:
        """Return the stages whose servers fail in some step."""
        return {step.fail for step in self.step if step.fail}

    @property
    def people(self) -> Iterator[str]:
        """Yield everybody's name once, Ada's first."""
        yield from dict.fromkeys([ADA, *(step.join for step in self.step if step.join)])
