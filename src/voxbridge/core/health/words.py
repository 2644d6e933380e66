"""How the stages are, in sentences for people in a channel: nothing secret, no address, no error text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from voxbridge.core.health.backend import BackendStatus, StageName
from voxbridge.core.health.slowness import Slow

STAGES: tuple[tuple[StageName, str, str], ...] = (
    ("stt", "Speech recognition", "to the words after you have finished"),
    ("agent", "The agent", "to its first word"),
    ("tts", "Speech synthesis", "to its first sound"),
)


def health_text(backends: Sequence[BackendStatus], slow: Iterable[Slow], now: float) -> str:
    """Return what is down, failing, stood in for, or slow, a sentence each; if nothing is, that all is well."""
    slow_of = {each.stage: each for each in slow}
    told = []
    for stage, name, wait in STAGES:
        own = [backend for backend in backends if backend.stage == stage]
        if sentence := _trouble(name, own, now):
            told.append(sentence)
        elif stage in slow_of:
            took = slow_of[stage]
            told.append(f"{name} is slow: {_seconds(took.ms)} {wait}, where {_seconds(took.target_ms)} is the aim.")
    if told:
        return " ".join(told)
    if any(backend.state == "unknown" for backend in backends):
        return "Not all servers have been asked yet how they are."
    return "All servers are well."


def _trouble(name: str, backends: Sequence[BackendStatus], now: float) -> str:
    troubled = [backend for backend in backends if backend.state in ("failing", "down")]
    if not troubled or troubled[0].number != 0:
        return ""  # a backup that is down is missed by nobody yet
    first = troubled[0]
    state = "is down" if first.state == "down" else "does not do its work"
    sentence = f"{name} ({first.kind}) {state}, for {span(now - first.since)}"
    spare = next((backend for backend in backends if backend not in troubled), None)
    return f"{sentence}; a backup ({spare.kind}) stands in." if spare else f"{sentence}."


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.1f} s"


def span(seconds: float) -> str:
    """Return a length of time as people say it."""
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return f"{hours:.0f} hours"
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} seconds"
