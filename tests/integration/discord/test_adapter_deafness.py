"""Deaf without an error: nothing fails, and nobody is heard. Seen, told, and mended."""

from __future__ import annotations

import pytest
import trio

from tests.support.discord_bench import Bench, frames, open_call
from voxbridge.core.call.events import VoiceDown, VoiceUp
from voxbridge.rehearsal.discord import Member, SimulatedDiscord

pytestmark = pytest.mark.integration

DEAF_AFTER_S = 0.6  # 3 s in earnest


async def is_heard(bench: Bench, member: Member, salt: int) -> None:
    await bench.until_open()
    await member.wait_dave_ready()
    await member.speak(frames(5, salt), gap_s=0.01)
    await bench.until(lambda: bench.opus_of(member.id)[-5:] == frames(5, salt))


async def test_a_way_that_is_blocked_is_left_and_made_anew():
    """Ada is announced and not a packet comes: fresh keys do not help, so we join anew, once, and hear her again."""
    discord = SimulatedDiscord()
    async with open_call(discord, deaf_after_s=DEAF_AFTER_S) as (bench, ada), trio.open_nursery() as nursery:
        discord.knobs.forward_sound = False
        nursery.start_soon(ada.speak, frames(10_000))
        await bench.until(lambda: bench.room.counters.dave_heals == 1)
        assert bench.count(VoiceDown) == 0, "left before fresh keys were tried"
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        (down,) = [event for event in bench.said if isinstance(event, VoiceDown)]
        assert down.reason == "somebody speaks and nobody is heard"
        assert bench.room.counters.deaf == 2
        discord.knobs.forward_sound = True
        before = len(bench.opus_of(ada.id))
        await bench.until(lambda: len(bench.opus_of(ada.id)) > before + 10)
        nursery.cancel_scope.cancel()
    assert len(bench.ports) == 1


async def test_a_client_that_announces_and_is_silent_is_one_among_others():
    """Bob keeps his key pressed and says nothing, while Ada is heard: nothing is wrong with us."""
    discord = SimulatedDiscord()
    async with open_call(discord, deaf_after_s=DEAF_AFTER_S) as (bench, ada), trio.open_nursery() as nursery:
        bob = discord.add_member("Bob")
        await bob.join(discord.voice_channel_id)
        await bob.wait_dave_ready()
        nursery.start_soon(bob.speak, [None] * 10_000)
        await ada.speak(frames(100), gap_s=0.02)
        counters = bench.room.counters
        assert (counters.deaf, counters.dave_heals, counters.rejoins) == (0, 0, 0)
        nursery.cancel_scope.cancel()


async def test_silence_is_no_deafness():
    """Nobody is announced: however long it is quiet, we stay as we are."""
    async with open_call(SimulatedDiscord(), deaf_after_s=DEAF_AFTER_S) as (bench, ada):
        await is_heard(bench, ada, salt=1)
        await trio.sleep(2.5)
        assert bench.room.counters.deaf == 0
        await is_heard(bench, ada, salt=2)
