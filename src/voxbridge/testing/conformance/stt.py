"""What a speech-to-text backend promises (``voxbridge.stages.SttStage``)."""

from __future__ import annotations

import functools
from importlib import resources

import trio

from voxbridge.audio.opus import Decoder, encode_speech
from voxbridge.audio.resample import Resampler
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_RATE_HZ
from voxbridge.core.wire.wav import decode_wav
from voxbridge.errors import StageError
from voxbridge.rehearsal.words import word_error_rate
from voxbridge.stages.contracts import SttSession, SttStage
from voxbridge.testing.conformance.cases import (
    SPEAKER,
    Case,
    NotKept,
    Subject,
    check_probe,
    check_probe_when_down,
    expect,
    server_down,
)

_CONNECT_S = 10.0
_ERRORS_MAX = 0.5  # the smallest models mishear every fifth word; a backend that loses sound loses half
_COUGH_FRAMES = 10


@functools.cache
def spoken() -> tuple[str, tuple[bytes, ...]]:
    """Return the words of a recording of 3 s that comes with the package, and its Opus packets of 20 ms."""
    folder = resources.files("voxbridge.rehearsal") / "clips"
    rows = [row.split("\t") for row in (folder / "transcripts.tsv").read_text("utf-8").splitlines()]
    name, words = min((row for row in rows if not row[0].startswith("#")), key=lambda row: len(row[1]))
    sound = decode_wav((folder / name).read_bytes())
    resampler = Resampler(sound.rate_hz, SPEECH_RATE_HZ)
    return words, tuple(encode_speech(resampler.feed(sound.data) + resampler.flush()))


async def _say(line: SttSession, packets: tuple[bytes, ...]) -> None:
    """Feed packets at the pace of speech."""
    began = trio.current_time()
    decoder = Decoder()
    for index, opus in enumerate(packets):
        await trio.sleep_until(began + index * FRAME_S)
        line.feed(decoder.hear(opus))


def _expect_words(heard: str) -> None:
    words, _ = spoken()
    rate = word_error_rate(words, heard)
    expect(rate <= _ERRORS_MAX, f"the words {words!r}, at most half of them wrong", heard)


async def _utterance(subject: Subject[SttStage]) -> None:
    async with subject.stage.open(SPEAKER) as line:
        await _say(line, spoken()[1])
        final = await line.finish()
        _expect_words(final.text)
        expect(final.is_final, "a final transcript", final.is_final)


async def _two(subject: Subject[SttStage]) -> None:
    async with subject.stage.open(SPEAKER) as line:
        await _say(line, spoken()[1])
        first = line.end()
        await _say(line, spoken()[1])
        second = line.end()
        for pending in (first, second):
            _expect_words((await pending.wait()).text)


async def _nothing(subject: Subject[SttStage]) -> None:
    async with subject.stage.open(SPEAKER) as line:
        final = await line.finish()
        expect(final.text == "", "an empty transcript of nothing", final.text)


async def _discarded(subject: Subject[SttStage]) -> None:
    async with subject.stage.open(SPEAKER) as line:
        await _say(line, spoken()[1][:_COUGH_FRAMES])
        line.discard()
        await _say(line, spoken()[1])
        _expect_words((await line.finish()).text)


async def _given_up(subject: Subject[SttStage]) -> None:
    async with subject.stage.open(SPEAKER) as line:
        await _say(line, spoken()[1])
        pending = line.end()
        with trio.move_on_after(0):
            await pending.wait()
        await _say(line, spoken()[1])
        _expect_words((await line.finish()).text)


async def _connects(subject: Subject[SttStage]) -> None:
    async with subject.stage.open(SPEAKER) as line:
        with trio.move_on_after(_CONNECT_S):
            while not line.is_connected:  # noqa: ASYNC110 - the Protocol has no event for it
                await trio.sleep(0.05)
        expect(line.is_connected, f"a connection within {_CONNECT_S:.0f} s", line.is_connected)
        expect(line.reconnect_count == 0, "no reconnect", line.reconnect_count)


async def _two_speakers(subject: Subject[SttStage]) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(_utterance, subject)


async def _lost(subject: Subject[SttStage]) -> None:
    packets = spoken()[1]
    half = len(packets) // 2
    async with subject.stage.open(SPEAKER) as line:
        await _say(line, packets[:half])
        async with server_down(subject):
            await _say(line, packets[half:])
        _expect_words((await line.finish()).text)


async def _dead(subject: Subject[SttStage]) -> None:
    async with server_down(subject), subject.stage.open(SPEAKER) as line:
        await _say(line, spoken()[1])
        try:
            final = await line.finish()
        except StageError as error:
            expect(error.stage == "stt", "an error of the stage stt", error.stage)
        else:
            raise NotKept(f"wanted a StageError while the server is down; came {final.text!r}")
    await _utterance(subject)


STT: tuple[Case[SttStage], ...] = (
    Case("probe", "answers with one line for the operator", check_probe),
    Case("connects", "has its line up soon after it was opened", _connects),
    Case("utterance", "hears the words of a recording", _utterance),
    Case("two utterances", "gives each its own words, the second one spoken before the first is in", _two),
    Case("nothing fed", "gives an empty transcript", _nothing),
    Case("discard", "forgets a cough, and hears what comes after", _discarded),
    Case("given up", "drops an utterance nobody waits for, and hears the next", _given_up),
    Case("two speakers", "keeps two lines apart", _two_speakers),
    Case("probe of a dead server", "fails in words", check_probe_when_down, needs_control=True),
    Case("lost in mid-utterance", "tells all of it again, no word lost", _lost, needs_control=True),
    Case("dead server", "raises StageError, and the next utterance after its return works", _dead, needs_control=True),
)
