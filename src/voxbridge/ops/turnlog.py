"""One log line per turn, which tells its whole story in figures."""

from __future__ import annotations

import structlog

from voxbridge.session.report import TurnReport

_log = structlog.get_logger(__name__)


def log_turn(report: TurnReport) -> None:
    """Write the line. Speech goes into fields with a ``pii`` segment, which are redacted unless asked for."""
    fields: dict[str, object] = {f"{part.name}_ms": round(part.ms, 1) for part in report.parts}
    if report.first_audio is not None:
        fields["first_audio_ms"] = round(report.first_audio.ms, 1)
    if report.trimmed.total_ms:
        fields["silence_trimmed_ms"] = report.trimmed.total_ms
        fields["lead_trimmed_ms"] = report.trimmed.lead_ms
    late = [part.name for part in report.parts if part.verdict == "late"]
    if late:
        fields["late"] = late
    if report.error is not None:
        fields["error"] = report.error
    write = _log.warning if report.outcome in ("failed", "timed-out") else _log.info
    write(
        "turn",
        turn=report.turn_id,
        guild=str(report.guild_id),
        speaker=str(report.user_id),
        outcome=report.outcome,
        pii_heard=report.heard,
        pii_answer=report.answer,
        **fields,
    )
