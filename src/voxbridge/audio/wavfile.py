"""WAV files on disk: what a person has recorded, what a rehearsal writes. The format itself is in ``core.wav``."""

from __future__ import annotations

import os
from pathlib import Path

from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.wav import WavError, decode_wav, encode_wav
from voxbridge.errors import SoundFileError


def read_wav(path: str | os.PathLike[str]) -> Pcm:
    """Read a WAV file as mono s16le sound at its own rate; stereo is folded by its mean.

    Takes integer samples of 8, 16, 24 and 32 bits and float samples of 32 and 64 bits, loud ones clipped.

    Raises: SoundFileError when the file is no WAV file or of another kind; OSError when it cannot be read.
    """
    try:
        return decode_wav(Path(path).read_bytes())
    except WavError as error:
        raise SoundFileError(path, str(error)) from error


def write_wav(path: str | os.PathLike[str], sound: Pcm) -> None:
    """Write sound as a 16-bit WAV file. Raises: OSError."""
    Path(path).write_bytes(encode_wav(sound))
