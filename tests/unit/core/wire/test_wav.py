"""RIFF as a stream: any chunking gives the same samples, and nonsense gives one typed error."""

from __future__ import annotations

import contextlib
import itertools
import math
import struct
import wave
from array import array
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.wav import WavError, WavFormat, WavReader, decode_wav, encode_wav, streaming_header

pytestmark = pytest.mark.unit

# Captured from travisvn/chatterbox-tts-api a5f46612.
CHATTERBOX_HEADER = bytes.fromhex(
    "52494646 dbffff7f 57415645 666d7420 10000000 0100 0100 c05d0000 80bb0000 0200 1000 64617461 ffffffff"
)
EXTENSIBLE_PCM = bytes.fromhex("0100000000001000800000aa00389b71")
EXTENSIBLE_FLOAT = bytes.fromhex("0300000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def fmt(tag: int = 1, channels: int = 1, rate_hz: int = 24_000, bits: int = 16, tail: bytes = b"") -> bytes:
    frame_bytes = channels * bits // 8
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits) + tail
    )


def extensible(guid: bytes, **form: int) -> bytes:
    return fmt(0xFFFE, tail=struct.pack("<HHI", 22, form.get("bits", 16), 0) + guid, **form)


def riff(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if size is None else size) + body


def s16(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def read_in_pieces(data: bytes, cuts: list[int]) -> tuple[WavReader, bytes]:
    reader, out, edges = WavReader(), b"", sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in itertools.pairwise(edges):
        out += reader.feed(data[start:stop])
    return reader, out


def test_streaming_header_is_chatterboxs() -> None:
    """What we write is, byte for byte, what the real server sends."""
    assert streaming_header() == CHATTERBOX_HEADER


def test_samples_come_before_the_end() -> None:
    """Sound is given as soon as its sample is whole, and half a sample is carried over."""
    reader = WavReader()
    assert reader.feed(CHATTERBOX_HEADER[:30]) == b""
    assert reader.format is None
    assert reader.feed(CHATTERBOX_HEADER[30:]) == b""
    assert reader.format == WavFormat("int", 24_000, 1, 16)
    assert reader.has_data_chunk
    assert reader.feed(b"\x01\x02\x03") == b"\x01\x02"
    assert reader.feed(b"\x04") == b"\x03\x04"
    reader.finish()


def test_header_alone_is_silence() -> None:
    """A header and a clean end is a sentence without sound, not a fault."""
    reader = WavReader()
    assert reader.feed(CHATTERBOX_HEADER) == b""
    reader.finish()


@pytest.mark.parametrize("length", range(44))
def test_end_inside_the_header(length: int) -> None:
    """An end before the header is complete is an error at every byte."""
    reader = WavReader()
    reader.feed(CHATTERBOX_HEADER[:length])
    with pytest.raises(WavError, match="ends in its header"):
        reader.finish()


@pytest.mark.parametrize(
    ("form", "stored", "wanted"),
    [
        (fmt(bits=8), bytes([0, 127, 128, 129, 255]), s16(-32768, -256, 0, 256, 32512)),
        (fmt(bits=16), s16(-32768, 0, 5, 32767), s16(-32768, 0, 5, 32767)),
        (fmt(bits=24), b"\xff\x34\x12" + b"\x00\x00\x80" + b"\xff\xff\xff", s16(0x1234, -32768, -1)),
        (fmt(bits=32), b"\xff\xff\x34\x12" + b"\x00\x00\x00\x80", s16(0x1234, -32768)),
        (fmt(3, bits=32), struct.pack("<5f", 0, 1, -1, 0.5, -7), s16(0, 32767, -32767, 16383, -32767)),
        (fmt(3, bits=32), struct.pack("<3f", math.nan, math.inf, -math.inf), s16(0, 32767, -32767)),
        (fmt(3, bits=64), struct.pack("<2d", 0.5, -0.5), s16(16383, -16383)),
        (fmt(channels=2), s16(100, 300, -32768, -32768, 32767, 32767, -1, 0), s16(200, -32768, 32767, -1)),
        (fmt(channels=2, bits=8), bytes([0, 255, 128, 128]), s16(-128, 0)),
        (fmt(3, channels=2, bits=32), struct.pack("<2f", 1, -1), s16(0)),
        (extensible(EXTENSIBLE_PCM), s16(7, -7), s16(7, -7)),
        (extensible(EXTENSIBLE_FLOAT, bits=32), struct.pack("<f", 0.5), s16(16383)),
    ],
)
def test_formats(form: bytes, stored: bytes, wanted: bytes) -> None:
    """Every format that speech servers use comes out as s16le mono."""
    assert decode_wav(riff(form, chunk(b"data", stored))).data == wanted


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_rate_comes_from_the_header(rate_hz: int) -> None:
    """The rate is the file's own; nothing is resampled here."""
    assert decode_wav(riff(fmt(rate_hz=rate_hz), chunk(b"data", s16(1)))) == Pcm(s16(1), rate_hz)


def test_other_chunks_are_skipped() -> None:
    """fact, PEAK and LIST before the sound (whole-file route of Chatterbox), odd sizes padded."""
    data = riff(
        fmt(), chunk(b"fact", b"1234"), chunk(b"PEAK", b"p" * 16), chunk(b"LIST", b"odd"), chunk(b"data", s16(9))
    )
    assert decode_wav(data).data == s16(9)


def test_trailing_chunks_are_not_played() -> None:
    """A LIST chunk behind the sound is no click at its end."""
    reader = WavReader()
    assert reader.feed(riff(fmt(), chunk(b"data", s16(1, 2)), chunk(b"LIST", b"\x7f" * 40))) == s16(1, 2)
    assert reader.feed(b"\x7f" * 10) == b""
    reader.finish()


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFF000, 0x7FFFFFFF])
def test_sizes_that_mean_unknown(size: int) -> None:
    """A size nobody could mean lasts until the end of the stream."""
    assert decode_wav(riff(fmt(), chunk(b"data", s16(*range(99)), size))).data == s16(*range(99))


