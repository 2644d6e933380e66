"""What a recogniser heard, and the rules that need no model: where long speech is cut, what counts as nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from voxbridge.core.sound.pcm import HEARING_RATE_HZ

PIECE_MAX_S = 29.0  # Whisper sees 30 s, and the last second must be silence
_PIECE_MIN_S = 20.0
_BLOCK_SAMPLES = HEARING_RATE_HZ // 50  # 20 ms
_BLOCK_S = 0.02
_PAUSE_BLOCKS = 15  # 0.3 s: a pause at a comma lasts 0.16 to 0.29 s
_LONG_PAUSE_BLOCKS = 17  # 0.34 s: no word behind a shorter one was ever lost (of 480 sentences with pauses)
_QUIET_SHARE = 0.06  # 24 dB below the loudest blocks: breath and a fair microphone's noise

NO_SPEECH_LIMIT = 0.6
"""Whisper always says something; above this no-speech probability it made it up. Silence, noise and a click give
0.91 to 0.97, sentences 0.01 to 0.07, a single "Yes." up to 0.22."""

_TWICE_WORDS_MIN = 2
_TWICE_WORDS_PER_S = 5.5  # lively speech has 3 to 4; whoever says a phrase twice pauses between

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


def said_once(text: str, sound_s: float) -> str:
    """Return the text, or its first half if it is one phrase twice that nobody could say twice in that time.

    A short context makes Whisper begin again at the end: "That is 56." in 1.2 s was heard as "That is 56. That is 56."
    """
    words = re.findall(r"[^\W_]+", text.casefold())
    half = len(words) // 2
    if half < _TWICE_WORDS_MIN or words[:half] != words[half:]:
        return text
    spoken = sum(len(word) if word.isdecimal() else 1 for word in words)  # "56" is two words to say
    if spoken <= _TWICE_WORDS_PER_S * sound_s:
        return text
    second = list(re.finditer(r"[^\W_]+", text))[half].start()
    return text[:second].strip()


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


@attrs.frozen
class Pause:
    """A stretch of quiet with sound on both sides, in seconds from the beginning."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        """Return where to cut."""
        return (self.start + self.end) / 2


def inner_pauses(pcm: bytes) -> list[Pause]:
    """Return the pauses within speech that may look like its end. ``pcm`` is 16 kHz mono s16le.

    By loudness alone: where the noise is nearly as loud as the voice, none is found.
    """
    loud = _loud_blocks(pcm)
    if not len(loud):
        return []
    starts, ends = loud[:-1] + 1, loud[1:]
    return [
        Pause(int(start) * _BLOCK_S, int(end) * _BLOCK_S)
        for start, end in zip(starts, ends, strict=True)
        if end - start >= _LONG_PAUSE_BLOCKS
    ]


def _loud_blocks(pcm: bytes) -> npt.NDArray[np.intp]:
    """Return the numbers of the blocks of 20 ms that are no pause; a single click is none."""
    samples = np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.float32)
    blocks = samples[: len(samples) // _BLOCK_SAMPLES * _BLOCK_SAMPLES].reshape(-1, _BLOCK_SAMPLES)
    if not len(blocks):
        return np.zeros(0, np.intp)
    level = np.sqrt((blocks**2).mean(axis=1))
    is_loud = level > np.percentile(level, 95) * _QUIET_SHARE
    has_company = is_loud & (np.roll(is_loud, 1) | np.roll(is_loud, -1))
    return np.flatnonzero(has_company)


def repeats_end(text: str, more: str) -> bool:
    """Tell whether ``text`` ends with the words of ``more`` already."""
    said, again = (re.findall(r"[^\W_]+", each.casefold()) for each in (text, more))
    return bool(again) and said[-len(again) :] == again


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
