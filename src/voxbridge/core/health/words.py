"""How the stages are, in sentences for people in a channel: nothing secret, no address, no error text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from voxbridge.core.health.backend import BackendStatus, StageName
from voxbridge.core.health.slowness import Slow
from voxbridge.core.messages.catalogue import Line, line

STAGES: tuple[StageName, ...] = ("stt", "agent", "tts")


def health_lines(backends: Sequence[BackendStatus], slow: Iterable[Slow], now: float) -> tuple[Line, ...]:
    """Return what is down, failing, stood in for, or slow, a sentence each; if nothing is, that all is well."""
    slow_of = {each.stage: each for each in slow}
    told = []
    for stage in STAGES:
        here = [backend for backend in backends if backend.stage == stage]
        profiles = dict.fromkeys(backend.profile for backend in here)
        troubles = [_trouble(stage, [one for one in here if one.profile == profile], now) for profile in profiles]
        if troubled := [trouble for trouble in troubles if trouble is not None]:
            told.extend(troubled)
        elif stage in slow_of:
            took = slow_of[stage]
            told.append(line(f"slow_{stage}", took=_seconds(took.ms), target=_seconds(took.target_ms)))
    if told:
        return tuple(told)
    if any(backend.state == "unknown" for backend in backends):
        return (line("not_all_asked"),)
    return (line("all_well"),)


def _trouble(stage: StageName, backends: Sequence[BackendStatus], now: float) -> Line | None:
    troubled = [backend for backend in backends if backend.state in ("failing", "down")]
    if not troubled or troubled[0].number != 0:
        return None  # a backup that is down is missed by nobody yet
    first = troubled[0]
    key = f"stage_{first.state}"
    facts = {"stage": line(f"stage_{stage}"), "kind": first.name, "span": span(now - first.since)}
    spare = next((backend for backend in backends if backend not in troubled), None)
    return line(f"{key}_backup", **facts, backup=spare.name) if spare else line(key, **facts)


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.1f}"


def span(seconds: float) -> Line:
    """Return a length of time as people say it."""
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return line("span_hours", count=round(hours))
    return line("span_minutes", count=round(minutes)) if minutes >= 2 else line("span_seconds", count=round(seconds))
