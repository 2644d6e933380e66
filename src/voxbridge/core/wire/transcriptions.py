"""The answer of ``POST /v1/audio/transcriptions``: OpenAI's, and of servers that took it over.

``{"text": ...}``; with ``response_format=verbose_json`` also ``duration`` and ``segments`` with ``no_speech_prob`` and
``avg_logprob``.
"""

from __future__ import annotations

import math

import attrs

from voxbridge.core.wire.json_text import Malformed, parse_json


@attrs.frozen
class Heard:
    """What the server made of an utterance. The probabilities are of its segments, weighed by their length."""

    text: str
    duration_s: float | None = None
    no_speech: float | None = None
    confidence: float | None = None


def parse(body: bytes) -> Heard | Malformed:
    """Read the answer's body; ``Malformed.reason`` completes the sentence "the answer is ..."."""
    if not body.strip():
        return Malformed("empty")
    parsed = parse_json(body)
    if isinstance(parsed, Malformed):
        return parsed
    match parsed.value:
        case dict() as value if isinstance(text := value.get("text"), str):
            segments = value.get("segments")
            weighed = segments if isinstance(segments, list) else []
            log_probability = _mean(weighed, "avg_logprob")
            return Heard(
                text.strip(),
                duration_s=_number(value, "duration"),
                no_speech=_mean(weighed, "no_speech_prob"),
                confidence=None if log_probability is None else min(1.0, math.exp(min(0.0, log_probability))),
            )
    return Malformed("JSON without a text")


def _mean(segments: list[object], key: str) -> float | None:
    total = weight = 0.0
    for segment in segments:
        if not isinstance(segment, dict):
            continue
        value, start, end = (_number(segment, name) for name in (key, "start", "end"))
        if value is None or start is None or end is None or end <= start:
            continue
        total += value * (end - start)
        weight += end - start
    mean = total / weight if weight else math.nan
    return mean if math.isfinite(mean) else None


def _number(value: dict[str, object], key: str) -> float | None:
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return float(found)
