"""WAV files that people have: any usual sample format, mono or stereo, any rate."""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from voxbridge.core.sound import Pcm
from voxbridge.errors import SoundFileError

_EXTENSIBLE = 0xFFFE  # mmreg.h; the kinds below are 1 = WAVE_FORMAT_PCM, 3 = WAVE_FORMAT_IEEE_FLOAT
_FULL_SCALE = 32768.0


@attrs.frozen
class _Format:
    tag: int
    channels: int
    rate_hz: int
    bits: int

    @classmethod
    def parse(cls, chunk: bytes) -> _Format | None:
        if len(chunk) < 16:
            return None
        tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
        if tag == _EXTENSIBLE and len(chunk) >= 26:
            (tag,) = struct.unpack_from("<H", chunk, 24)  # the first two bytes of the sub-format's GUID
        return cls(tag, channels, rate_hz, bits)

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk a RIFF file's chunks; a size that reaches past the end means "until the end" (a stream's header)."""
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        yield name, data[position : position + size]
        position += size + (size & 1)


def _samples(data: bytes, kind: _Format) -> npt.NDArray[np.float64] | None:
    """Return samples in units of one 16-bit step, or None when the format is none of the usual ones."""
    match kind.tag, kind.bits:
        case 1, 8:
            return (np.frombuffer(data, "u1").astype(np.float64) - 128) * 256
        case 1, 16:
            return np.frombuffer(data, "<i2").astype(np.float64)
        case 1, 24:
            # The sign lies in the third byte: each sample becomes the upper three bytes of a 32-bit one.
            wide = np.zeros((len(data) // 3, 4), "u1")
            wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
            return wide.view("<i4")[:, 0] / 65536
        case 1, 32:
            return np.frombuffer(data, "<i4") / 65536
        case 3, 32:
            return np.frombuffer(data, "<f4").astype(np.float64) * _FULL_SCALE
        case 3, 64:
            return np.frombuffer(data, "<f8") * _FULL_SCALE
        case _:
            return None


def read_wav(path: str | os.PathLike[str]) -> Pcm:
    """Read a WAV file as mono s16le sound at its own rate; the channels are folded by their mean.

    Takes integer samples of 8, 16, 24 and 32 bits and float samples of 32 and 64 bits, loud ones clipped.

    Raises: SoundFileError when the file is no WAV file or of another kind; OSError when it cannot be read.
    """
    data = Path(path).read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise SoundFileError(path, "is not a WAV file (it has no RIFF/WAVE header)")
    kind: _Format | None = None
    for name, chunk in _chunks(data):
        if name == b"fmt ":
            kind = _Format.parse(chunk)
        elif name == b"data":
            break
    else:
        raise SoundFileError(path, "is a WAV file without sound (it has no data chunk)")
    if kind is None or kind.channels < 1 or kind.rate_hz < 1 or kind.frame_bytes < 1:
        raise SoundFileError(path, "is a damaged WAV file (its fmt chunk is missing or makes no sense)")
    samples = _samples(chunk[: len(chunk) // kind.frame_bytes * kind.frame_bytes], kind)
    if samples is None:
        raise SoundFileError(path, f"holds WAV format {kind.tag:#06x} with {kind.bits} bits")
    mono = np.nan_to_num(samples.reshape(-1, kind.channels).mean(axis=1)).round()
    return Pcm(mono.clip(-32768, 32767).astype("<i2").tobytes(), kind.rate_hz)


def write_wav(path: str | os.PathLike[str], sound: Pcm) -> None:
    """Write sound as a 16-bit WAV file. Raises: OSError."""
    with wave.open(os.fspath(path), "wb") as file:
        file.setnchannels(sound.channels)
        file.setsampwidth(2)
        file.setframerate(sound.rate_hz)
        file.writeframes(sound.data)
