"""What is told of a turn when it is over: one object for the log line, the journal, the metrics and the bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.turns.timeline import Part

Outcome = Literal[
    "answered",
    "backchannel",
    "stop-word",
    "echo",
    "background",
    "nothing-said",
    "not-addressed",
    "limited",
    "no-reply",
    "interrupted",
    "superseded",
    "failed",
    "timed-out",
    "cancelled",
]


@attrs.frozen
class Trimmed:
    """How much silence the voice's clips had that was not played, in ms: before the first sound (so much sooner was it
    heard), and in all.
    """

    lead_ms: int = 0
    total_ms: int = 0


@attrs.frozen
class TurnReport:
    """The story of one turn. ``heard``, ``answer`` and ``spoken`` are speech: private unless the operator asks.

    ``marks`` are seconds from the turn's start (the first voiced frame), which was at ``started_monotonic_s`` on
    CLOCK_MONOTONIC; ``spoken`` is the part of the answer that was really played. ``error`` is for the operator.
    """

    turn_id: str
    guild_id: GuildId
    channel_id: ChannelId
    user_id: UserId
    outcome: Outcome
    heard: str
    answer: str
    spoken: str
    started_at: str
    started_monotonic_s: float
    marks: Mapping[str, float]
    parts: tuple[Part, ...]
    first_audio: Part | None
    error: str | None = None
    failed_stage: str | None = None
    turn_model: float | Literal["shed"] | None = None
    """How sure the turn model was that the speaker had finished; "shed": there was no time to ask it."""
    speculation: Literal["kept", "wasted"] | None = None
    """What became of the agent's having been asked before the turn was decided, if it was."""
    won_ms: float | None = None
    """By so much the answer came sooner for it."""

    trimmed: Trimmed = Trimmed()
    profile: str = ""
    """Who answered, if anybody did."""

    def to_json(self) -> dict[str, object]:
        """Return the record for the journal; ids are strings, since JavaScript loses 64-bit integers."""
        record = attrs.asdict(self)
        for key in ("guild_id", "channel_id", "user_id"):
            record[key] = str(record[key])
        return record
