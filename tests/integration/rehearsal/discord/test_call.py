"""Unmodified discord.py in the simulated Discord: login, calls with DAVE in both directions, plain calls."""

from __future__ import annotations

import pytest
import trio

from tests.support.discord_py import aio, client_ready, connected, logged_in, speech, started
from voxbridge.audio.opus import encode_speech
from voxbridge.rehearsal.discord import STAGE, VOICE, Knobs

pytestmark = pytest.mark.integration


async def bot_says(voice, packets, gap_s=0.0):
    await aio(voice.ws.speak)()
    start = trio.current_time()
    for number, packet in enumerate(packets):
        await trio.sleep_until(start + number * gap_s)
        voice.send_audio_packet(packet, encode=False)


async def test_login_reaches_ready_with_the_world(nursery):
    """A client logs in with the bot's token and finds guild and channels."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        assert client.user.id == simulated.bot_id
        assert [guild.id for guild in client.guilds] == [simulated.guild_id]
        assert client.get_channel(simulated.voice_channel_id).name == "Stage door"
    assert simulated.hosts["discord.com"].startswith("127.0.0.1:")


@pytest.mark.parametrize("library", ["davey", "libdave"])
async def test_call_carries_speech_both_ways_encrypted(nursery, library):
    """What either side says arrives byte for byte at the other, and is a DAVE frame on the wire."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice", dave=library)
        await alice.join(simulated.voice_channel_id)
        await alice.wait_dave_ready()
        await simulated.wait_until(lambda: voice.is_dave_ready, timeout_s=20)
        said = speech(15)
        first, last = await alice.speak(said)
        # one every 20 ms and no burst; a first packet that leaves late makes it shorter, a busy machine longer
        assert 0.14 < last - first < 10, f"15 packets took {last - first:.3f} s instead of 0.28 s"
        await simulated.wait_until(lambda: len(voice.packets) >= 20, timeout_s=20)
        got = voice.opened()
        assert [p.opus for p in got[:15]] == said
        assert {p.user_id for p in got} == {alice.id}
        answer = speech(15, seed=1)
        await bot_says(voice, answer)
        await simulated.wait_until(lambda: len(alice.heard) >= 15, timeout_s=20)
        assert [h.opus for h in alice.heard] == answer
        assert all(h.encrypted and h.user_id == simulated.bot_id for h in alice.heard)
        assert all(p.encrypted or p.is_silence for p in simulated.packets)
        assert not simulated.record.faults


async def test_plain_call_carries_opus_in_the_clear(nursery):
    """Without DAVE the session description says so, and payloads are bare Opus in both directions."""
    simulated = await started(nursery, require_dave=False)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice", dave=None)
        await alice.join(simulated.voice_channel_id)
        await alice.speak(speech(3))
        await simulated.wait_until(lambda: len(voice.packets) >= 8, timeout_s=20)
        assert [p.payload for p in voice.opened()[:3]] == speech(3)
        await bot_says(voice, speech(3, seed=1))
        await simulated.wait_until(lambda: len(alice.heard) >= 3, timeout_s=20)
        assert [(h.opus, h.encrypted) for h in alice.heard] == [(opus, False) for opus in speech(3, seed=1)]


