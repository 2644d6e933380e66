"""The answers of speech servers, of all kinds, as sound."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from voxbridge.audio.speech_reader import BODY_BYTES_MAX, SOUND_S_MAX, DecoderMissingError, SpeechReader
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.sound_kind import NotSoundError
from voxbridge.core.wire.wav import encode_wav
from voxbridge.testing.servers.ogg_opus import ogg_opus

pytestmark = pytest.mark.unit

RATE_HZ = 24_000
TONE_HZ = 440.0
SAMPLES = (0.3 * 32767 * np.sin(2 * np.pi * TONE_HZ * np.arange(12_345) / RATE_HZ)).astype("<i2")  # 0.51 s
TONE = SAMPLES.tobytes()


def heard(body: bytes, size: int, **options) -> tuple[bytes, int]:
    """Return the samples of a body that comes in pieces of ``size`` bytes, and their rate."""
    reader = SpeechReader(**options)
    pieces = [*[reader.feed(body[at : at + size]) for at in range(0, len(body), size)], *reader.finish()]
    rates = {piece.rate_hz for piece in pieces if piece is not None}
    assert len(rates) == 1, f"sound at {rates} Hz"
    return b"".join(piece.data for piece in pieces if piece is not None), rates.pop()


def encoded(form: str, subtype: str, channels: int = 1) -> bytes:
    import soundfile

    body = io.BytesIO()
    sound = SAMPLES.astype("f4") / 32768
    soundfile.write(body, np.column_stack([sound] * channels), RATE_HZ, format=form, subtype=subtype)
    return body.getvalue()


def assert_is_the_tone(data: bytes, rate_hz: int, *, length_s: float, tolerance_s: float) -> None:
    samples = np.frombuffer(data, "<i2").astype(float)
    assert len(samples) / rate_hz == pytest.approx(length_s, abs=tolerance_s)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    peak_hz = np.argmax(spectrum) * rate_hz / len(samples)
    assert peak_hz == pytest.approx(TONE_HZ, abs=4), f"the loudest tone is {peak_hz:.0f} Hz"
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 * 32767 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("size", [1, 7, 1001, 10**6])
def test_uncompressed_sound_is_untouched(size):
    """WAV and raw samples come out bit by bit, however they are cut; half a sample at the end is none."""
    assert heard(encode_wav(Pcm(TONE, 22_050)), size, asked="mp3") == (TONE, 22_050)
    assert heard(TONE + b"\1", size, asked="pcm", pcm_rate_hz=16_000) == (TONE, 16_000)
    assert heard(TONE, size, content_type="audio/pcm; rate=48000") == (TONE, 48_000)


@pytest.mark.parametrize("size", [1, 333, 10**6])
def test_opus_comes_out_as_it_comes_in(size):
    """Opus in Ogg needs no extra package; what the coder added at both ends is left out, to the sample."""
    body = b"".join(ogg_opus(TONE))
    data, rate_hz = heard(body, size, asked="opus")
    assert (len(data), rate_hz) == (len(TONE), RATE_HZ)
    assert_is_the_tone(data, rate_hz, length_s=12_345 / RATE_HZ, tolerance_s=0)


def test_opus_streams():
    """The sound of each page is there when the page is."""
    reader = SpeechReader(asked="opus")
    sizes = [0 if (pcm := reader.feed(page)) is None else len(pcm.data) // 2 for page in ogg_opus(TONE)]
    assert sizes == [0, 0, 4800 - 156, 4800, 12_345 - 9600 + 156]


def test_opus_of_another_encoder():
    """libsndfile's file, stereo, 48 kHz inside."""
    data, rate_hz = heard(encoded("OGG", "OPUS", channels=2), 100, asked="opus")
    assert_is_the_tone(data, rate_hz, length_s=12_345 / RATE_HZ, tolerance_s=0.001)


@pytest.mark.parametrize(
    ("form", "subtype", "label", "tolerance_s"),
    [
        ("MP3", "MPEG_LAYER_III", "audio/mpeg", 0.06),
        ("FLAC", "PCM_16", "audio/flac", 0),
        ("OGG", "VORBIS", "audio/ogg", 0.001),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("size", [50, 10**6])
def test_compressed_sound(form, subtype, label, tolerance_s, channels, size):
    """What is decoded as a whole comes at the end."""
    body = encoded(form, subtype, channels)
    data, rate_hz = heard(body, size, content_type=label)
    assert_is_the_tone(data, rate_hz, length_s=12_345 / RATE_HZ, tolerance_s=tolerance_s)
    reader = SpeechReader(content_type=label)
    assert reader.feed(body) is None
    assert not reader.has_long_rest


@pytest.mark.parametrize(
    ("body", "label", "says"),
    [
        (b"", "", "is empty"),
        (b"RIFF\0\0", "", "ends in its header"),
        (b"RIFF....JUNK", "", "not a WAVE"),
        (b"OggS", "", "ends in its header"),
        (b"OggS" + b"\0" * 23 + b"no page", "", "page does not begin"),
        (b"<html>", "audio/wav", "text"),
        (b"ID3" + bytes(99), "", "cannot be decoded"),
        (b"fLaC" + bytes(99), "", "cannot be decoded"),
        (bytes.fromhex("fff15080") + bytes(99), "audio/aac", "no decoder"),
        (b"".join(ogg_opus(TONE)[:2]) + b"OggX" * 20, "", "page does not begin"),
    ],
)
def test_what_cannot_be_played(body, label, says):
    """Each fault is named."""
    with pytest.raises(NotSoundError, match=says):
        heard(body, 10**6, content_type=label)


def test_flac_of_unknown_length():
    """Streaming servers cannot fill in the number of samples (Kokoro-FastAPI 26eec06, seen)."""
    body = bytearray(encoded("FLAC", "PCM_16"))
    assert body[8 + 13] & 0x0F == 0
    body[8 + 14 : 8 + 18] = bytes(4)  # STREAMINFO: its 36 bits stand after rate, channels and bits
    data, rate_hz = heard(bytes(body), 1000, content_type="audio/flac")
    assert_is_the_tone(data, rate_hz, length_s=12_345 / RATE_HZ, tolerance_s=0)


def test_few_bytes_that_are_hours():
    """A body that would fill the memory is given up in time."""
    import soundfile

    body = io.BytesIO()
    silence = np.zeros(8000 * (SOUND_S_MAX + 10), "<i2")
    soundfile.write(body, silence, 8000, format="FLAC", subtype="PCM_16")
    with pytest.raises(NotSoundError, match="longer than 600 s"):
        heard(body.getvalue(), 10**6)


def test_endless_body():
    """A body that is kept until its end is kept within bounds."""
    reader = SpeechReader()
    reader.feed(b"ID3" + bytes(99))
    reader.feed(bytes(BODY_BYTES_MAX - 200))
    assert reader.has_long_rest
    with pytest.raises(NotSoundError, match="longer than"):
        reader.feed(bytes(200))


def test_without_the_extra(monkeypatch):
    """The error names the extra, and what works without it; Opus does not need it."""
    monkeypatch.setitem(sys.modules, "soundfile", None)  # as if it was not installed
    with pytest.raises(DecoderMissingError, match=r"pip install 'voxbridge-discord\[compressed\]'.*wav or pcm"):
        SpeechReader().feed(b"ID3" + bytes(99))
    assert heard(b"".join(ogg_opus(TONE)), 100)[1] == RATE_HZ
