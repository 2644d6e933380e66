"""The guess of an utterance, and what becomes of it in the instants that matter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.stages import ScriptedFinal, ScriptedLine, ScriptedStt
from voxbridge.core.sound.pcm import HeardSound
from voxbridge.session.utterance import Utterance
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
        self.line = GatedLine(ScriptedStt(can_peek=True), gates=self)

    async def judge(self, _pcm: bytes) -> float:
        await self.judged.wait()
        return 0.9


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
        nursery.start_soon(utterance.hold(b"", gates.judge, gates.completions.append))
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
        nursery.start_soon(utterance.hold(b"", gates.judge, gates.completions.append))
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
        nursery.start_soon(utterance.hold(b"", gates.judge, gates.completions.append))
        utterance.resume()
        utterance.feed(packet(1))
        nursery.start_soon(utterance.hold(b"", gates.judge, gates.completions.append))
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
