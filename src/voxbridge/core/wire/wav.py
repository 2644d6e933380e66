"""RIFF/WAVE as a stream: sound comes out while the file is still being made.

Speech servers send a header whose sizes mean nothing (nobody knew how long the sentence would be), then samples
in pieces that end anywhere. Format facts: Microsoft's "Multimedia Programming Interface and Data Specifications
1.0" (RIFF, fmt, data) and "Multiple Channel Audio Data and WAVE Files" (the extensible format).

    WAITING FOR   bytes  then
    riff          12     chunk
    chunk         8      fmt | skip | data
    fmt           size   chunk
    skip          size   chunk, or behind
    data          size   behind
    behind        12     riff (another file) | skip (a chunk) | data (the size was a lie) | over

Behind the sound comes nothing, chunks that are not played, or the next file: some servers send one for each piece of
a sentence (Kokoro's). A size of zero with bytes behind it that are no chunk is the header that Python's ``wave``
writes into a pipe: the sound comes all the same.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from typing import Literal, assert_never

import attrs

from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm

_State = Literal["riff", "chunk", "fmt", "skip", "data", "behind", "over"]
_MAGIC = (b"RIFF", b"RF64")
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
        self.files = 0
        """How many files' sound has begun."""
        self.has_trailer = False
        """Something has come behind the sound that is no further file."""
        self._buffer = bytearray()
        self._state: _State = "riff"
        self._behind_skip: _State = "chunk"
        self._wanted: float = 12  # bytes until the state ends; infinite in a data chunk of unknown size
        self._skipped_bytes = 0
        self._riff_left = 0.0  # what the file's own size says there is to come
        self._has_fmt = False  # of this file
        self._is_sizeless = False  # the data chunk's size was zero
        self._has_pad = False  # its size was odd: a byte of padding follows, or should
        self._error: WavError | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether all sound that was announced is in; never true if no length was."""
        is_behind = self._state == "behind" or (self._state == "skip" and self._behind_skip == "behind")
        return self._state == "over" or (is_behind and not self._is_sizeless)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the samples that are complete now (s16le, mono), maybe none.

        Raises: WavError, and the same one for whatever comes after.
        """
        if self._error is not None:
            raise self._error
        self._buffer += data
        samples: list[bytes] = []
        while self._step(samples):
            pass
        return samples[0] if len(samples) == 1 else b"".join(samples)

    def finish(self) -> bytes:
        """Note that the stream ended; return the samples that might have been the head of a further file.

        A sample that never became whole is dropped. Raises: WavError if there was no complete header. A header without
        sound is a legal, silent WAV.
        """
        if self._error is not None:
            raise self._error
        if not self.has_data_chunk:
            raise WavError(f"the WAV ends in its header (waiting for the rest of its {self._state!r} part)")
        return self._samples(len(self._buffer)) if self._state == "data" else b""

    def _step(self, samples: list[bytes]) -> bool:
        """Take one part out of the buffer; False if it is not all there."""
        match self._state:
            case "data":
                samples.append(self._take_samples())
                return self._state != "data"
            case "behind":
                return self._look_behind()
            case "over":
                self._buffer.clear()
                return False
            case "skip":
                self._wanted -= len(self._cut(int(min(len(self._buffer), self._wanted))))
                if self._wanted:
                    return False
                self._state, self._wanted = self._behind_skip, 8
                return True
            case "riff" | "chunk" | "fmt":
                return self._walk_header()
            case _:
                assert_never(self._state)

    def _cut(self, size: int) -> bytes:
        part = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._riff_left -= size
        return part

    def _walk_header(self) -> bool:
        try:
            if len(self._buffer) < self._wanted:
                if self._state == "riff":
                    self._check_magic(bytes(self._buffer[:4]))  # do not wait for 12 bytes to refuse a web page
                return False
            part = self._cut(int(self._wanted))
            if self._state == "riff":
                self._read_riff(part)
            elif self._state == "chunk":
                self._read_chunk(part)
            else:
                self._read_fmt(part)
        except WavError as error:
            self._buffer.clear()
            if self.files:  # what was heard is sound; only the further file is none
                self._state, self.has_trailer = "over", True
                return True
            self._error = error
            raise
        return True

    def _look_behind(self) -> bool:
        """Tell by the next bytes what stands behind the sound."""
        if len(self._buffer) < 12:
            return False
        start = bytes(self._buffer[:12])
        if self._has_pad and not start[0]:
            self._cut(1)
            self._has_pad = False
            return True
        if start[:4] in _MAGIC and start[8:] == b"WAVE":
            self._state, self._has_fmt = "riff", False
            self._wanted = 12
            return True
        is_chunk = _is_chunk_name(start[:4])
        if self._is_sizeless and not (is_chunk and self._riff_left >= 8):
            self._state, self._wanted = "data", math.inf
            return True
        self.has_trailer = True
        size = 8 + int.from_bytes(start[4:8], "little")
        self._skipped_bytes += size
        if is_chunk and self._skipped_bytes <= _SKIPPED_BYTES_MAX:
            self._skip(size + size % 2, "behind")
        else:
            self._state = "over"
        return True

    def _skip(self, size: int, then: _State) -> None:
        self._state, self._wanted, self._behind_skip = "skip", size, then

    def _expect_chunk(self) -> None:
        self._state, self._wanted = "chunk", 8

    def _check_magic(self, start: bytes) -> None:
        if not any(magic.startswith(start) for magic in _MAGIC):
            raise WavError("not a WAV: it does not begin with RIFF")

    def _read_riff(self, part: bytes) -> None:
        self._check_magic(part[:4])
        if part[8:] != b"WAVE":
            raise WavError("a RIFF file, but not a WAVE one")
        size = int.from_bytes(part[4:8], "little")
        # A writer that filled both sizes in at the end, into a pipe, left them at zero.
        self._riff_left = size - 4 if 0 < size < _UNKNOWN_SIZE_MIN else math.inf
        self._expect_chunk()

    def _read_chunk(self, part: bytes) -> None:
        name, size = part[:4], int.from_bytes(part[4:], "little")
        if name == b"fmt ":
            if not 16 <= size <= _FMT_BYTES_MAX:
                raise WavError(f"a format chunk of {size} bytes (wanted 16 to {_FMT_BYTES_MAX})")
            self._state, self._wanted = "fmt", size + size % 2  # chunks are padded to an even size
        elif name == b"data":
            if not self._has_fmt:
                raise WavError("the sound comes before the format chunk")
            self.has_data_chunk = True
            self.files += 1
            is_unknown = size >= _UNKNOWN_SIZE_MIN or (size == 0 and math.isinf(self._riff_left))
            self._wanted = math.inf if is_unknown else size
            self._is_sizeless = size == 0 and not is_unknown
            self._has_pad = bool(size % 2)
            self._state = "behind" if self._is_sizeless else "data"
        else:
            self._skipped_bytes += 8 + size
            if self._skipped_bytes > _SKIPPED_BYTES_MAX:
                raise WavError(f"more than {_SKIPPED_BYTES_MAX} bytes of other chunks before the sound")
            self._skip(size + size % 2, "chunk")

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
        if self._has_fmt:
            raise WavError("a second format chunk")
        if self.format is not None and self.format.rate_hz != rate_hz:
            raise WavError(f"a further file at {rate_hz} Hz (the first has {self.format.rate_hz})")
        self.format, self._has_fmt = found, True
        self._expect_chunk()

    def _take_samples(self) -> bytes:
        assert self.format is not None
        if math.isinf(self._wanted):
            usable, is_next_file = _until_next_file(self._buffer)
            samples = self._samples(usable)
            if is_next_file:
                self._cut(usable % self.format.frame_bytes)
                self._state = "behind"
            return samples
        usable = int(min(len(self._buffer), self._wanted))
        samples = self._samples(usable)
        self._wanted -= usable - usable % self.format.frame_bytes
        if self._wanted < self.format.frame_bytes:  # what is left of the chunk can never become a sample
            rest = int(self._wanted)
            self._skip(rest, "behind")
        return samples

    def _samples(self, size: int) -> bytes:
        assert self.format is not None
        return to_s16_mono(self._cut(size - size % self.format.frame_bytes), self.format)


def _is_chunk_name(name: bytes) -> bool:
    """Tell whether four bytes can name a chunk: printable ASCII."""
    return all(0x20 <= byte < 0x7F for byte in name)


def _until_next_file(sound: bytearray) -> tuple[int, bool]:
    """Return how many bytes of sound there are before the head of a file, and whether it is one for certain.

    Sound of unknown length may be followed by a file, too. A head that is not all there is kept.
    """
    at = -1
    while (at := sound.find(b"RIFF", at + 1)) >= 0:
        if len(sound) < at + 12:
            return at, False
        if sound[at + 8 : at + 12] == b"WAVE":
            return at, True
    for size in (3, 2, 1):
        if sound.endswith(b"RIFF"[:size]):
            return len(sound) - size, False
    return len(sound), False


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
    samples = reader.feed(data) + reader.finish()
    assert reader.format is not None
    return Pcm(samples, reader.format.rate_hz)


def _header(riff_size: int, data_size: int, rate_hz: int, channels: int) -> bytes:
    frame_bytes = 2 * channels
    riff = struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE")
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM_TAG, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
    return riff + fmt + struct.pack("<4sI", b"data", data_size)
