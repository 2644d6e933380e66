"""What kind of sound a body is: its first bytes decide, then its label, then what was asked for.

Speech servers answer with what they like: travisvn/chatterbox-tts-api answers a request for mp3 with a WAV of floats
(seen), proxies answer 200 with a page. Nothing that is text may reach a loudspeaker, where it would be noise.

    first bytes    RIFF RF64 | OggS | fLaC | ID3         that kind, whatever the label says
                   text                                  no sound
    then the label audio/mpeg audio/wav audio/pcm ...    that kind, if the bytes can be it
    then the wish  pcm                                   pcm; all other kinds would have been recognised
"""

from __future__ import annotations

import re
from typing import Literal

SoundKind = Literal["wav", "pcm", "mp3", "flac", "ogg", "aac"]

SNIFFED_BYTES = 64
"""How many bytes ``sound_kind`` wants to see, unless the body is shorter."""

_MAGIC: tuple[tuple[bytes, SoundKind], ...] = (
    (b"RIFF", "wav"),
    (b"RF64", "wav"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
)
_LABELS: dict[str, SoundKind] = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/aac": "aac",
    "audio/aacp": "aac",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/pcm": "pcm",
    "audio/l16": "pcm",
    "audio/raw": "pcm",
}
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream"})
# Silence begins with zeros, speech with small numbers of either sign: so many printable bytes in a row are words.
_TEXT = re.compile(rb"\s*(?:[<{\[\"]\s*[!-~\s][\s!-~]*|[\s!-~]{32,})", re.DOTALL)
_SHORT_TEXT = re.compile(rb"[\s!-~]+")  # of a body so short that it would be a millisecond of sound
_RATE = re.compile(r";\s*rate=(\d{4,6})\b", re.IGNORECASE)


class NotSoundError(ValueError):
    """The body cannot be played. The text says what it is, and quotes nothing of it."""


def sound_kind(start: bytes, content_type: str, asked: str) -> SoundKind:
    """Return what a body is that begins with ``start`` (``SNIFFED_BYTES`` of it, or all).

    Raises: NotSoundError.
    """
    label = content_type.partition(";")[0].strip().lower()
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if label.startswith("text/") or label.endswith(("json", "xml", "html")) or _is_text(start):
        raise NotSoundError("the answer is text, not sound")
    if not (label.startswith("audio/") or label in _UNTOLD):
        raise NotSoundError("the answer's content type says that it is not sound")
    labelled = _LABELS.get(label)
    if labelled == "pcm" or (labelled is None and asked == "pcm"):
        return "pcm"
    frame = _frame_kind(start)
    if frame is not None and labelled in (None, frame):
        return frame
    raise NotSoundError(f"the answer does not begin as {labelled or asked} does")


def _is_text(start: bytes) -> bool:
    # what _TEXT finds in so few bytes, _SHORT_TEXT finds as well
    return (_SHORT_TEXT if len(start) < SNIFFED_BYTES else _TEXT).fullmatch(start) is not None


def _frame_kind(start: bytes) -> SoundKind | None:
    """Tell the two kinds whose files may begin with a frame: ISO 11172-3 (MPEG audio) and 13818-7 (ADTS)."""
    if len(start) < 4 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:
        return None
    if start[1] & 0xF6 == 0xF0:  # 12 bits of sync, then layer 0: ADTS
        return "aac"
    has_layer, has_bitrate, has_rate = start[1] & 0x06, start[2] & 0xF0 != 0xF0, start[2] & 0x0C != 0x0C
    return "mp3" if has_layer and has_bitrate and has_rate else None


def labelled_rate_hz(content_type: str) -> int | None:
    """Return the rate that a label such as ``audio/pcm;rate=24000`` names."""
    found = _RATE.search(content_type)
    return int(found[1]) if found else None
