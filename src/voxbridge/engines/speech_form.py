"""The form of a speech request and what is wrong with it, in the words of the real Chatterbox server.

Seen on the wire with travisvn/chatterbox-tts-api 2.1.0: a FastAPI form, so wrong numbers are 422 with a list of
problems, a blank text or an unknown strategy 400 with an ``error`` object. Unlike the real server we do not send a
text that is too long back, since such answers end in logs.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from voxbridge.core.agents.tts_options import CHUNK_CHARS, RANGES

TEXT_CHARS_MAX = 3000
STRATEGIES = ("sentence", "paragraph", "fixed", "word")
QUALITIES = ("fast", "balanced", "high")

_RANGES: dict[str, tuple[float, float]] = {**RANGES, "streaming_chunk_size": CHUNK_CHARS}
# Pydantic's name and wording for each comparison.
_TOO_LARGE = ("less_than_equal", "le", "Input should be less than or equal to")
_TOO_SMALL = ("greater_than_equal", "ge", "Input should be greater than or equal to")


@attrs.frozen
class Refusal:
    """An answer that says no: an HTTP status and its JSON body."""

    status: int
    body: Mapping[str, object]


def _problem(kind: str, field: str, message: str, value: object, **context: object) -> dict[str, object]:
    problem: dict[str, object] = {"type": kind, "loc": ["body", field], "msg": message, "input": value}
    return problem | ({"ctx": context} if context else {})


def _check_number(field: str, text: str) -> dict[str, object] | None:
    low, high = _RANGES[field]
    is_whole = isinstance(low, int)
    try:
        value = int(text) if is_whole else float(text)
    except ValueError:
        kind, noun = ("int_parsing", "integer") if is_whole else ("float_parsing", "number")
        return _problem(kind, field, f"Input should be a valid {noun}, unable to parse string as a {noun}", text)
    if not low <= value <= high:
        kind, name, words = _TOO_LARGE if value > high else _TOO_SMALL
        limit = high if value > high else low
        return _problem(kind, field, f"{words} {limit:g}", text, **{name: limit})
    return None


def _bad_choice(field: str, allowed: tuple[str, ...]) -> Refusal:
    message = f"{field} must be one of: {', '.join(allowed)}"
    return Refusal(400, {"error": {"message": message, "type": "validation_error"}})


def read_form(form: Mapping[str, str]) -> str | Refusal:
    """Return the text to say, or the refusal that the real server would give."""
    text = form.get("input", "")
    problems: list[dict[str, object]] = []
    if not text:
        problems.append(_problem("missing", "input", "Field required", None))
    elif len(text) > TEXT_CHARS_MAX:
        words = f"String should have at most {TEXT_CHARS_MAX} characters"
        problems.append(_problem("string_too_long", "input", words, None, max_length=TEXT_CHARS_MAX))
    found = (_check_number(field, form[field]) for field in _RANGES if form.get(field))
    problems += [problem for problem in found if problem is not None]
    if problems:
        return Refusal(422, {"detail": problems})
    if not text.strip():
        return Refusal(400, {"error": {"message": "Input text cannot be empty", "type": "invalid_request_error"}})
    if form.get("streaming_strategy", STRATEGIES[0]) not in STRATEGIES:
        return _bad_choice("streaming_strategy", STRATEGIES)
    if form.get("streaming_quality", QUALITIES[0]) not in QUALITIES:
        return _bad_choice("streaming_quality", QUALITIES)
    return text