async def test_four_joins_and_leaves_under_speech_lose_nothing(nursery):
    """Through nine epochs every frame of both talkers is decrypted by the other."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice", dave="libdave")
        await alice.join(simulated.voice_channel_id)
        await simulated.wait_until(lambda: voice.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
        count = 120
        async with trio.open_nursery() as talk:
            talk.start_soon(lambda: alice.speak(speech(count), gap_s=0.01, tail=False))
            talk.start_soon(bot_says, voice, speech(count, seed=1), 0.01)
            for number in range(4):
                guest = simulated.add_member(f"guest {number}", dave="davey" if number % 2 else "libdave")
                await guest.join(simulated.voice_channel_id)
                await simulated.wait_until(simulated.is_dave_settled, timeout_s=20)
                await guest.leave()
                await simulated.wait_until(simulated.is_dave_settled, timeout_s=20)
        await simulated.wait_until(lambda: len(alice.heard) >= count, timeout_s=20)
        await simulated.wait_until(lambda: len(voice.packets) >= count, timeout_s=20)
        assert simulated.dave_epoch() == 9
        assert [h.opus for h in alice.heard if h.user_id == simulated.bot_id] == speech(count, seed=1)
        assert [p.opus for p in voice.opened()] == speech(count)
        assert not simulated.record.faults


async def test_last_other_member_leaving_starts_the_group_anew(nursery):
    """A bot that is left alone is no longer ready, and is again when somebody comes back."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice")
        for _ in range(2):
            await alice.join(simulated.voice_channel_id)
            await simulated.wait_until(lambda: voice.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
            await alice.leave()
            await simulated.wait_until(lambda: not voice.is_dave_ready, timeout_s=20)
        assert simulated.dave_epoch() == 0


async def test_two_bots_in_one_call_hear_each_other(nursery):
    """Several bots, each with its own token, meet in a call that is encrypted end to end."""
    simulated = await started(nursery)
    other = simulated.world.add_bot("other")
    async with logged_in(simulated) as client, client_ready(simulated, token=other.token) as second:
        mine = await connected(client, simulated.voice_channel_id)
        theirs = await connected(second, simulated.voice_channel_id)
        await simulated.wait_until(lambda: mine.is_dave_ready and theirs.is_dave_ready, timeout_s=20)
        await simulated.wait_until(simulated.is_dave_settled, timeout_s=20)
        await bot_says(theirs, speech(3))
        await simulated.wait_until(lambda: len(mine.packets) >= 3, timeout_s=20)
        assert [(p.user_id, p.opus) for p in mine.opened()] == [(other.user.id, opus) for opus in speech(3)]


async def test_one_bot_sits_in_two_guilds_at_once(nursery):
    """Calls of two guilds are apart: each has its own group, and what is said in one is not heard in the other."""
    simulated = await started(nursery)
    guild = simulated.world.add_guild("Second house")
    foyer = simulated.world.add_channel(guild.id, "Foyer", VOICE)
    async with logged_in(simulated) as client:
        here = await connected(client, simulated.voice_channel_id)
        there = await connected(client, foyer.id)
        alice, bob = simulated.add_member("alice"), simulated.add_member("bob", guild=guild.id)
        await alice.join(simulated.voice_channel_id)
        await bob.join(foyer.id)
        await simulated.wait_until(lambda: here.is_dave_ready and there.is_dave_ready, timeout_s=20)
        await bob.wait_dave_ready()
        await bob.speak(speech(2))
        await simulated.wait_until(lambda: len(there.packets) >= 7, timeout_s=20)
        assert [p.opus for p in there.opened()[:2]] == speech(2)
        assert not here.packets


async def test_heard_pcm_puts_sound_and_pauses_where_they_were(nursery):
    """A member's ear gives the sound back in time: a pause in the RTP clock becomes silence of that length."""
    simulated = await started(nursery)
    alice, bob = simulated.add_member("alice"), simulated.add_member("bob")
    await alice.join(simulated.voice_channel_id)
    await bob.join(simulated.voice_channel_id)
    await alice.wait_dave_ready()
    loud = encode_speech(b"\x00\x40\x00\xc0" * 2400, rate_hz=24_000)
    await bob.wait_dave_ready()
    await alice.speak([*loud, *[None] * 10, *loud], gap_s=0.001)
    heard = bob.heard_pcm(alice.id, rate_hz=48_000)
    assert heard.rate_hz == 48_000
    assert heard.duration_s == pytest.approx((len(loud) * 2 + 10 + 5) * 0.02, abs=1e-9)


@pytest.mark.parametrize("library", ["davey", "libdave"])
async def test_clients_own_commit_makes_the_group_when_members_hold_back(nursery, library):
    """With members that leave the commits to it, discord.py founds the group and lets the next one in."""
    simulated = await started(nursery, knobs=Knobs(members_commit=False))
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        people = [simulated.add_member(name, dave=library) for name in ("alice", "bob")]
        for person in people:
            await person.join(simulated.voice_channel_id)
            await simulated.wait_until(lambda: voice.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
        await bot_says(voice, speech(2))
        for person in people:
            await simulated.wait_until(lambda heard=person.heard: len(heard) >= 2, timeout_s=20)
            assert [h.opus for h in person.heard] == speech(2)


async def test_rejoin_of_the_same_bot_takes_its_old_seat(nursery):
    """A bot that leaves and comes back is one participant, with fresh keys and a fresh stream."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    ssrcs = set()
    async with logged_in(simulated) as client:
        for count in (1, 2):
            voice = await connected(client, simulated.voice_channel_id)
            await simulated.wait_until(lambda v=voice: v.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
            await bot_says(voice, speech(1, seed=count))
            await simulated.wait_until(lambda n=count: len(alice.heard) == n, timeout_s=20)
            ssrcs.add(alice.heard[-1].ssrc)
            await aio(voice.disconnect)()
            assert simulated.channel_of(simulated.bot_id) is None
            assert not simulated.is_in_call(simulated.bot_id)
        assert [h.opus for h in alice.heard] == [*speech(1, seed=1), *speech(1, seed=2)]
        assert len(ssrcs) == 2


async def test_member_without_keys_is_silent_rather_than_plain(nursery):
    """A member who is alone has nobody to encrypt for, and sends nothing but silence frames."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    await alice.speak(speech(2), gap_s=0.001)
    assert alice.gated_packets == 2
    assert all(packet.is_silence for packet in simulated.packets)


async def test_camera_packets_have_their_own_stream_and_type(nursery):
    """Video is announced by op 12 and travels beside the sound."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        raw = []
        voice._connection.add_socket_listener(lambda datagram: raw.append(datagram))
        alice = simulated.add_member("alice")
        await alice.join(simulated.voice_channel_id)
        alice.send_video(b"a picture")
        simulated.send_datagram(simulated.bot_id, b"\x80\xc9\x00\x06" + bytes(24))
        await simulated.wait_until(lambda: len(raw) == 2, timeout_s=20)
        assert raw[0][1] == 101
        assert int.from_bytes(raw[0][8:12], "big") == alice.ssrc + 1
        assert raw[1][1] == 201
        assert not voice.packets
        await simulated.wait_until(lambda: 12 in voice.ops, timeout_s=20)


async def test_guilds_and_channels_may_come_and_go(nursery):
    """A client that is logged in learns of them; a call in a deleted channel is terminated."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        guild = simulated.add_guild("Second house")
        foyer = simulated.add_channel("Foyer", guild=guild.id)
        await simulated.wait_until(lambda: client.get_channel(foyer.id) is not None, timeout_s=20)
        voice = await connected(client, foyer.id)
        alice = simulated.add_member("alice", guild=guild.id)
        await alice.join(foyer.id)
        simulated.delete_channel(foyer.id)
        await simulated.wait_until(lambda: not voice.is_connected(), timeout_s=20)
        assert not alice.is_in_call
        assert client.get_channel(foyer.id) is None


async def test_stage_channel_is_carried_in_the_clear(nursery):
    """DAVE leaves stage channels out, even where voice channels demand it."""
    simulated = await started(nursery)
    stage = simulated.add_channel("Proscenium", STAGE)
    async with logged_in(simulated) as client:
        voice = await connected(client, stage.id)
        assert voice._connection.dave_protocol_version == 0


async def test_clear_forgets_what_was_recorded(nursery):
    """The record can be emptied during a long run, and goes on."""
    simulated = await started(nursery, require_dave=False)
    alice, bob = simulated.add_member("alice"), simulated.add_member("bob")
    for person in (alice, bob):
        await person.join(simulated.voice_channel_id)
    await alice.speak(speech(2), gap_s=0.001)
    assert len(bob.heard) == 7
    simulated.record.clear()
    assert not bob.heard
    assert not simulated.packets
    await alice.speak(speech(1), gap_s=0.001)
    assert len(bob.heard) == len(simulated.packets) == 6
