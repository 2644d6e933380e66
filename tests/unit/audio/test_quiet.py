"""What libmpg123 has to say about an MP3 is not said; what others write is."""

from __future__ import annotations

import io
import math
import os
import random
from array import array

import pytest

from voxbridge.audio.quiet import without_chatter
from voxbridge.audio.speech_reader import SpeechReader
from voxbridge.core.wire.sound_kind import NotSoundError

soundfile = pytest.importorskip("soundfile")

pytestmark = pytest.mark.unit


def an_mp3() -> bytes:
    tone = array("h", [round(9000 * math.sin(at / 8)) for at in range(24_000)])
    body = io.BytesIO()
    with soundfile.SoundFile(body, "w", 24_000, 1, format="MP3") as file:
        file.buffer_write(tone.tobytes(), dtype="int16")
    return body.getvalue()


@pytest.mark.parametrize("fault", ["cut", "junk behind it", "spoilt"])
def test_a_bad_mp3_writes_nothing_to_stderr(capfd: pytest.CaptureFixture[str], fault: str) -> None:
    """An MP3 that is cut, followed by zeros, or spoilt in its middle is played as far as it goes, in silence."""
    mp3 = bytearray(an_mp3())
    match fault:
        case "cut":
            del mp3[-100:]
        case "junk behind it":
            mp3 += bytes(500)
        case _:
            mp3[1000:1200] = random.Random(1).randbytes(200)
    reader = SpeechReader(content_type="audio/mpeg", asked="mp3")
    sounds = [reader.feed(bytes(mp3)), *reader.finish()]
    assert sum(len(sound.data) for sound in sounds if sound is not None) > 20_000
    assert capfd.readouterr().err == ""


def test_what_is_no_mp3_writes_nothing_either(capfd: pytest.CaptureFixture[str]) -> None:
    """The first frame's mark and then anything."""
    reader = SpeechReader(content_type="audio/mpeg", asked="mp3")
    with pytest.raises(NotSoundError):
        [reader.feed(b"ID3" + bytes(500)), *reader.finish()]
    assert capfd.readouterr().err == ""


def test_what_others_write_meanwhile_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    """A log line of another thread comes when the decoder is done."""
    with without_chatter():
        os.write(2, b"Note: Trying to resync...\nours\n[src/libmpg123/layer3.c:x():1] error: big_values\nends without")
    assert capfd.readouterr().err == "ours\nends without"
