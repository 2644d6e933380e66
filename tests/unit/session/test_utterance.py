"""The guess of an utterance, and what becomes of it in the instants that matter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.stages import ScriptedFinal, ScriptedLine, ScriptedStt
from voxbridge.core.sound.pcm import HeardSound
from voxbridge.session.utterance import Utterance, Verdict, joined
from voxbridge.stages.contracts import Transcript

pytestmark = pytest.mark.unit


def packet(number: int) -> HeardSound:
    return HeardSound(bytes(640), b"%d" % number)


class Gates:
    """Lets a test decide in which step the peek and the judge answer."""

    def __init__(self) -> None:
        self.peeked = trio.Event()
        self.judged = trio.Event()
        self.completions: list[float] = []
        self.texts: list[str | None] = []
        self.line = GatedLine(ScriptedStt(can_peek=True), gates=self)

    async def judge(self, _pcm: bytes) -> float:
        await self.judged.wait()
        return 0.9

    def on_verdict(self, verdict: Verdict) -> None:
        assert isinstance(verdict, float)
        self.completions.append(verdict)

    def on_words(self, words: Transcript | None) -> None:
        self.texts.append(None if words is None else words.text)


class GatedLine(ScriptedLine):
    gates: Gates

    def __init__(self, stage: ScriptedStt, *, gates: Gates) -> None:
        super().__init__(stage)
        self.gates = gates

    async def peek(self) -> Transcript:
        fed = b" ".join(self.packets).decode()
        await self.gates.peeked.wait()
        return Transcript(fed, is_final=False)


@asynccontextmanager
async def guessing() -> AsyncIterator[tuple[Gates, Utterance, trio.Nursery]]:
    """An utterance of one packet whose guess is under way."""
    gates = Gates()
    utterance = Utterance(gates.line)
    utterance.feed(packet(0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(utterance.hold(b"", gates.judge, gates))
        await wait_all_tasks_blocked()
        yield gates, utterance, nursery
        nursery.cancel_scope.cancel()


async def test_a_guess_that_is_in_is_the_transcript() -> None:
    """The early transcript counts at the end, and the line forgets the utterance."""
    async with guessing() as (gates, utterance, _):
        gates.peeked.set()
        gates.judged.set()
        await wait_all_tasks_blocked()
        assert gates.completions == [0.9]
        assert gates.texts == ["0"]
        utterance.feed(packet(1))
        words = utterance.end(1.0)
        assert (await words.wait()).text == "0"
        assert gates.line.packets == []


async def test_a_guess_that_is_not_in_yet_is_not_waited_for() -> None:
    """The end asks for the final; a late guess changes nothing."""
    async with guessing() as (gates, utterance, _):
        words = utterance.end(1.0)
        gates.peeked.set()
        gates.judged.set()
        await wait_all_tasks_blocked()
        assert isinstance(words._pending, ScriptedFinal)
        assert gates.completions == []


async def test_resumed_speech_voids_the_guess_and_gets_what_was_held() -> None:
    """What came during the silence belongs to the utterance that goes on."""
    async with guessing() as (gates, utterance, _):
        gates.peeked.set()
        await wait_all_tasks_blocked()
        utterance.feed(packet(1))
        assert gates.line.packets == [b"0"]
        utterance.resume()
        assert gates.line.packets == [b"0", b"1"]
        assert utterance.end(1.0)._known is None


async def test_a_guess_that_arrives_in_the_instant_of_the_resumption_is_void() -> None:
    """The peek's answer and the speaker's voice come in one step of the scheduler: no word may be lost to it."""
    async with guessing() as (gates, utterance, _):
        gates.peeked.set()  # the guess is awake now, and has not run yet
        gates.judged.set()
        utterance.resume()
        utterance.feed(packet(1))
        await wait_all_tasks_blocked()
        assert gates.completions == []
        assert utterance.end(1.0)._known is None, "the words after the pause would have been lost"


async def test_a_guess_that_was_void_before_it_began_does_nothing() -> None:
    """A burst of late packets holds the silence and what followed: the task of the guess starts after all of them."""
    gates = Gates()
    utterance = Utterance(gates.line)
    utterance.feed(packet(0))
    gates.peeked.set()
    gates.judged.set()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(utterance.hold(b"", gates.judge, gates))
        utterance.resume()
        utterance.feed(packet(1))
        await wait_all_tasks_blocked()
        assert gates.completions == []
        assert utterance.end(1.0)._known is None


async def test_a_second_guess_is_not_mixed_up_with_the_first() -> None:
    """Silence, a word, silence again, all in one step: only the second guess counts."""
    gates = Gates()
    utterance = Utterance(gates.line)
    utterance.feed(packet(0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(utterance.hold(b"", gates.judge, gates))
        utterance.resume()
        utterance.feed(packet(1))
        nursery.start_soon(utterance.hold(b"", gates.judge, gates))
        await wait_all_tasks_blocked()
        gates.peeked.set()
        gates.judged.set()
        await wait_all_tasks_blocked()
        assert gates.completions == [0.9]
        assert (await utterance.end(1.0).wait()).text == "0 1"


async def test_what_was_held_is_known_for_the_next_utterance() -> None:
    """The last packets before the end may be the soft beginning of the next word."""
    async with guessing() as (_, utterance, _nursery):
        utterance.feed(packet(1))
        utterance.feed(packet(2))
        assert [held.opus for held in utterance.held] == [b"1", b"2"]


class PlainFinal:
    """A final that comes when the test says so."""

    def __init__(self, text: str, voiced_s: float) -> None:
        self.text, self.voiced_s = text, voiced_s
        self.is_in, self.was_dropped = trio.Event(), False

    async def wait(self) -> Transcript:
        try:
            await self.is_in.wait()
        except trio.Cancelled:
            self.was_dropped = True
            raise
        return Transcript(self.text)


class PlainLine:
    """A line without early transcripts."""

    reconnect_count, is_connected, can_peek = 0, True, False

    def __init__(self) -> None:
        self.finals: list[PlainFinal] = []
        self._packets: list[bytes] = []

    def feed(self, sound: HeardSound) -> None:
        self._packets.append(sound.opus or b"")

    async def peek(self) -> Transcript:
        raise AssertionError("it cannot")

    def end(self, voiced_s: float = 0.0) -> PlainFinal:
        self.finals.append(PlainFinal(b" ".join(self._packets).decode(), voiced_s))
        self._packets = []
        return self.finals[-1]

    async def finish(self) -> Transcript:
        return await self.end().wait()

    def discard(self) -> None:
        self._packets = []


@asynccontextmanager
async def speaking(*, voiced_s: float = 5.0, sounds: int = 1) -> AsyncIterator[tuple[Gates, PlainLine, Utterance]]:
    """An utterance on a plain line whose first guess is under way; each sound lasts 20 ms."""
    gates, line = Gates(), PlainLine()
    utterance = Utterance(line, may_part=True)
    utterance.is_confirmed = True
    for number in range(sounds):
        utterance.feed(packet(number))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(utterance.hold(b"", gates.judge, gates, voiced_s))
        await wait_all_tasks_blocked()
        yield gates, line, utterance
        nursery.cancel_scope.cancel()


async def test_a_guess_on_a_plain_line_ends_a_segment_which_is_the_transcript() -> None:
    """Nothing more is asked for at the end, and what was voiced is told."""
    async with speaking() as (gates, line, utterance):
        assert [final.voiced_s for final in line.finals] == [5.0]
        words = utterance.end(5.0)
        assert len(line.finals) == 1
        line.finals[0].is_in.set()
        assert (await words.wait()).text == "0"
        assert gates.texts == [], "the guess was over when its words came"


async def test_a_short_segment_is_told_again_with_what_follows_it() -> None:
    """Two words alone are often misheard: their transcript is dropped, and no sound is told twice to one utterance."""
    async with speaking(voiced_s=0.5) as (_, line, utterance):
        utterance.feed(packet(1))
        utterance.resume()
        utterance.feed(packet(2))
        words = utterance.end(1.5)
        await wait_all_tasks_blocked()
        assert line.finals[0].was_dropped
        assert [(final.text, final.voiced_s) for final in line.finals] == [("0", 0.5), ("0 1 2", 1.5)]
        line.finals[1].is_in.set()
        assert (await words.wait()).text == "0 1 2"


async def test_long_segments_are_joined_in_order() -> None:
    """What was told is not told again; words that come late and out of order are joined as they were said."""
    async with speaking(sounds=160) as (gates, line, utterance):
        utterance.feed(packet(160))
        utterance.resume()
        utterance.feed(packet(161))
        words = utterance.end(7.0)
        assert [final.voiced_s for final in line.finals] == [5.0, 2.0]
        assert line.finals[1].text == "160 161"
        line.finals[1].is_in.set()
        await wait_all_tasks_blocked()
        line.finals[0].is_in.set()
        assert (await words.wait()).text == " ".join(str(number) for number in range(162))
        assert gates.texts == []


async def test_the_words_of_a_guess_are_those_of_all_segments() -> None:
    """Whether a phrase can end there is judged by the whole of it."""
    async with speaking(sounds=160) as (gates, line, utterance), trio.open_nursery() as nursery:
        utterance.resume()
        utterance.feed(packet(160))
        line.finals[0].is_in.set()
        nursery.start_soon(utterance.hold(b"", gates.judge, gates, 6.0))
        await wait_all_tasks_blocked()
        line.finals[1].is_in.set()
        await wait_all_tasks_blocked()
        assert gates.texts == [" ".join(str(number) for number in range(161))]
        nursery.cancel_scope.cancel()


async def test_a_cough_on_a_plain_line_asks_for_nothing() -> None:
    """What was not voiced long enough ends no segment."""
    gates, line = Gates(), PlainLine()
    utterance = Utterance(line, may_part=True)
    utterance.feed(packet(0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(utterance.hold(b"", gates.judge, gates, 0.1))
        await wait_all_tasks_blocked()
        assert (line.finals, gates.texts) == ([], [None])
        nursery.cancel_scope.cancel()


def test_words_of_segments_are_joined_as_their_script_is_written() -> None:
    """With a space between words, and without one in scripts that have none; silence between them is nothing."""
    parts = [Transcript("I think", confidence=0.9), Transcript(" "), Transcript("we should.", confidence=0.7)]
    assert joined(parts) == Transcript("I think we should.", confidence=0.7)
    assert joined([Transcript("東京の"), Transcript("天気")]).text == "東京の天気"
