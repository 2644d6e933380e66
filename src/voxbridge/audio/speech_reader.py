"""The body of a speech server's answer, of whatever kind, as sound.

WAV, raw samples and Opus in Ogg come out while they come in. MP3, FLAC and Vorbis are decoded when the sentence is
complete, by libsndfile through the Python package soundfile (the extra ``compressed``): there is no well-kept decoder
that takes an MP3 in pieces and has wheels for both of our machines (miniaudio 1.71 has none for aarch64, PyAV's wheels
carry GPL codecs). AAC has no free decoder there at all.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Protocol

from voxbridge.audio.opus import Decoder, OpusError
from voxbridge.audio.quiet import without_chatter
from voxbridge.audio.resample import to_mono
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.wire.ogg import OggError, OggReader, OpusHead
from voxbridge.core.wire.sound_kind import SNIFFED_BYTES, NotSoundError, labelled_rate_hz, sound_kind
from voxbridge.core.wire.wav import WavError, WavReader

EXTRA = "compressed"
BODY_BYTES_MAX = 32 << 20
"""Of a sentence that is decoded as a whole: some ten minutes of FLAC."""
SOUND_S_MAX = 600
"""What a few bytes of FLAC may claim to be."""
_BLOCK_S = 0.5
_HEAD_BYTES_MAX = 1 << 20
"""Until the first packet of an Ogg stream, which tells the codec and is tiny, is in."""
LONG_BODY_BYTES = 64 << 10
"""From there on decoding takes over 5 ms (0.6 ms per second of MP3), which the 20 ms loop of the mouth would feel."""
_OPUS_TICKS_PER_S = 48_000  # of granule position and pre-skip, whatever the coder's rate (RFC 7845, section 4)


class DecoderMissingError(Exception):
    """The package that could decode this is not installed. The text says how to get it."""


class _Form(Protocol):
    """One kind of body. ``feed`` and ``finish`` raise ValueError."""

    @property
    def is_over(self) -> bool: ...

    @property
    def kept_bytes(self) -> int: ...

    def feed(self, data: bytes) -> Pcm | None: ...

    def finish(self) -> Iterator[Pcm]: ...


class SpeechReader:
    """Take a body in pieces of any size and give its sound: s16le, mono, at its own rate.

    ``content_type`` is the answer's label, ``asked`` the format that was asked for, ``pcm_rate_hz`` the rate of raw
    samples if the label does not name it.
    """

    def __init__(self, *, content_type: str = "", asked: str = "wav", pcm_rate_hz: int = SPEECH_RATE_HZ) -> None:
        self._content_type, self._asked = content_type, asked
        self._pcm_rate_hz = labelled_rate_hz(content_type) or pcm_rate_hz
        self._start = b""
        self._form: _Form | None = None

    @property
    def has_long_rest(self) -> bool:
        """Tell whether ``finish`` will compute for so long that it belongs into a thread."""
        return self._form is not None and self._form.kept_bytes > LONG_BODY_BYTES

    @property
    def is_over(self) -> bool:
        """Tell whether all announced sound is in; never true of a body that announces no length."""
        return self._form is not None and self._form.is_over

    @property
    def files(self) -> int:
        """Return how many files the body has been so far; some servers send one for each piece of sound."""
        return self._form.files if isinstance(self._form, _Wav) else 1

    @property
    def has_trailer(self) -> bool:
        """Tell whether something else than sound has come behind the announced one: no further file will."""
        return isinstance(self._form, _Wav) and self._form.has_trailer

    def feed(self, data: bytes) -> Pcm | None:
        """Take the next bytes and return the sound that is complete now, if any.

        Raises: NotSoundError, DecoderMissingError.
        """
        if self._form is None:
            self._start += data
            if len(self._start) < SNIFFED_BYTES and not self._start.startswith((b"RIFF", b"OggS")):
                return None
            data = self._open()
        return self._feed(data)

    def finish(self) -> Iterator[Pcm]:
        """Note that the body ended well and yield the sound that is left.

        Raises: NotSoundError (nothing came, or no complete header), DecoderMissingError.
        """
        if self._form is None:
            if not self._start:
                raise NotSoundError("the answer is empty")
            first = self._feed(self._open())
            if first is not None:
                yield first
        assert self._form is not None
        try:
            yield from self._form.finish()
        except (WavError, OggError, OpusError) as error:
            raise NotSoundError(str(error)) from error

    def _open(self) -> bytes:
        start, self._start = self._start, b""
        match sound_kind(start[:SNIFFED_BYTES], self._content_type, self._asked):
            case "wav":
                self._form = _Wav()
            case "pcm":
                self._form = _Raw(self._pcm_rate_hz)
            case "ogg":
                self._form = _Ogg()
            case "aac":
                raise NotSoundError("the answer is AAC, for which there is no decoder: set another response_format")
            case kind:
                self._form = _Whole(kind)
        return start

    def _feed(self, data: bytes) -> Pcm | None:
        assert self._form is not None
        try:
            return self._form.feed(data)
        except (WavError, OggError, OpusError) as error:
            raise NotSoundError(str(error)) from error


class _Wav:
    kept_bytes = 0

    def __init__(self) -> None:
        self._reader = WavReader()

    @property
    def is_over(self) -> bool:
        return self._reader.is_over

    @property
    def files(self) -> int:
        return self._reader.files

    @property
    def has_trailer(self) -> bool:
        return self._reader.has_trailer

    def feed(self, data: bytes) -> Pcm | None:
        return self._sound(self._reader.feed(data))

    def finish(self) -> Iterator[Pcm]:
        rest = self._sound(self._reader.finish())
        return iter(()) if rest is None else iter((rest,))

    def _sound(self, samples: bytes) -> Pcm | None:
        if not samples:
            return None
        assert self._reader.format is not None
        return Pcm(samples, self._reader.format.rate_hz)


class _Raw:
    is_over = False
    kept_bytes = 0

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._half = b""

    def feed(self, data: bytes) -> Pcm | None:
        data = self._half + data
        whole = len(data) & ~1
        self._half = data[whole:]
        return Pcm(data[:whole], self._rate_hz) if whole else None

    def finish(self) -> Iterator[Pcm]:
        return iter(())  # half a sample is none


class _Ogg:
    """Opus as it comes; Vorbis and FLAC when they are whole."""

    is_over = False

    @property
    def kept_bytes(self) -> int:
        return 0 if self._whole is None else self._whole.kept_bytes

    def __init__(self) -> None:
        self._reader = OggReader()
        self._packets = 0
        self._whole: _Whole | None = None
        self._kept = bytearray()  # until the first packet has told the codec
        self._decoder: Decoder | None = None
        self._channels = 1
        self._skip = self._given = self._pre_skip = 0  # samples at our rate

    def feed(self, data: bytes) -> Pcm | None:
        if self._whole is not None:
            return self._whole.feed(data)
        packets = self._reader.feed(data)
        if not self._packets:
            self._kept += data
            if len(self._kept) > _HEAD_BYTES_MAX:
                raise OggError(f"no packet in {_HEAD_BYTES_MAX} bytes of Ogg")
            if not packets:
                return None
            head = OpusHead.of(packets[0])
            if head is None:
                self._whole = _Whole("ogg")
                return self._whole.feed(bytes(self._kept))
            self._begin(head)
        sound = bytearray()
        for packet in packets:
            self._packets += 1
            if self._packets > 2 and packet:  # behind the head and the comments
                sound += self._decode(packet)
        return self._trimmed(bytes(sound))

    def _begin(self, head: OpusHead) -> None:
        if head.channels not in (1, 2):
            raise OggError(f"Opus with {head.channels} channels (read are 1 and 2)")
        self._kept.clear()
        self._channels = head.channels
        self._decoder = Decoder(rate_hz=SPEECH_RATE_HZ, channels=head.channels)
        self._skip = self._pre_skip = head.pre_skip * SPEECH_RATE_HZ // _OPUS_TICKS_PER_S

    def _decode(self, packet: bytes) -> bytes:
        assert self._decoder is not None
        samples = self._decoder.decode(packet)
        return samples if self._channels == 1 else to_mono(samples)

    def _trimmed(self, sound: bytes) -> Pcm | None:
        """Leave out what the coder needed to begin, and what fills up its last packet."""
        skipped = min(self._skip, len(sound) // 2)
        self._skip -= skipped
        sound = sound[2 * skipped :]
        if self._reader.has_ended and self._reader.granule:
            end = self._reader.granule * SPEECH_RATE_HZ // _OPUS_TICKS_PER_S - self._pre_skip
            sound = sound[: max(0, 2 * (end - self._given))]
        self._given += len(sound) // 2
        return Pcm(sound, SPEECH_RATE_HZ) if sound else None

    def finish(self) -> Iterator[Pcm]:
        if self._whole is not None:
            return self._whole.finish()
        if self._decoder is None:
            raise OggError("the Ogg stream ends in its header")
        return iter(())


class _Whole:
    """A body that libsndfile decodes when it is complete."""

    is_over = False

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._library = require_decoder(kind)
        self._body = io.BytesIO()

    @property
    def kept_bytes(self) -> int:
        return self._body.tell()

    def feed(self, data: bytes) -> Pcm | None:
        if self._body.tell() + len(data) > BODY_BYTES_MAX:
            raise NotSoundError(f"the answer is longer than {BODY_BYTES_MAX} bytes")
        self._body.write(data)
        return None

    def finish(self) -> Iterator[Pcm]:
        self._body.seek(0)
        try:
            with without_chatter():
                file = self._library.SoundFile(self._body)
            with file:
                # soundfile 0.14 seeks after each read of a file that it can seek in. By that an MP3 loses its bit
                # reservoir (holes of silence), and a FLAC of unknown length, which is what streaming servers send,
                # cannot be read at all.
                file.seekable = _no
                rate_hz, given_s = int(file.samplerate), 0.0
                while len(block := self._block(file, int(rate_hz * _BLOCK_S))):
                    given_s += _BLOCK_S
                    if given_s > SOUND_S_MAX:
                        raise NotSoundError(f"the answer is longer than {SOUND_S_MAX} s")
                    mono = block.mean(axis=1).round() if block.shape[1] > 1 else block
                    yield Pcm(mono.astype("<i2").tobytes(), rate_hz)
        except self._library.LibsndfileError as error:
            # its text names the object we read from, nothing of the content; but it is for programmers
            raise NotSoundError(f"the {self._kind} sound cannot be decoded") from error

    @staticmethod
    def _block(file: Any, frames: int) -> Any:
        with without_chatter():
            return file.read(frames, dtype="int16", always_2d=True)


def _no() -> bool:
    return False


def require_decoder(kind: str) -> Any:
    """Return the package that decodes compressed sound of this kind. Raises: DecoderMissingError."""
    try:
        import soundfile  # here: it is an extra, and takes 80 ms to load
    except (ImportError, OSError) as error:  # OSError: no libsndfile for this machine
        detail = (
            f"the server sends {kind}, which needs the extra: pip install 'voxbridge-discord[{EXTRA}]'; "
            "or set response_format to wav or pcm"
        )
        raise DecoderMissingError(detail) from error
    return soundfile
