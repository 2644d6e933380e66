"""One measure: samples, percentiles, and the target they are held against."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

# name -> percentile -> ceiling in ms
TARGETS: dict[str, dict[str, float]] = {
    "bridge_overhead_ms": {"p50": 8, "p95": 15},
    "barge_in_ms": {"p99": 20},
    "duck_onset_ms": {"p95": 120},
    "barge_in_onset_to_silence_ms": {"p95": 300},
    "simulated_stt_final_ms": {"p95": 400},
    "simulated_agent_first_text_ms": {"p95": 500},
    "simulated_tts_first_byte_ms": {"p95": 50},
    "simulated_tts_first_pcm_ms": {"p95": 200},
    "simulated_tts_sentence_ms": {"p95": 200},
    "simulated_first_audio_ms": {"p95": 850},
    "simulated_speech_end_to_audio_ms": {"p95": 1000},
    "embedded_stt_final_ms": {"p50": 250},
    "embedded_agent_first_text_ms": {"p95": 500},
    "embedded_tts_first_byte_ms": {"p95": 50},
    "embedded_tts_first_pcm_ms": {"p95": 200},
    "embedded_tts_sentence_ms": {"p50": 100},
    "embedded_first_audio_ms": {"p50": 450},
}


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least ``share`` of all samples do not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@attrs.frozen
class Measure:
    """A row of the table, in ms."""

    name: str
    n: int
    p50: float
    p95: float
    p99: float
    unit: str
    target: str
    ok: bool

    @classmethod
    def of(cls, name: str, samples: Sequence[float]) -> Measure:
        """Make the row of ``samples``."""
        found = {key: percentile(samples, share) for key, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        targets = TARGETS.get(name, {})
        return cls(
            name=name,
            n=len(samples),
            **{key: round(value, 2) for key, value in found.items()},
            unit="ms",
            target=", ".join(f"{key} <= {value:g}" for key, value in targets.items()),
            ok=all(found[key] <= value for key, value in targets.items()),
        )


def host() -> dict[str, Any]:
    """Describe the machine and its load now."""
    model = next(
        (
            row.partition(":")[2].strip()
            for row in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in row
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "load_1m_5m_15m": [round(load, 2) for load in os.getloadavg()],
    }


def table(measures: Sequence[Measure], machine: Mapping[str, Any]) -> str:
    """Lay the rows out for a terminal."""
    head = ("measure", "n", "p50", "p95", "p99", "unit", "target", "verdict")
    rows = [
        (m.name, str(m.n), f"{m.p50:.1f}", f"{m.p95:.1f}", f"{m.p99:.1f}", m.unit, m.target or "-", verdict(m))
        for m in measures
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    lines.insert(1, "  ".join("-" * width for width in widths))
    about = f"{machine['cores']} cores, {machine['cpu']}, Python {machine['python']}"
    loads = f"load before {machine['load_before']}, after {machine['load_1m_5m_15m']} (1, 5, 15 min)"
    return "\n".join([*lines, "", about, loads])


def verdict(measure: Measure) -> str:
    """Return the last column."""
    if not measure.target:
        return "-"
    return "ok" if measure.ok else "MISSED"
