"""WAV files of every kind that a person may have."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from voxbridge.audio.wavfile import read_wav, write_wav
from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import SoundFileError

pytestmark = pytest.mark.unit

SAMPLES = [0, 256, -256, 16384, -32768]


def riff(tag: int, bits: int, channels: int, data: bytes) -> bytes:
    frame = channels * bits // 8
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, 44_100, 44_100 * frame, frame, bits)
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


KINDS = {
    "8 bit": riff(1, 8, 1, bytes([128, 129, 127, 192, 0])),
    "16 bit": riff(1, 16, 1, struct.pack("<5h", *SAMPLES)),
    "24 bit": riff(1, 24, 1, b"".join((s * 256).to_bytes(3, "little", signed=True) for s in SAMPLES)),
    "32 bit": riff(1, 32, 1, struct.pack("<5i", *(s * 65536 for s in SAMPLES))),
    "float": riff(3, 32, 1, struct.pack("<5f", *(s / 32768 for s in SAMPLES))),
    "stereo": riff(1, 16, 2, struct.pack("<10h", *(v for s in SAMPLES for v in (s, s)))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_usual_kind_gives_the_same_samples(kind, tmp_path):
    """The sample format does not matter, but for one step in the last bit."""
    path = tmp_path / "sound.wav"
    path.write_bytes(KINDS[kind])
    sound = read_wav(path)
    assert (sound.rate_hz, sound.channels) == (44_100, 1)
    assert np.frombuffer(sound.data, "<i2").tolist() == pytest.approx(SAMPLES, abs=1)


def test_written_file_reads_back(tmp_path):
    """What was written is what is read."""
    sound = Pcm(struct.pack("<5h", *SAMPLES), 24_000)
    write_wav(tmp_path / "out.wav", sound)
    assert read_wav(tmp_path / "out.wav") == sound


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"ID3\x04not a wav at all", "not a WAV"),
        (b"", "ends in its header"),
        (riff(0x55, 16, 1, b"\0\0"), "format 85"),
    ],
)
def test_other_files_are_refused_by_name(content, complaint, tmp_path):
    """The message names the file, what is wrong with it and what is wanted."""
    path = tmp_path / "strange.wav"
    path.write_bytes(content)
    with pytest.raises(SoundFileError, match=rf"strange\.wav.*{complaint}.*Wanted") as caught:
        read_wav(path)
    assert isinstance(caught.value, ValueError)
