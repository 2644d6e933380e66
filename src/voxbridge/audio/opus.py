"""libopus through ctypes: the one codec of the house.

Encoders take 24 kHz mono and decoders give 16 kHz mono, so that Opus itself changes the rates and nothing is
resampled (RFC 6716, section 2: any of its five rates may be used on either side). A call releases the GIL.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
import weakref
from pathlib import Path

from voxbridge.core.sound.pcm import FRAME_MS, HEARING_RATE_HZ, SPEECH_RATE_HZ, HeardSound
from voxbridge.errors import ConfigError

APPLICATION_VOIP, APPLICATION_AUDIO = 2048, 2049  # opus_defines.h; VOIP at our rate costs three times as much (SILK)
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014
_RESET_STATE = 4028
_MAX_PACKET_BYTES = 3 * 1276  # RFC 6716, section 3.4: a frame plus its TOC byte; 60 ms may be three of them
_MAX_FRAME_MS = 120


# Where Homebrew has it on Apple's and on Intel's processors; find_library() does not look there.
_HOMEBREW = ("/opt/homebrew/lib/libopus.0.dylib", "/usr/local/lib/libopus.0.dylib")


class OpusError(Exception):
    """libopus refused: a bad packet or argument."""


def find_library() -> str:
    """Return the path or name of a loadable libopus: the one installed with Python, else the system's.

    Raises: ConfigError when there is none.
    """
    spec = importlib.util.find_spec("opuslib_next")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "_native" / "libopus.so"
        if bundled.exists():
            return str(bundled)
    for name in (ctypes.util.find_library("opus"), "libopus.so.0", *_HOMEBREW):
        if name is None:
            continue
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    raise ConfigError(
        "libopus was not found: install the Python package opuslib-next-bundled, or your system's libopus"
        " (Debian and Ubuntu: libopus0; macOS: brew install opus)"
    )


@functools.cache
def _library() -> ctypes.CDLL:
    lib = ctypes.CDLL(find_library())
    lib.opus_encoder_create.restype = ctypes.c_void_p
    lib.opus_decoder_create.restype = ctypes.c_void_p
    lib.opus_strerror.restype = ctypes.c_char_p
    lib.opus_get_version_string.restype = ctypes.c_char_p
    for name in ("opus_encoder_destroy", "opus_decoder_destroy"):
        getattr(lib, name).argtypes = [ctypes.c_void_p]
        getattr(lib, name).restype = None
    lib.opus_encode.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32,
    ]  # fmt: skip
    lib.opus_decode.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    lib.opus_packet_get_nb_samples.argtypes = [ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32]
    return lib


def _check(code: int, doing: str) -> int:
    if code < 0:
        raise OpusError(f"{doing}: {_library().opus_strerror(code).decode()}")
    return code


def version() -> str:
    """Return libopus's own version line."""
    text: bytes = _library().opus_get_version_string()
    return text.decode()


