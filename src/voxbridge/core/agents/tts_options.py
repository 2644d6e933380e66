"""How one answer is to be spoken: the ``X-TTS-Options`` header that a workflow may set beside its answer.

The early VoxBridge took a JSON object with the keys of its speech server. Those that Chatterbox knows are used, within
its ranges; the others (speed, formats, chunk sizes) are named to the operator and change nothing.
"""

from __future__ import annotations

import math
import re

import attrs

from voxbridge.core.wire.json_text import json_value

HEADER = "x-tts-options"
_HEADER_CHARS_MAX = 4096
_VOICE = re.compile(r"[^\x00-\x1f\x7f/\\]{1,64}")
_AUDIO_FILE = re.compile(r"(?i)\.(wav|mp3|flac|m4a|ogg)\Z")
_NAME = re.compile(r"[A-Za-z_]\w{0,30}\Z")
_NAMES_MAX = 12
RANGES = {"exaggeration": (0.25, 2.0), "cfg_weight": (0.0, 1.0), "temperature": (0.05, 5.0)}
"""What the Chatterbox server takes; beyond it answers 422 (travisvn/chatterbox-tts-api)."""
CHUNK_CHARS = (50, 500)
"""The same server's range for ``streaming_chunk_size``."""
_SPELLINGS = {"cfgWeight": "cfg_weight"}


@attrs.frozen
class TtsOptions:
    """What an answer asks of its voice; None leaves it as configured. Ranges as in [tts]."""

    voice: str | None = None
    exaggeration: float | None = None
    cfg_weight: float | None = None
    temperature: float | None = None


@attrs.frozen
class ParsedOptions:
    """The options, and the names of the fields that were ``clamped`` into their range or ``ignored``."""

    options: TtsOptions
    clamped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def parse_tts_options(header: str) -> ParsedOptions:
    """Read the header; whatever is wrong with it, the answer is spoken."""
    value = json_value(header) if len(header) <= _HEADER_CHARS_MAX else None
    if not isinstance(value, dict):
        return ParsedOptions(TtsOptions(), ignored=("the whole header",))
    numbers: dict[str, float] = {}
    clamped: list[str] = []
    used = {"voiceMode"}
    for key, given in value.items():
        name = _SPELLINGS.get(key, key)
        number = _number(given)
        if name not in RANGES or number is None:
            continue
        low, high = RANGES[name]
        numbers[name] = min(max(number, low), high)
        used.add(key)
        if numbers[name] != number:
            clamped.append(key)
    voice, voice_key = _voice(value)
    used.add(voice_key)
    ignored = [key for key in value if key not in used and _NAME.match(key)]
    return ParsedOptions(TtsOptions(voice=voice, **numbers), tuple(clamped), tuple(ignored[:_NAMES_MAX]))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _voice(value: dict[str, object]) -> tuple[str | None, str]:
    """Return the voice's name and its key. With ``voiceMode`` clone it is the reference sound, known by its name."""
    keys: tuple[str, ...] = ("voice", "predefinedVoiceId")
    if value.get("voiceMode", "clone") == "clone":
        keys = ("referenceAudioFilename", *keys) if "voiceMode" in value else (*keys, "referenceAudioFilename")
    for key in keys:
        name = value.get(key)
        if isinstance(name, str) and _VOICE.fullmatch(name.strip()):
            name = name.strip()
            return (_AUDIO_FILE.sub("", name) if key == "referenceAudioFilename" else name), key
    return None, ""
