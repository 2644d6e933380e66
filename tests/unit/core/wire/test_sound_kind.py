"""What kind of sound a body is."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.wire.sound_kind import SNIFFED_BYTES, NotSoundError, labelled_rate_hz, sound_kind

pytestmark = pytest.mark.unit

SILENCE = bytes(SNIFFED_BYTES)
MP3_FRAME = bytes.fromhex("fff384c4") + bytes(60)
ADTS_FRAME = bytes.fromhex("fff15080") + bytes(60)
LOUD = bytes.fromhex("fff384c4") * 16  # samples that could be the head of an MP3 frame


@pytest.mark.parametrize(
    ("start", "label", "asked", "kind"),
    [
        (b"RIFF....WAVE", "audio/mpeg", "mp3", "wav"),  # travisvn/chatterbox-tts-api, asked for mp3
        (b"RIFF....WAVE", "", "pcm", "wav"),
        (b"RF64....WAVE", "text/plain", "wav", "wav"),
        (b"OggS\0\2", "audio/opus", "opus", "ogg"),
        (b"fLaC\0\0", "", "wav", "flac"),
        (b"ID3\4\0", "application/octet-stream", "wav", "mp3"),
        (MP3_FRAME, "audio/mpeg", "mp3", "mp3"),
        (MP3_FRAME, "application/octet-stream", "mp3", "mp3"),
        (MP3_FRAME, "audio/mpeg", "pcm", "mp3"),
        (ADTS_FRAME, "audio/aac", "aac", "aac"),
        (LOUD, "audio/pcm", "pcm", "pcm"),
        (LOUD, "", "pcm", "pcm"),
        (SILENCE, "audio/L16;rate=24000", "wav", "pcm"),
        (SILENCE, "application/octet-stream", "pcm", "pcm"),
        (b"\x01\x02", "audio/pcm", "pcm", "pcm"),
    ],
)
def test_sound_is_recognised(start, label, asked, kind):
    """The first bytes decide, then the label, then the wish."""
    assert sound_kind(start, label, asked) == kind


@pytest.mark.parametrize("asked", ["wav", "pcm", "mp3"])
@pytest.mark.parametrize(
    ("start", "label"),
    [
        (b"<!DOCTYPE html><html><head>", "audio/wav"),
        (b"\r\n <html lang=en>", ""),
        (b'{"detail":"Not Found"}', "audio/pcm"),
        (b'["a"]', ""),
        (b'"ok"', ""),
        (b"upstream connect error or disconnect/reset before headers", "audio/pcm"),
        (SILENCE, "text/html; charset=utf-8"),
        (SILENCE, "application/json"),
        (SILENCE, "application/problem+json"),
        (SILENCE, "image/png"),
        (SILENCE, "video/mp4"),
        (SILENCE, "audio/mpeg"),
        (SILENCE, "audio/wav"),
        (LOUD, "audio/wav"),
    ],
)
def test_what_is_no_sound_is_refused(start, label, asked):
    """Pages, JSON, words, and bytes that belie their label; the error quotes nothing of them."""
    with pytest.raises(NotSoundError) as caught:
        sound_kind(start, label, asked)
    assert "Not Found" not in str(caught.value)
    assert "upstream" not in str(caught.value)


@given(words=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Z"]), min_size=1))
def test_no_text_is_taken_for_samples(words):
    """Whatever a server writes instead of sound is not played as noise, even if pcm was asked for."""
    with pytest.raises(NotSoundError):
        sound_kind(words.encode()[:SNIFFED_BYTES], "application/octet-stream", "pcm")


@given(value=st.dictionaries(st.text(max_size=5), st.text(max_size=20)) | st.lists(st.integers()))
def test_no_json_is_taken_for_samples(value):
    """A JSON object or array as a server would write it, however short."""
    with pytest.raises(NotSoundError):
        sound_kind(json.dumps(value).encode()[:SNIFFED_BYTES], "audio/pcm", "pcm")


@given(start=st.binary(max_size=SNIFFED_BYTES), label=st.text(max_size=30), asked=st.sampled_from(["wav", "pcm"]))
def test_any_bytes_give_a_kind_or_are_refused(start, label, asked):
    """Nothing else is raised."""
    with suppress(NotSoundError):
        sound_kind(start, label, asked)


def test_rate_of_a_label():
    """``rate`` is a parameter of audio/L16 (RFC 2586) and, in practice, of audio/pcm."""
    assert labelled_rate_hz("audio/L16; rate=22050; channels=1") == 22_050
    assert labelled_rate_hz("audio/pcm;Rate=48000") == 48_000
    assert labelled_rate_hz("audio/pcm") is None