class Encoder:
    """s16le PCM to Opus packets of ``frame_ms``."""

    def __init__(
        self,
        *,
        rate_hz: int = SPEECH_RATE_HZ,
        channels: int = 1,
        bitrate: int = 64_000,
        complexity: int = 5,
        frame_ms: float = FRAME_MS,
        application: int = APPLICATION_AUDIO,
        loss_percent: int = 2,
    ) -> None:
        """Open an encoder. ``complexity`` 5 costs 56 us a frame, the default 9 costs 96 and sounds alike.

        ``frame_ms``: 2.5, 5, 10, 20, 40 or 60. What differs from 20, and ``application`` and ``loss_percent`` (for how
        much loss it spends bits on error correction), are other clients' ways, for the simulated ones.
        """
        lib, error = _library(), ctypes.c_int()
        self._channels = channels
        self._frame_samples = round(rate_hz * frame_ms / 1000)
        self._state = ctypes.c_void_p(lib.opus_encoder_create(rate_hz, channels, application, ctypes.byref(error)))
        _check(error.value, "opus_encoder_create")
        weakref.finalize(self, lib.opus_encoder_destroy, self._state)
        for request, value in ((_SET_BITRATE, bitrate), (_SET_COMPLEXITY, complexity), (_SET_INBAND_FEC, 1),
                               (_SET_PACKET_LOSS_PERC, loss_percent)):  # fmt: skip
            _check(lib.opus_encoder_ctl(self._state, request, ctypes.c_int32(value)), "opus_encoder_ctl")
        self._out = ctypes.create_string_buffer(_MAX_PACKET_BYTES)

    def encode(self, pcm: bytes) -> bytes:
        """Encode exactly one frame of s16le PCM into one packet. Raises: OpusError."""
        if len(pcm) != self._frame_samples * self._channels * 2:
            raise OpusError(f"encode: wanted {self._frame_samples * self._channels * 2} bytes, got {len(pcm)}")
        size = _library().opus_encode(self._state, pcm, self._frame_samples, self._out, _MAX_PACKET_BYTES)
        return self._out.raw[: _check(size, "opus_encode")]

    def reset(self) -> None:
        """Forget what was encoded: 6.5 ms of the last frame would come out with the next one."""
        _check(_library().opus_encoder_ctl(self._state, _RESET_STATE), "opus_encoder_ctl")


class Decoder:
    """Opus packets to s16le PCM. Loss is concealed with ``conceal``; one decoder per stream of one speaker."""

    def __init__(self, *, rate_hz: int = HEARING_RATE_HZ, channels: int = 1) -> None:
        lib, error = _library(), ctypes.c_int()
        self._channels = channels
        self._rate_hz = rate_hz
        self._state = ctypes.c_void_p(lib.opus_decoder_create(rate_hz, channels, ctypes.byref(error)))
        _check(error.value, "opus_decoder_create")
        weakref.finalize(self, lib.opus_decoder_destroy, self._state)
        self._room = rate_hz * _MAX_FRAME_MS // 1000
        self._out = ctypes.create_string_buffer(self._room * channels * 2)

    def _decode(self, packet: bytes | None, samples: int, *, fec: bool = False) -> bytes:
        size = 0 if packet is None else len(packet)
        got = _library().opus_decode(self._state, packet, size, self._out, samples, int(fec))
        return self._out.raw[: _check(got, "opus_decode") * self._channels * 2]

    def decode(self, packet: bytes) -> bytes:
        """Decode one packet of any legal length. Raises: OpusError (the packet is not Opus)."""
        if not packet:
            raise OpusError("decode: an empty packet")
        return self._decode(packet, self._room)

    def conceal(self, next_packet: bytes | None = None, *, samples: int | None = None) -> bytes:
        """Make sound for what was lost: from the next packet's forward error correction, else by extrapolation.

        ``samples``: so many, 20 ms unless said otherwise, a multiple of 2.5 ms. Where the correction covers less, the
        beginning is extrapolated. Raises: OpusError.
        """
        return self._decode(next_packet, samples or self._rate_hz // 50, fec=next_packet is not None)

    def hear(self, packet: bytes) -> HeardSound:
        """Decode a packet for a speech-to-text line; what is no Opus is concealed."""
        try:
            return HeardSound(self.decode(packet), packet)
        except OpusError:
            return HeardSound(self.conceal())


def packet_duration_s(packet: bytes) -> float:
    """Return the length in seconds that a packet's TOC byte claims. Raises: OpusError."""
    return _check(_library().opus_packet_get_nb_samples(packet, len(packet), 48_000), "opus_packet") / 48_000


def encode_speech(pcm: bytes, *, rate_hz: int = SPEECH_RATE_HZ) -> list[bytes]:
    """Encode a whole piece of mono s16le PCM, the last frame padded with silence."""
    encoder, size = Encoder(rate_hz=rate_hz), rate_hz // 50 * 2
    return [encoder.encode(pcm[i : i + size].ljust(size, b"\0")) for i in range(0, len(pcm), size)]
