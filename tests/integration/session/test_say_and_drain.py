"""Texts of the operator's, and the end of it all: nothing hangs, and what is told is true. In virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.errors import StageUnavailable
from voxbridge.testing.servers.chatterbox import Fault

pytestmark = pytest.mark.integration

THREE = "This is the first sentence. This is the second one of them. And this is the third."


@attrs.define
class Said:
    """A text that is being said: the result, and when it was there."""

    result: bool | None = None
    after_s: float | None = None
    over: trio.Event = attrs.field(factory=trio.Event)


@asynccontextmanager
async def saying(hall: Hall, text: str = THREE) -> AsyncIterator[Said]:
    """Have the room say a text, as a command would: from a task that is not the room's."""
    said = Said()
    began = trio.current_time()

    async def say() -> None:
        said.result = await hall.room.say(text)
        said.after_s = trio.current_time() - began
        said.over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say)
        yield said
        with trio.fail_after(200):
            await said.over.wait()


async def test_say_returns_when_the_bot_leaves(autojump_clock: trio.testing.MockClock) -> None:
    """We leave the channel in mid-sentence: the command is told at once that it was not heard."""
    async with open_hall() as hall:
        async with saying(hall) as said:
            await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
            hall.port.hang_up()
            left_at = trio.current_time()
            await said.over.wait()
            assert trio.current_time() - left_at == pytest.approx(0.0, abs=1e-9)
        assert said.result is False
        assert await hall.room.say("Is anybody there?") is False


async def test_say_tells_that_nothing_left(autojump_clock: trio.testing.MockClock) -> None:
    """The gate is shut: after ten seconds the text is given up, and the command is told so."""
    async with open_hall() as hall:
        hall.port.gate_open = False
        async with saying(hall) as said:
            pass
        assert (said.result, hall.port.frames) == (False, [])
        assert said.after_s == pytest.approx(10.0, abs=0.2)


async def test_say_tells_that_it_was_heard(autojump_clock: trio.testing.MockClock) -> None:
    """All three sentences, one after the other without a pause: True, and not before the last frame."""
    async with open_hall() as hall:
        async with saying(hall) as said:
            pass
        assert said.result is True
        voice = hall.port.voice
        assert voice[-1].at - voice[0].at == pytest.approx((len(voice) - 1) * FRAME_S, abs=1e-9)
        assert [asked.fields.text for asked in hall.tts.spoken] == THREE.replace(". ", ".|").split("|")


async def test_say_with_a_dead_voice_ends_soon(autojump_clock: trio.testing.MockClock) -> None:
    """Twenty sentences for a server that hangs: the first one's limit is waited for, not twenty."""
    async with open_hall() as hall:
        hall.tts.lasting_fault = Fault("hang")
        async with saying(hall, THREE * 7) as said:
            pass
        assert said.result is False
        assert said.after_s is not None
        assert said.after_s <= 6.0


@pytest.mark.parametrize("text", ["👍", "..."])
async def test_say_tells_that_there_was_nothing_to_say(autojump_clock: trio.testing.MockClock, text: str) -> None:
    """A thumb is no speech: nobody has heard it."""
    async with open_hall() as hall:
        assert await hall.room.say(text) is False


async def test_say_winds_up_in_a_drain(autojump_clock: trio.testing.MockClock) -> None:
    """The sentence that is being spoken is the last one, and whole; the command is told that it was not all."""
    async with open_hall() as hall:
        async with saying(hall) as said:
            await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
            await hall.room.drain(8.0)
        assert said.result is False
        first_s = len(THREE.split(". ")[0] + ".") * 0.06
        assert len(hall.port.voice) * FRAME_S == pytest.approx(first_s, abs=FRAME_S)


@pytest.mark.parametrize("hung", ["stt", "agent", "tts"])
async def test_a_drain_with_nothing_sounding_waits_for_no_server(
    autojump_clock: trio.testing.MockClock, hung: str
) -> None:
    """A server that hangs is left where it is: with no sound to end, the drain takes no time."""
    stt, agent, tts = ScriptedStt(), ScriptedAgent(), ScriptedTts()
    {"stt": stt, "agent": agent, "tts": tts}[hung].delay_s = 1000.0
    async with open_hall(change=lambda tools: attrs.evolve(tools, stt=stt, agent=agent, tts=tts)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(2)
        began = trio.current_time()
        await hall.room.drain(8.0)
        assert trio.current_time() - began == pytest.approx(0.0, abs=1e-9)
        report = await hall.wait_report(0)
        assert report.outcome == "cancelled"
        assert hall.port.posted == []


async def test_a_drain_between_two_stretches_of_speech_waits_for_no_server(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A superseded turn whose words are awaited by the next one: both end with the drain."""
    stt = ScriptedStt(delay_s=1000.0)
    async with open_hall(change=lambda tools: attrs.evolve(tools, stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.4)
        await hall.say(ada)
        await trio.sleep(1.4)
        assert hall.room.open_turns == 2
        began = trio.current_time()
        await hall.room.drain(8.0)
        assert trio.current_time() - began == pytest.approx(0.0, abs=1e-9)
        assert hall.room.open_turns == 0


async def test_an_agent_that_fails_while_the_drain_ends_a_sentence(autojump_clock: trio.testing.MockClock) -> None:
    """The failure behind the last sentence is nobody's business any more: no apology follows."""
    agent = ScriptedAgent(outcomes=[StageUnavailable("agent", "down")], delay_s=1000.0)
    async with open_hall(change=lambda tools: attrs.evolve(tools, agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(2)
        await hall.room.drain(8.0)
        await trio.sleep(2000)
        assert (hall.port.frames, hall.port.posted) == ([], [])