def test_zero_sizes() -> None:
    """Zero in both sizes is a pipe's unfinished header; zero in one is a sentence without sound."""
    assert decode_wav(riff(fmt(), chunk(b"data", s16(5), 0), size=0)).data == s16(5)
    assert decode_wav(riff(fmt(), chunk(b"data", b""), chunk(b"LIST", b"abcd"))).data == b""


def test_a_size_of_zero_with_sound_behind_it() -> None:
    """What Python's ``wave`` writes into a pipe: a file of 36 bytes, no sound in it, and then the sound."""
    values = s16(*range(-50, 50))

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError("a pipe")

        def seek(self, *_where: int) -> int:
            raise OSError("a pipe")

    pipe = Pipe()
    file = wave.open(pipe, "wb")  # noqa: SIM115 - closing it would fail: it cannot go back and fill in the sizes
    file.setparams((1, 2, 24_000, 0, "NONE", ""))
    file.writeframesraw(values[:2])
    header = pipe.getvalue()[:44]
    assert header[40:44] in (bytes(4), b"\x02\0\0\0")
    sizeless = header[:40] + bytes(4)
    assert decode_wav(sizeless + values).data == values
    reader = WavReader()
    reader.feed(sizeless)
    assert not reader.is_over, "the sound is still to come"


def a_file(*values: int, bits: int = 16, size: int | None = None) -> bytes:
    stored = bytes(value & 0xFF for value in values) if bits == 8 else s16(*values)
    data = riff(fmt(bits=bits), chunk(b"data", stored, size))
    return data.rstrip(b"\0") if bits == 8 and len(values) % 2 else data


@pytest.mark.parametrize("size", [None, 0xFFFFFFFF, 0])
def test_a_file_for_each_piece_of_sound(size: int | None) -> None:
    """Kokoro's servers send a whole file for each piece: their heads are no sound, whatever sizes they claim."""
    data = b"".join(a_file(*range(n, n + 30), size=size) for n in range(100, 400, 100))
    reader, samples = read_in_pieces(data, [])
    assert samples == s16(*range(100, 130), *range(200, 230), *range(300, 330))
    assert reader.files == 3


def test_a_file_behind_chunks_and_padding() -> None:
    """Between two files there may be a LIST chunk, and a byte of padding or none."""
    odd = riff(fmt(bits=8), b"data\3\0\0\0" + bytes([0x80, 0x81, 0x82]))
    for between in (b"", b"\0", b"\0" + chunk(b"LIST", b"odd"), chunk(b"LIST", b"even")):
        assert decode_wav(odd + between + odd).data == s16(0, 256, 512) * 2, between


def test_noise_behind_the_sound_ends_it() -> None:
    """What is neither a chunk nor a file behind the sound is not played, and no further file is sought in it."""
    reader = WavReader()
    assert reader.feed(a_file(1, 2)) == s16(1, 2)
    assert (reader.is_over, reader.has_trailer) == (True, False)
    assert reader.feed(b"\xff" * 20 + a_file(3, 4)) == b""
    assert (reader.is_over, reader.has_trailer) == (True, True)


