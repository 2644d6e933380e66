"""WAV files of every kind that a person may have."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from voxbridge.audio.wavfile import read_wav, write_wav
from voxbridge.core.sound import Pcm
from voxbridge.errors import SoundFileError

pytestmark = pytest.mark.unit

SAMPLES = [0, 256, -256, 16384, -32768]


def riff(tag: int, bits: int, channels: int, data: bytes, *, rate_hz: int = 44_100, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits) + extra
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(chunk)) + chunk + b"\0" * (len(chunk) & 1)
        for name, chunk in ((b"LIST", b"odd"), (b"fmt ", fmt), (b"data", data))
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


KINDS = {
    "8 bit": riff(1, 8, 1, bytes([128, 129, 127, 192, 0])),
    "16 bit": riff(1, 16, 1, struct.pack("<5h", *SAMPLES)),
    "24 bit": riff(1, 24, 1, b"".join((s * 256).to_bytes(3, "little", signed=True) for s in SAMPLES)),
    "32 bit": riff(1, 32, 1, struct.pack("<5i", *(s * 65536 for s in SAMPLES))),
    "float": riff(3, 32, 1, struct.pack("<5f", *(s / 32768 for s in SAMPLES))),
    "double": riff(3, 64, 1, struct.pack("<5d", *(s / 32768 for s in SAMPLES))),
    "extensible": riff(
        0xFFFE, 16, 1, struct.pack("<5h", *SAMPLES), extra=struct.pack("<HHIH", 22, 16, 0, 1) + bytes(14)
    ),
    "stereo": riff(1, 16, 2, struct.pack("<10h", *(v for s in SAMPLES for v in (s, s)))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_usual_kind_gives_the_same_samples(kind, tmp_path):
    """The sample format does not matter, nor do foreign chunks before the data."""
    path = tmp_path / "sound.wav"
    path.write_bytes(KINDS[kind])
    sound = read_wav(path)
    assert (sound.rate_hz, sound.channels) == (44_100, 1)
    assert np.frombuffer(sound.data, "<i2").tolist() == SAMPLES


def test_written_file_reads_back(tmp_path):
    """What was written is what is read."""
    sound = Pcm(struct.pack("<5h", *SAMPLES), 24_000)
    write_wav(tmp_path / "out.wav", sound)
    assert read_wav(tmp_path / "out.wav") == sound


def test_stream_header_means_until_the_end(tmp_path):
    """A saved stream has 0xFFFFFFFF for its length; half a sample at the end is dropped."""
    data = bytearray(riff(1, 16, 1, struct.pack("<5h", *SAMPLES)))
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "stream.wav").write_bytes(bytes(data) + b"\x01")
    assert len(read_wav(tmp_path / "stream.wav").data) == 2 * len(SAMPLES)


def test_loud_float_is_clipped(tmp_path):
    """Above full scale is full scale; not a number is silence."""
    (tmp_path / "loud.wav").write_bytes(riff(3, 32, 1, struct.pack("<3f", 2.0, -3.0, float("nan"))))
    assert np.frombuffer(read_wav(tmp_path / "loud.wav").data, "<i2").tolist() == [32767, -32768, 0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"ID3\x04not a wav at all", "is not a WAV file"),
        (b"", "is not a WAV file"),
        (b"RIFF\x04\0\0\0WAVE", "without sound"),
        (riff(0x55, 16, 1, b"\0\0"), "format 0x0055"),
        (riff(1, 16, 0, b"\0\0"), "damaged"),
        (riff(1, 12, 1, b"\0\0"), "format 0x0001 with 12 bits"),
        (b"RIFF\x0c\0\0\0WAVEdata\x02\0\0\0\0\0", "damaged"),
    ],
)
def test_other_files_are_refused_by_name(content, complaint, tmp_path):
    """The message names the file, what is wrong with it and what is wanted."""
    path = tmp_path / "strange.wav"
    path.write_bytes(content)
    with pytest.raises(SoundFileError, match=rf"strange\.wav.*{complaint}.*Wanted") as caught:
        read_wav(path)
    assert isinstance(caught.value, ValueError)
