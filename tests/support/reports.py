"""A turn's report as it is told, for tests of those who are told."""

from __future__ import annotations

from typing import Any

import attrs

from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.turns.timeline import Timeline
from voxbridge.session.report import TurnReport
from voxbridge.session.rules import budgets_ms

# Seconds of Trio's clock; each part of the turn is another power of two in ms, so that a mix-up shows.
MARKS = {
    "speech_start": 100.0,
    "speech_end": 101.0,
    "turn_decided": 101.512,
    "stt_final": 101.768,
    "agent_request": 101.784,
    "agent_first_text": 102.296,
    "tts_request": 102.298,
    "tts_first_pcm": 102.362,
    "first_audio": 102.363,
    "last_audio": 104.0,
    "ended": 104.1,
}


def make_report(settings: Settings | None = None, marks: dict[str, float] | None = None, **changes: Any) -> TurnReport:
    """Make the report of a turn with these marks."""
    settings = settings or Settings()
    timeline = Timeline("turn-1", 100.0)
    for name, at in (MARKS if marks is None else marks).items():
        timeline.mark(name, at)
    report = TurnReport(
        turn_id="turn-1",
        guild_id=GuildId(900_000_000_000_000_001),
        channel_id=ChannelId(900_000_000_000_000_002),
        user_id=UserId(900_000_000_000_000_003),
        outcome="answered",
        heard="what is it",
        answer="It is “so”.",
        spoken="It is “so”.",
        started_at="2026-11-25T10:00:00.000+00:00",
        started_monotonic_s=12.5,
        marks=timeline.marks,
        parts=tuple(timeline.parts(budgets_ms(settings))),
        first_audio=timeline.first_audio(settings.turn.first_audio_target_ms),
    )
    return attrs.evolve(report, **changes)