def test_a_broken_further_file_takes_nothing_back() -> None:
    """What was heard is sound; a second file that is none, or has another rate, is left out."""
    for second in (riff(fmt(tag=85)), riff(fmt(rate_hz=8_000), chunk(b"data", s16(7)))):
        assert decode_wav(a_file(1, 2) + second).data == s16(1, 2)


def test_a_head_that_is_none_is_sound() -> None:
    """The four letters alone, within or at the end of sound of unknown length, are samples like others."""
    sound = b"ab" + b"RIFF" + bytes(30) + b"xRIFFy" + b"RIF"
    data = riff(fmt(), chunk(b"data", b"", 0xFFFFFFFF)) + sound + b"F" * (len(sound) % 2)
    assert decode_wav(data).data == data[44:]


def test_rf64() -> None:
    """The 64-bit sister format has the same walk: its sizes are unknown here, its ds64 chunk is skipped."""
    data = riff(chunk(b"ds64", bytes(28)), fmt(), chunk(b"data", s16(3), 0xFFFFFFFF), size=0xFFFFFFFF, magic=b"RF64")
    assert decode_wav(data).data == s16(3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>", "does not begin with RIFF"),
        (b"ID3\x04", "does not begin with RIFF"),
        (b"RIFX" + bytes(8), "does not begin with RIFF"),
        (b"RIFF\0\0\0\0AVI LIST", "not a WAVE"),
        (riff(chunk(b"data", s16(1))), "before the format"),
        (riff(fmt(), fmt()), "second format"),
        (riff(fmt(tag=85)), "format 85"),
        (riff(fmt(tag=3, bits=16)), "16 bits"),
        (riff(fmt(bits=12)), "12 bits"),
        (riff(fmt(channels=6)), "6 channels"),
        (riff(fmt(rate_hz=0)), "0 Hz"),
        (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 24_000, 48_000, 4, 16))), "frames of 4 bytes"),
        (riff(chunk(b"fmt ", b"1234")), "chunk of 4 bytes"),
        (riff(fmt(0xFFFE)), "extensible"),
        (riff(extensible(b"\x01" + b"x" * 15)), "extensible"),
        (riff(fmt(), b"junk\x00\x00\x20\x00"), "other chunks"),
    ],
)
def test_nonsense_has_a_reason(data: bytes, words: str) -> None:
    """What cannot be read is refused at once, with the reason, and stays refused."""
    reader = WavReader()
    with pytest.raises(WavError, match=words) as first:
        reader.feed(data)
    with pytest.raises(WavError) as again:
        reader.feed(s16(1))
    with pytest.raises(WavError) as at_end:
        reader.finish()
    assert first.value is again.value is at_end.value


wavs = st.builds(
    lambda form, stored, size: riff(form, chunk(b"LIST", b"odd"), chunk(b"data", stored, size)),
    st.sampled_from([fmt(), fmt(bits=8), fmt(bits=24), fmt(channels=2), fmt(3, bits=32), extensible(EXTENSIBLE_PCM)]),
    st.binary(max_size=200),
    st.sampled_from([None, 0xFFFFFFFF, 7, 0]),
)
behind = st.lists(wavs | st.sampled_from([b"RIFF", b"LIST\4\0\0\0abcd", b"\0", b"x" * 13]), max_size=3)
bodies = st.builds(lambda first, rest: first + b"".join(rest), wavs, behind)


@given(bodies, st.lists(st.integers(0, 1 << 20), max_size=40))
def test_any_chunking_gives_the_same_samples(data: bytes, cuts: list[int]) -> None:
    """Where the network cuts the stream makes no difference."""
    whole, expected = read_in_pieces(data, [])
    pieces, got = read_in_pieces(data, cuts)
    assert (got, pieces.format) == (expected, whole.format)
    assert read_in_pieces(data, list(range(len(data))))[1] == expected, "byte by byte differs"


@given(st.binary(max_size=200) | st.builds(lambda tail: CHATTERBOX_HEADER[:20] + tail, st.binary(max_size=80)))
def test_garbage_gives_sound_or_one_typed_error(data: bytes) -> None:
    """Nothing but WavError ever comes out, whatever came in."""
    with contextlib.suppress(WavError):
        decode_wav(data)


@given(st.lists(st.integers(-32768, 32767), max_size=50), st.sampled_from([8_000, 24_000, 48_000]))
def test_written_files_are_read_by_the_standard_library(values: list[int], rate_hz: int) -> None:
    """Our files are WAVs by another's judgement, and come back unchanged."""
    sound = Pcm(array("h", values).tobytes(), rate_hz)
    with wave.open(BytesIO(encode_wav(sound))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate_hz, 1, 2)
        assert file.readframes(len(values)) == sound.data
    assert decode_wav(encode_wav(sound)) == sound
