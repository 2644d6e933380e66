"""A turn's parts drawn for a terminal, one under the other as they followed each other in time."""

from __future__ import annotations

from typing import Any


def waterfall(parts: list[dict[str, Any]], width: int = 40) -> list[str]:
    """Draw a turn's parts, one line each, against their budgets: the last row is the whole."""
    stages = [part for part in parts if part["name"] != "first_audio"]
    whole_ms = sum(part["ms"] for part in stages) or 1.0
    rows, at_ms = [], 0.0
    for part in stages:
        begin, end = (round(ms / whole_ms * width) for ms in (at_ms, at_ms + part["ms"]))
        bar = " " * begin + "█" * max(end - begin, 1 if part["ms"] > 0 else 0)
        rows.append(f"{part['name']:<12}{bar:<{width + 1}} {_figures(part)}")
        at_ms += part["ms"]
    rows += [f"{part['name']:<12}{'':<{width + 1}} {_figures(part)}" for part in parts if part not in stages]
    return rows


def _figures(part: dict[str, Any]) -> str:
    budget = "" if part["budget_ms"] is None else f" of {part['budget_ms']:.0f} ms"
    verdict = "" if part["verdict"] == "-" else f"  {part['verdict']}"
    return f"{part['ms']:6.0f} ms{budget}{verdict}"
