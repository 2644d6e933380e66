"""RIFF/WAVE as a stream: sound comes out while the file is still being made.

Speech servers send a header whose sizes mean nothing (nobody knew how long the sentence would be), then samples
in pieces that end anywhere. Format facts: Microsoft's "Multimedia Programming Interface and Data Specifications
1.0" (RIFF, fmt, data) and "Multiple Channel Audio Data and WAVE Files" (the extensible format).

    WAITING FOR   bytes  then
    riff          12     chunk
    chunk         8      fmt | skip | data
    fmt           size   chunk
    skip          size   chunk
    data          size   over (chunks behind the sound are not played)
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from typing import Literal

import attrs

from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm

PCM_TAG = 1
FLOAT_TAG = 3
EXTENSIBLE_TAG = 0xFFFE
# The tail that every "this is really format N" GUID of the extensible format shares.
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")

UNKNOWN_SIZE = 0xFFFFFFFF
# Who cannot know a size writes -1, or the largest signed number less some header (Chatterbox, sox). Two gigabytes
# are twelve hours of speech, so nobody means it.
_UNKNOWN_SIZE_MIN = 0x7FFF0000

_FMT_BYTES_MAX = 4096  # the largest real one, extensible, has 40
_SKIPPED_BYTES_MAX = 1 << 20  # more than a cover picture in front of the sound is no speech server
_RATE_HZ_MIN, _RATE_HZ_MAX = 4_000, 192_000
_BITS: dict[str, tuple[int, ...]] = {"int": (8, 16, 24, 32), "float": (32, 64)}

_UNSIGNED_TO_HIGH_BYTE = bytes(value ^ 0x80 for value in range(256))


class WavError(ValueError):
    """The bytes are no WAV, or one in a format that is not read. The text quotes numbers, never content."""


@attrs.frozen
class WavFormat:
    """How the samples are stored in the file. ``bits`` is the size of one sample, 8-bit ones are unsigned."""

    encoding: Literal["int", "float"]
    rate_hz: int
    channels: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        """Return the bytes of one sample of all channels."""
        return self.channels * self.bits // 8


class WavReader:
    """Take the bytes of one WAV in pieces of any size and give its sound as s16le mono at the file's own rate.

    ``format`` is None until the format chunk is in. Mono 16-bit sound, which is what speech servers stream, is
    passed on without touching a sample.
    """

    def __init__(self) -> None:
        self.format: WavFormat | None = None
        self.has_data_chunk = False
        """The header is complete: what follows is sound. It may also be none."""
        self._buffer = bytearray()
        self._state: Literal["riff", "chunk", "fmt", "skip", "data", "over"] = "riff"
        self._wanted: float = 12  # bytes until the state ends; infinite in a data chunk of unknown size
        self._skipped_bytes = 0
        self._has_zero_riff_size = False
        self._error: WavError | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether all sound that the header announced is in; never true if it announced no length."""
        return self._state == "over"

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the samples that are complete now (s16le, mono), maybe none.

        Raises: WavError, and the same one for whatever comes after.
        """
        if self._error is not None:
            raise self._error
        self._buffer += data
        try:
            self._walk_header()
        except WavError as error:
            self._error = error
            self._buffer.clear()
            raise
        return self._take_samples() if self._state == "data" else b""

    def finish(self) -> None:
        """Note that the stream ended. A sample that never became whole is dropped.

        Raises: WavError if there was no complete header. A header without sound is a legal, silent WAV.
        """
        if self._error is not None:
            raise self._error
        if not self.has_data_chunk:
            raise WavError(f"the WAV ends in its header (waiting for the rest of its {self._state!r} part)")

    def _walk_header(self) -> None:
        while self._state not in ("data", "over"):
            if self._state == "skip":
                gone = int(min(len(self._buffer), self._wanted))
                del self._buffer[:gone]
                self._wanted -= gone
                if self._wanted:
                    return
                self._expect_chunk()
                continue
            if len(self._buffer) < self._wanted:
                if self._state == "riff":
                    self._check_magic(bytes(self._buffer[:4]))  # do not wait for 12 bytes to refuse a web page
                return
            part = bytes(self._buffer[: int(self._wanted)])
            del self._buffer[: int(self._wanted)]
            match self._state:
                case "riff":
                    self._read_riff(part)
                case "chunk":
                    self._read_chunk(part)
                case _:
                    self._read_fmt(part)
        if self._state == "over":
            self._buffer.clear()

    def _expect_chunk(self) -> None:
        self._state, self._wanted = "chunk", 8

    def _check_magic(self, start: bytes) -> None:
        if not (b"RIFF".startswith(start) or b"RF64".startswith(start)):
            raise WavError("not a WAV: it does not begin with RIFF")

    def _read_riff(self, part: bytes) -> None:
        self._check_magic(part[:4])
        if part[8:] != b"WAVE":
            raise WavError("a RIFF file, but not a WAVE one")
        self._has_zero_riff_size = part[4:8] == b"\0\0\0\0"
        self._expect_chunk()

    def _read_chunk(self, part: bytes) -> None:
        name, size = part[:4], int.from_bytes(part[4:], "little")
        if name == b"fmt ":
            if not 16 <= size <= _FMT_BYTES_MAX:
                raise WavError(f"a format chunk of {size} bytes (wanted 16 to {_FMT_BYTES_MAX})")
            self._state, self._wanted = "fmt", size + size % 2  # chunks are padded to an even size
        elif name == b"data":
            if self.format is None:
                raise WavError("the sound comes before the format chunk")
            self.has_data_chunk = True
            # A writer that filled both sizes in at the end, into a pipe, left them at zero.
            is_unknown = size >= _UNKNOWN_SIZE_MIN or (size == 0 and self._has_zero_riff_size)
            self._wanted = math.inf if is_unknown else size
            self._state = "data" if self._wanted else "over"
        else:
            self._skipped_bytes += 8 + size
            if self._skipped_bytes > _SKIPPED_BYTES_MAX:
                raise WavError(f"more than {_SKIPPED_BYTES_MAX} bytes of other chunks before the sound")
            self._state, self._wanted = "skip", size + size % 2

    def _read_fmt(self, part: bytes) -> None:
        tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", part)
        if tag == EXTENSIBLE_TAG:
            if len(part) < 40 or part[26:40] != _SUBFORMAT_TAIL:
                raise WavError("an extensible format that is neither integers nor floats")
            tag = int.from_bytes(part[24:26], "little")
        if tag not in (PCM_TAG, FLOAT_TAG):
            raise WavError(f"sound in format {tag} (read are 1 = integers and 3 = floats)")
        found = WavFormat("int" if tag == PCM_TAG else "float", rate_hz, channels, bits)
        if bits not in _BITS[found.encoding]:
            raise WavError(f"{found.encoding} samples of {bits} bits (read are {_BITS[found.encoding]})")
        if channels not in (1, 2):
            raise WavError(f"{channels} channels (read are 1 and 2)")
        if not _RATE_HZ_MIN <= rate_hz <= _RATE_HZ_MAX:
            raise WavError(f"a rate of {rate_hz} Hz (read are {_RATE_HZ_MIN} to {_RATE_HZ_MAX})")
        if frame_bytes != found.frame_bytes:
            raise WavError(f"frames of {frame_bytes} bytes, but {channels} x {bits} bits need {found.frame_bytes}")
        if self.format is not None:
            raise WavError("a second format chunk")
        self.format = found
        self._expect_chunk()

    def _take_samples(self) -> bytes:
        assert self.format is not None
        usable = int(min(len(self._buffer), self._wanted))
        whole = usable - usable % self.format.frame_bytes
        stored = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        self._wanted -= whole
        if self._wanted < self.format.frame_bytes:  # what is left of the chunk can never become a sample
            self._state = "over"
            self._buffer.clear()
        return to_s16_mono(stored, self.format)


def to_s16_mono(stored: bytes, form: WavFormat) -> bytes:
    """Convert whole frames as stored in a WAV to s16le mono. Stereo is averaged, floats are clipped to full scale."""
    if form.encoding == "float":
        samples = _floats_to_s16(stored, form.bits)
    elif form.bits == 16:
        samples = stored
    else:
        # The two most significant bytes of each sample; the rest is below the noise of any speech.
        step = form.bits // 8
        joined = bytearray(len(stored) // step * 2)
        if step == 1:
            joined[1::2] = stored.translate(_UNSIGNED_TO_HIGH_BYTE)
        else:
            joined[0::2], joined[1::2] = stored[step - 2 :: step], stored[step - 1 :: step]
        samples = bytes(joined)
    return samples if form.channels == 1 else _mix(samples)


def _floats_to_s16(stored: bytes, bits: int) -> bytes:
    floats = array("f" if bits == 32 else "d", stored)
    _swap_on_big_endian(floats)
    # A NaN is silence, not an error; an infinity is clipped like any other value.
    values = array("h", [0 if math.isnan(value) else int(32767 * max(-1.0, min(1.0, value))) for value in floats])
    _swap_on_big_endian(values)
    return values.tobytes()


def _mix(samples: bytes) -> bytes:
    both = array("h", samples)
    _swap_on_big_endian(both)
    mono = array("h", [(left + right) >> 1 for left, right in zip(both[0::2], both[1::2], strict=True)])
    _swap_on_big_endian(mono)
    return mono.tobytes()


def _swap_on_big_endian(values: array[int] | array[float]) -> None:
    if sys.byteorder == "big":
        values.byteswap()


def streaming_header(rate_hz: int = SPEECH_RATE_HZ, channels: int = 1) -> bytes:
    """Return the 44-byte header of a 16-bit WAV whose length nobody knows yet.

    With the defaults it is, byte for byte, the one Chatterbox streams (travisvn/chatterbox-tts-api, seen):
    RIFF size 0x7FFFFFDB, data size 0xFFFFFFFF.
    """
    return _header(0x7FFFFFDB, UNKNOWN_SIZE, rate_hz, channels)


def encode_wav(pcm: Pcm) -> bytes:
    """Return a whole 16-bit WAV file."""
    size = len(pcm.data)
    return _header(36 + size, size, pcm.rate_hz, pcm.channels) + pcm.data


def decode_wav(data: bytes) -> Pcm:
    """Return the sound of a whole WAV file as s16le mono at its own rate. Raises: WavError."""
    reader = WavReader()
    samples = reader.feed(data)
    reader.finish()
    assert reader.format is not None
    return Pcm(samples, reader.format.rate_hz)


def _header(riff_size: int, data_size: int, rate_hz: int, channels: int) -> bytes:
    frame_bytes = 2 * channels
    riff = struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE")
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM_TAG, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
    return riff + fmt + struct.pack("<4sI", b"data", data_size)
