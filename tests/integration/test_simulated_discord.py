"""Unmodified discord.py in the simulated Discord: login, calls with DAVE in both directions, plain calls."""

from __future__ import annotations

import pytest
import trio
from tests.support.discord_py import aio, connected, logged_in

from voxbridge.audio.opus import encode_speech
from voxbridge.rehearsal.discord import SimulatedDiscord

pytestmark = pytest.mark.integration


def speech(count, seed=0):
    """Make Opus packets that are all different, and no silence."""
    return [bytes([0x78, seed]) + number.to_bytes(2, "big") * 20 for number in range(count)]


async def test_login_reaches_ready_with_the_world(nursery):
    """A client logs in with the bot's token and finds guild and channels."""
    simulated = SimulatedDiscord()
    await nursery.start(simulated.run)
    async with logged_in(simulated) as client:
        assert client.user.id == simulated.bot_id
        assert [guild.id for guild in client.guilds] == [simulated.guild_id]
        assert client.get_channel(simulated.voice_channel_id).name == "Stage door"
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("library", ["davey", "libdave"])
async def test_call_carries_speech_both_ways_encrypted(nursery, library):
    """What either side says arrives byte for byte at the other, and is a DAVE frame on the wire."""
    simulated = SimulatedDiscord()
    await nursery.start(simulated.run)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice", dave=library)
        await alice.join(simulated.voice_channel_id)
        await alice.wait_dave_ready()
        await simulated.wait_until(lambda: voice.is_dave_ready, timeout_s=2)
        said = speech(15)
        first, last = await alice.speak(said)
        assert 0.27 < last - first < 0.45, f"15 packets took {last - first:.3f} s"
        await simulated.wait_until(lambda: len(voice.datagrams) >= 20, timeout_s=2)
        got = voice.opened()
        assert [p.opus for p in got[:15]] == said
        assert {p.user_id for p in got} == {alice.id}
        answer = speech(15, seed=1)
        await aio(voice.ws.speak)()
        for packet in answer:
            voice.send_audio_packet(packet, encode=False)
        await simulated.wait_until(lambda: len(alice.heard) >= 15, timeout_s=2)
        assert [h.opus for h in alice.heard] == answer
        assert all(h.encrypted and h.user_id == simulated.bot_id for h in alice.heard)
        assert all(p.encrypted or p.is_silence for p in simulated.packets)
        assert not simulated.record.faults
    nursery.cancel_scope.cancel()
