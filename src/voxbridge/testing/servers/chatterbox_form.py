"""What the simulated Chatterbox accepts, and the words in which it refuses.

Fields, ranges and bodies as seen on travisvn/chatterbox-tts-api a5f46612 (FastAPI and pydantic). A text that is too
long comes back whole in the answer, as it does from the real server: a client must not log it.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from voxbridge.testing.servers.http import Request

TEXT_CHARS_MAX = 3000
STRATEGIES = ("sentence", "paragraph", "fixed", "word")
QUALITIES = ("fast", "balanced", "high")
VOICE_FILE_ENDINGS = (".mp3", ".wav", ".flac", ".m4a", ".ogg")
_RANGES: dict[str, tuple[float, float]] = {
    "exaggeration": (0.25, 2.0),
    "cfg_weight": (0.0, 1.0),
    "temperature": (0.05, 5.0),
    "streaming_chunk_size": (50, 500),
}


@attrs.frozen
class SpeechFields:
    """A legal request for speech."""

    text: str
    voice: str
    chunk_chars: int
    is_sse: bool


@attrs.frozen
class Refusal:
    """A status and the JSON that goes with it."""

    status: int
    body: object


def read_fields(request: Request, *, is_form: bool) -> SpeechFields | Refusal:
    """Check a request for speech in the order the real server does: types and ranges, then its own rules."""
    fields = request.form() if is_form else _json_fields(request)
    missing = fields is None or fields.get("input") in (None, "")
    if missing or fields is None:
        return _invalid([{"type": "missing", "loc": ["body", "input"], "msg": "Field required", "input": None}])
    text = str(fields["input"])
    if len(text) > TEXT_CHARS_MAX:
        too_long: dict[str, object] = {
            "type": "string_too_long",
            "loc": ["body", "input"],
            "msg": f"String should have at most {TEXT_CHARS_MAX} characters",
            "input": text,
            "ctx": {"max_length": TEXT_CHARS_MAX},
        }
        return _invalid([too_long])
    wrong_numbers = [found for name in _RANGES if (found := _check_number(name, fields)) is not None]
    if wrong_numbers:
        return _invalid(wrong_numbers)
    return _check_words(fields) or SpeechFields(
        text=text.strip(),
        voice=str(fields.get("voice") or "alloy"),
        chunk_chars=int(float(str(fields.get("streaming_chunk_size") or 200))),
        is_sse=fields.get("stream_format") == "sse",
    )


def _json_fields(request: Request) -> Mapping[str, object] | None:
    try:
        value = request.json()
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _invalid(details: list[dict[str, object]]) -> Refusal:
    return Refusal(422, {"detail": details})


def _check_number(name: str, fields: Mapping[str, object]) -> dict[str, object] | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    low, high = _RANGES[name]
    where = {"loc": ["body", name], "input": value}
    try:
        number = float(str(value))
    except ValueError:
        return {"type": "float_parsing", "msg": "Input should be a valid number, unable to parse string", **where}
    if number < low:
        kind, word, context = "greater_than_equal", "greater", {"ge": low}
    elif number > high:
        kind, word, context = "less_than_equal", "less", {"le": high}
    else:
        return None
    bound = next(iter(context.values()))
    return {"type": kind, "msg": f"Input should be {word} than or equal to {bound:g}", "ctx": context, **where}


def _check_words(fields: Mapping[str, object]) -> Refusal | None:
    if not str(fields["input"]).strip():
        return error(400, "Input text cannot be empty", "invalid_request_error")
    for name, allowed in (("streaming_strategy", STRATEGIES), ("streaming_quality", QUALITIES)):
        value = fields.get(name)
        if value and value not in allowed:
            return error(400, f"{name} must be one of: {', '.join(allowed)}", "validation_error")
    file_name = str(fields.get("voice_file") or "")
    if file_name and not file_name.lower().endswith(VOICE_FILE_ENDINGS):
        words = f"Unsupported audio format. Supported formats: {', '.join(VOICE_FILE_ENDINGS)}"
        return error(400, words, "invalid_request_error")
    return None


def error(status: int, message: str, kind: str) -> Refusal:
    """Return a refusal in the OpenAI manner."""
    return Refusal(status, {"error": {"message": message, "type": kind}})
