"""What a recogniser heard, and the rules that need no model: where long speech is cut, what counts as nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import numpy as np

from voxbridge.core.sound.pcm import HEARING_RATE_HZ

PIECE_MAX_S = 29.0  # Whisper sees 30 s, and the last second must be silence
_PIECE_MIN_S = 20.0
_BLOCK_SAMPLES = HEARING_RATE_HZ // 50  # 20 ms
_PAUSE_BLOCKS = 15  # 0.3 s: a pause at a comma lasts 0.16 to 0.29 s

NO_SPEECH_LIMIT = 0.6
"""Whisper always says something; above this no-speech probability it made it up. Silence, noise and a click give
0.91 to 0.97, sentences 0.01 to 0.07, a single "Yes." up to 0.22."""

# johnbuck/voxbridge's server drops a transcript of nothing but these; clients of the protocol rely on it.
_FILLERS = frozenset(
    [
        "hmm",
        "uhm",
        "uh",
        "um",
        "mm",
        "mmm",
        "hm",
        "cough",
        "sneeze",
        "sigh",
        "breath",
        "noise",
        "sound",
        "music",
        "static",
        "inaudible",
        "silence",
    ]
)


@attrs.frozen
class Heard:
    """The transcript of some sound. ``no_speech`` and ``confidence`` are probabilities; ``text`` may be empty."""

    text: str
    no_speech: float
    confidence: float
    duration_s: float


NOTHING = Heard(text="", no_speech=1.0, confidence=0.0, duration_s=0.0)


def without_fillers(text: str) -> str:
    """Return the text, or nothing if all of it is hesitation, a noise's name or single letters."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return "" if all((len(word) < 2 and not word.isdigit()) or word in _FILLERS for word in words) else text


def join(pieces: Sequence[Heard]) -> Heard:
    """Put the pieces of one utterance together; the likelihoods are weighted by the length of what was said."""
    said = [piece for piece in pieces if piece.text]
    weight = sum(piece.duration_s for piece in said)
    return Heard(
        text=" ".join(piece.text for piece in said),
        no_speech=min((piece.no_speech for piece in pieces), default=1.0),
        confidence=sum(piece.confidence * piece.duration_s for piece in said) / weight if weight else 0.0,
        duration_s=sum(piece.duration_s for piece in pieces),
    )


def find_cut(pcm: bytes) -> int | None:
    """Return where to cut speech that is too long for one piece, in bytes, or None while it fits.

    ``pcm`` is 16 kHz mono s16le. The cut lies in the middle of the quietest 0.3 s between 20 and 29 s, and depends
    on the first 29 s only: speech that goes on does not move it.
    """
    whole = int(PIECE_MAX_S * HEARING_RATE_HZ)
    if len(pcm) < 2 * whole:
        return None
    first = int(_PIECE_MIN_S * HEARING_RATE_HZ)
    samples = np.frombuffer(pcm[2 * first : 2 * whole], "<i2").astype(np.float64)
    energy = (samples[: len(samples) // _BLOCK_SAMPLES * _BLOCK_SAMPLES].reshape(-1, _BLOCK_SAMPLES) ** 2).mean(axis=1)
    quiet = int(np.argmin(np.convolve(energy, np.ones(_PAUSE_BLOCKS), "valid")))
    return 2 * (first + (quiet + _PAUSE_BLOCKS // 2) * _BLOCK_SAMPLES)
