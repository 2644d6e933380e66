"""What can go wrong at Discord, done to unmodified discord.py: moves, kicks, spoilt commits, lost gateways, REST."""

from __future__ import annotations

import discord
import pytest
import trio

from tests.support.discord_py import aio, client_ready, connected, island, logged_in, speech, started
from voxbridge.rehearsal.discord import Impairment, Knobs

pytestmark = pytest.mark.integration


async def call_with_alice(simulated, client, library="davey"):
    """Join with the bot and one member, and wait until both are in the group."""
    voice = await connected(client, simulated.voice_channel_id)
    alice = simulated.add_member("alice", dave=library)
    await alice.join(simulated.voice_channel_id)
    await simulated.wait_until(lambda: voice.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
    return voice, alice


async def test_move_leads_a_client_to_the_other_channel(nursery):
    """A moved client connects anew by itself, and is in the other call with a new group."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client)
        simulated.move(simulated.bot_id, simulated.other_voice_channel_id)
        await simulated.wait_until(
            lambda: simulated.is_in_call(simulated.bot_id, simulated.other_voice_channel_id), timeout_s=20
        )
        assert not simulated.is_in_call(simulated.bot_id, simulated.voice_channel_id)
        await alice.join(simulated.other_voice_channel_id)
        await simulated.wait_until(lambda: voice.is_dave_ready, timeout_s=20)
        assert simulated.channel_of(simulated.bot_id).id == simulated.other_voice_channel_id


async def test_kick_takes_a_client_out_for_good(nursery):
    """A kicked client is told on both gateways, and does not come back."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, _ = await call_with_alice(simulated, client)
        simulated.kick(simulated.bot_id)
        await simulated.wait_until(lambda: not voice.is_connected() and client.voice_clients == [], timeout_s=20)
        assert simulated.channel_of(simulated.bot_id) is None


async def test_kicked_member_is_out_of_the_call(nursery):
    """A person can be thrown out like a client."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    simulated.kick(alice.id)
    assert not alice.is_in_call
    assert not simulated.is_in_call(alice.id)


@pytest.mark.parametrize("fault", ["spoil_next_commit", "send_bad_commit"])
async def test_bad_commit_puts_a_client_out_and_in_again(nursery, fault):
    """The client reports the commit (31), offers a key package (26), and is back in the group; speech works."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client, "libdave")
        simulated.record.events.clear()
        getattr(simulated, fault)(simulated.bot_id)
        if fault == "spoil_next_commit":
            guest = simulated.add_member("guest")
            await guest.join(simulated.voice_channel_id)
        await simulated.wait_until(lambda: 31 in simulated.record.voice_ops(simulated.bot_id), timeout_s=20)
        await simulated.wait_until(lambda: voice.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
        ops = simulated.record.voice_ops(simulated.bot_id)
        assert ops.index(31) < ops.index(26), f"the client sent {ops}"
        await alice.speak(speech(3))
        await simulated.wait_until(lambda: len(voice.packets) >= 8, timeout_s=20)
        assert [p.opus for p in voice.opened()[:3]] == speech(3)


@pytest.mark.parametrize("library", ["davey", "libdave"])
async def test_bad_commit_puts_a_member_out_and_in_again(nursery, library):
    """Members recover from a spoilt commit as a client does."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client, library)
        simulated.send_bad_commit(alice.id)
        assert simulated.record.counts["invalid_commits_of_members"] == 1
        await simulated.wait_until(lambda: simulated.is_dave_settled() and alice.is_dave_ready, timeout_s=20)
        await alice.speak(speech(3))
        await simulated.wait_until(lambda: len(voice.packets) >= 8, timeout_s=20)
        assert [p.opus for p in voice.opened()[:3]] == speech(3)


async def test_downgrade_and_upgrade_lead_a_call_out_of_encryption_and_back(nursery):
    """Op 21 with version 0 makes both sides speak plainly; op 24 founds a new group."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client)
        simulated.downgrade_dave()
        await simulated.wait_until(lambda: voice._connection.dave_protocol_version == 0, timeout_s=20)
        await alice.speak(speech(2))
        await simulated.wait_until(lambda: len(voice.packets) >= 7, timeout_s=20)
        assert [p.payload for p in voice.opened()[:2]] == speech(2)
        simulated.upgrade_dave()
        await simulated.wait_until(lambda: voice.is_dave_ready and simulated.is_dave_settled(), timeout_s=20)
        await alice.speak(speech(2))
        await simulated.wait_until(lambda: len(voice.packets) >= 7, timeout_s=20)
        got = voice.opened()[:2]
        assert [p.opus for p in got] == speech(2)
        assert [p.payload for p in got] != speech(2)


async def test_mute_and_deaf_by_the_server_stop_the_packets(nursery):
    """A muted member is heard by nobody, a deafened one hears nobody, and clients are told."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client)
        simulated.mute(alice.id)
        await alice.speak(speech(2), tail=False)
        assert len(simulated.packets) == 2
        assert not simulated.record.deliveries
        simulated.mute(alice.id, on=False)
        simulated.deafen(simulated.bot_id)
        await alice.speak(speech(2), tail=False)
        assert not simulated.record.deliveries
        await simulated.wait_until(lambda: voice.guild.me.voice.deaf, timeout_s=20)
        simulated.deafen(simulated.bot_id, on=False)
        await alice.speak(speech(2), tail=False)
        assert len(simulated.record.deliveries) == 2


async def test_lost_main_gateway_is_resumed_with_what_was_missed(nursery):
    """After close 4000 discord.py resumes, gets the events between, and voice is untouched."""
    simulated = await started(nursery)
    resumed = trio.Event()

    def setup(client):
        @client.event
        async def on_resumed():
            resumed.set()

    async with logged_in(simulated, setup=setup) as client:
        voice, _ = await call_with_alice(simulated, client)
        simulated.close_gateway(4000)
        bob = simulated.add_member("bob")
        await bob.join(simulated.voice_channel_id)
        with trio.fail_after(20):
            await resumed.wait()
        await simulated.wait_until(lambda: bob.id in voice.channel.voice_states, timeout_s=20)
        assert voice.is_connected()
        assert 6 in [e.op for e in simulated.events if e.source == "gateway" and e.direction == "in"]


async def test_invalidated_session_makes_a_client_identify_anew(nursery):
    """After op 9 false a second READY comes on a new session."""

    class Hasty(discord.Client):
        async def before_identify_hook(self, shard_id, *, initial=False):
            """Do not wait 5 s, as discord.py does by default."""

    simulated = await started(nursery)
    async with logged_in(simulated, factory=Hasty):
        simulated.invalidate_gateway_session()
        await simulated.wait_until(lambda: [e.name for e in simulated.events].count("READY") == 2, timeout_s=20)


@pytest.mark.parametrize("fault", ["token", "rest"])
async def test_refused_login_is_a_login_failure(nursery, fault):
    """A wrong token, or a 401, ends discord.py with LoginFailure."""
    simulated = await started(nursery)
    if fault == "rest":
        simulated.fail_rest(401, path="/users/@me")
    async with island():
        with pytest.RaisesGroup(discord.LoginFailure, flatten_subgroups=True):
            async with client_ready(simulated, token="wrong" if fault == "token" else None):
                pass


async def test_privileged_intents_are_refused(nursery):
    """Close code 4014 of the main gateway: intents that were not granted."""
    simulated = await started(nursery)
    async with island():
        with pytest.RaisesGroup(discord.PrivilegedIntentsRequired, flatten_subgroups=True):
            async with client_ready(simulated, intents=discord.Intents(guilds=True, message_content=True)):
                pass


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_passing_rest_errors_are_retried_by_the_client(nursery, status):
    """A rate limit and a server error hold a message up, and do not lose it."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        simulated.fail_rest(status, method="POST", path="/channels/*/messages", retry_after_s=0.05)
        await aio(client.get_channel(simulated.text_channel_id).send)("hello")
        assert [m.content for m in simulated.messages] == ["hello"]
        assert [e.name for e in simulated.events].count(f"POST /channels/{simulated.text_channel_id}/messages") == 2


async def test_full_channel_does_not_answer(nursery):
    """Without a free slot there is no answer to op 4 at all."""
    simulated = await started(nursery)
    simulated.world.channel(simulated.voice_channel_id).user_limit = 1
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    async with logged_in(simulated) as client:
        with pytest.raises(TimeoutError):
            await connected(client, simulated.voice_channel_id, timeout=0.3)


async def send_numbered(simulated, voice, count):
    await aio(voice.ws.speak)()
    for packet in speech(count):
        voice.send_audio_packet(packet, encode=False)
    return speech(count)


@pytest.mark.parametrize("direction", ["uplink", "downlink"])
async def test_impairments_lose_duplicate_and_reorder_as_told(nursery, direction):
    """The network's knobs act on the direction they name, and alike in every run."""
    rough = Impairment(loss=0.2, duplicate=0.2, reorder=0.2, seed=7)
    simulated = await started(nursery, require_dave=False, knobs=Knobs())
    count = 100
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice")
        await alice.join(simulated.voice_channel_id)
        setattr(simulated.knobs, direction, rough)
        dice = Impairment(loss=0.2, duplicate=0.2, reorder=0.2, seed=7)
        expected = sum(len(dice.copies()) for _ in range(count))
        if direction == "uplink":
            await send_numbered(simulated, voice, count)
            await simulated.wait_until(lambda: len(alice.heard) >= expected, timeout_s=20)
            order = [int.from_bytes(h.opus[2:4], "big") for h in alice.heard]
        else:
            await alice.speak(speech(count), gap_s=0.001, tail=False)
            await simulated.wait_until(lambda: len(voice.packets) >= expected, timeout_s=20)
            order = [int.from_bytes(p.opus[2:4], "big") for p in voice.opened()]
        assert len(order) == expected
        assert len(set(order)) < count, "nothing was lost"
        assert len(set(order)) < len(order), "nothing was doubled"
        assert order != sorted(order), "nothing was reordered"


async def test_delay_holds_packets_back(nursery):
    """A delayed packet arrives later by the delay."""
    simulated = await started(nursery, require_dave=False)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        alice = simulated.add_member("alice")
        await alice.join(simulated.voice_channel_id)
        simulated.knobs.downlink = Impairment(delay_s=0.15)
        began = trio.current_time()
        await alice.speak(speech(1), tail=False)
        await simulated.wait_until(lambda: len(voice.packets) >= 1, timeout_s=20)
        took = trio.current_time() - began
        assert 0.15 <= took < 10.0, f"arrived after {took:.3f} s, wanted 0.15 s"


async def test_padding_and_header_extension_follow_their_knobs(nursery):
    """Every n-th packet is padded; the extension can be left out; either way the payload is whole."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client)
        simulated.knobs.padding_every = 2
        await alice.speak(speech(6), tail=False)
        simulated.knobs.header_extension = False
        await alice.speak(speech(6), tail=False)
        await simulated.wait_until(lambda: len(voice.packets) >= 12, timeout_s=20)
        assert [p.opus for p in voice.opened()] == speech(6) * 2
        assert [bool(d[0] & 0x20) for d in voice.datagrams] == [False, True] * 6
        assert [bool(d[0] & 0x10) for d in voice.datagrams] == [True] * 6 + [False] * 6


async def test_client_silent_by_udp_goes_deaf_until_its_next_keepalive(nursery):
    """As seen in the field: no datagram for a while, nothing is forwarded; a keepalive cures it."""
    simulated = await started(nursery, knobs=Knobs(udp_silence_timeout_s=0.2))
    async with logged_in(simulated) as client:
        voice, alice = await call_with_alice(simulated, client)
        await trio.sleep(0.3)
        await alice.speak(speech(2), tail=False)
        assert simulated.record.counts["not_sent_to_a_silent_client"] == 2
        simulated.knobs.udp_silence_timeout_s = 60.0  # from the next datagram on, however busy this machine is
        voice._connection.send_packet(bytes(8))
        await simulated.wait_until(lambda: simulated.record.counts["keepalives"] == 1, timeout_s=20)
        await alice.speak(speech(1), tail=False)
        await simulated.wait_until(lambda: len(voice.packets) == 1, timeout_s=20)


@pytest.mark.parametrize("echo", [True, False])
async def test_keepalives_are_echoed_if_told(nursery, echo):
    """The 8 bytes of a keepalive come back, or do not."""
    simulated = await started(nursery, require_dave=False)
    async with logged_in(simulated) as client:
        voice = await connected(client, simulated.voice_channel_id)
        echoes = []
        voice._connection.add_socket_listener(lambda datagram: echoes.append(datagram))
        simulated.knobs.echo_keepalives = echo
        alice = simulated.add_member("alice")
        await alice.join(simulated.voice_channel_id)
        voice._connection.send_packet(b"12345678")
        await simulated.wait_until(lambda: simulated.record.counts["keepalives"] == 1, timeout_s=20)
        await alice.speak(speech(1), tail=False)
        await simulated.wait_until(lambda: len(voice.packets) == 1, timeout_s=20)
        assert (b"12345678" in echoes) is echo
