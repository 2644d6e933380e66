"""What Discord does to a bot that users complain of: each, and that we end up in the call, heard and hearing."""

from __future__ import annotations

import pytest
import trio

from tests.integration.discord.test_adapter_rejoin import hears_again
from tests.support.discord_bench import Bench, frames, open_bench, open_call
from voxbridge.core.call.events import MemberLeft, VoiceDown, VoiceUp
from voxbridge.errors import VoiceHandshakeError
from voxbridge.rehearsal.discord import STAGE, Knobs, SimulatedDiscord

pytestmark = pytest.mark.integration

IDENTIFY = 0


async def comes_back(bench: Bench) -> None:
    """Wait for the second connection."""
    await bench.until(lambda: bench.count(VoiceUp) == 2)


# Away for good


async def test_answers_that_are_late_by_seconds_are_no_kick():
    """Voice 4006 while the main gateway is 3 s late: our own leaving is confirmed late, and taken for nothing else."""
    discord = SimulatedDiscord()
    async with open_call(discord, connect_limit_s=5.0) as (bench, ada):
        discord.knobs.gateway_late_s = 3.0
        discord.close_voice(discord.bot_id, 4006)
        await comes_back(bench)
        discord.knobs.gateway_late_s = 0.03
        await hears_again(bench, ada, salt=1)
        assert len(bench.ports) == 1


async def test_a_kick_whose_word_is_late_by_seconds_holds():
    """The voice server lets us go at once, the main gateway says why 3 s later: we stay out."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, _):
        discord.knobs.gateway_late_s = 3.0
        discord.kick(discord.bot_id)
        await bench.until(lambda: bench.has_ended)
        await trio.sleep(1.0)
        assert bench.bridge.seat(discord.guild_id) is None
        assert discord.channel_of(discord.bot_id) is None


async def test_a_network_that_is_gone_for_a_while_brings_no_kick():
    """The network fails for long enough that Discord gives our place away; the TCP connections outlive it."""
    discord = SimulatedDiscord(knobs=Knobs(voice_heartbeat_ms=4000))
    async with open_call(discord) as (bench, ada):
        discord.break_network()
        await trio.sleep(11.0)  # the voice server has missed our heartbeats for 8 s
        discord.break_network(on=False)
        await bench.until(lambda: bench.count(VoiceUp) >= 2)
        await hears_again(bench, ada, salt=2)
        assert len(bench.ports) == 1


@pytest.mark.parametrize("lost", [1, 3])
async def test_lost_discovery_replies_are_asked_for_again(lost):
    """At a change of voice servers the answer to our discovery is lost: it is asked again, within the handshake."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        discord.knobs.lose_discovery_replies = lost
        discord.change_voice_server(discord.bot_id)
        await comes_back(bench)
        identified = discord.record.voice_ops(discord.bot_id).count(IDENTIFY)
        assert identified == 2, f"{identified - 1} handshakes for one change: the question was not asked again"
        await hears_again(bench, ada, salt=3)


async def test_a_discovery_that_is_never_answered_is_given_up_and_all_is_made_anew():
    """No state without a limit: after five seconds we leave and join anew."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        discord.knobs.answer_ip_discovery = False
        discord.change_voice_server(discord.bot_id)
        await bench.until(lambda: "did not answer within 5 s" in bench.room.counters.last_close)
        discord.knobs.answer_ip_discovery = True
        await comes_back(bench)
        await hears_again(bench, ada, salt=4)


async def test_two_voice_servers_within_a_moment_are_followed_to_the_second():
    """Thirty milliseconds apart, in mid-handshake: the newest token is the good one."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        for gap_s in (0.03, 0.0, 0.01):
            discord.change_voice_server(discord.bot_id)
            await trio.sleep(gap_s)
        discord.change_voice_server(discord.bot_id)
        await bench.until(lambda: bench.count(VoiceUp) >= 2)
        await hears_again(bench, ada, salt=5)
        assert len(bench.ports) == 1


async def test_two_joins_of_one_channel_at_once_are_one():
    """The second finds what it wants under way; nobody is thrown out when the first one's time is over."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        guild, channel = bench.discord.guild_id, bench.discord.voice_channel_id
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.bridge.join, guild, channel)
            await trio.sleep(0.005)
            nursery.start_soon(bench.bridge.join, guild, channel)
        assert bench.bridge.is_seated(guild, channel)
        assert len(bench.ports) == 1
        assert bench.room.counters.joins == 1


async def test_a_leave_takes_back_a_join_that_is_still_under_way():
    """/join of a full channel, /leave a moment later: out, and out we stay."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        guild, channel = bench.discord.guild_id, bench.discord.voice_channel_id
        bench.discord.knobs.dispatch_voice_updates = False
        failures: list[VoiceHandshakeError] = []

        async def join() -> None:
            try:
                await bench.bridge.join(guild, channel)
            except VoiceHandshakeError as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(join)
            await trio.sleep(0.3)
            await bench.bridge.leave(guild)
        assert "something else was asked for" in str(failures[0])
        bench.discord.knobs.dispatch_voice_updates = True
        await trio.sleep(3.0)  # longer than the join would have taken to fail
        assert bench.bridge.seat(guild) is None
        assert bench.discord.channel_of(bench.discord.bot_id) is None


async def test_a_kick_after_a_move_is_obeyed():
    """A moderator's move leaves everything else what it is: removed from there, we stay out."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.move(bench.discord.bot_id, bench.discord.other_voice_channel_id)
        await bench.until(lambda: len(bench.ports) == 2 and bench.room.is_connected)
        bench.discord.kick(bench.discord.bot_id)
        await bench.until(lambda: bench.has_ended)
        await trio.sleep(0.5)
        assert bench.bridge.seat(bench.discord.guild_id) is None
        assert bench.discord.channel_of(bench.discord.bot_id) is None


async def test_a_fatal_code_after_a_move_is_obeyed():
    """4017 in the channel that we were dragged to ends it there as anywhere."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.move(bench.discord.bot_id, bench.discord.other_voice_channel_id)
        await bench.until(lambda: len(bench.ports) == 2 and bench.room.is_connected)
        bench.discord.close_voice(bench.discord.bot_id, 4017)
        await bench.until(lambda: bench.has_ended)
        assert bench.bridge.seat(bench.discord.guild_id) is None


async def test_on_a_stage_we_ask_to_speak_and_come_back_after_a_drop():
    """Dragged on to a stage: said once, asked for the microphone, heard when invited; a drop is like any other."""
    discord = SimulatedDiscord(require_dave=False)
    stage = discord.add_channel("Stage", STAGE)
    async with open_call(discord, None, require_e2ee=False) as (bench, _):
        discord.move(discord.bot_id, stage.id)
        await bench.until(lambda: len(bench.ports) == 2 and bench.room.is_connected)
        await bench.until(lambda: discord.record.counts["asked_to_speak"] == 1)
        assert not bench.port.can_send
        await bench.until(lambda: ["audience" in m.content for m in discord.messages] == [True])
        discord.close_voice(discord.bot_id, 4006)
        await comes_back(bench)
        discord.invite_to_speak(discord.bot_id)
        await bench.until_open()
        assert len(discord.messages) == 1


async def test_a_stage_that_is_not_encrypted_is_refused_with_the_reason():
    """require_e2ee and a stage cannot both be had: the command says so, and the bridge does not join to be silent."""
    discord = SimulatedDiscord()
    stage = discord.add_channel("Stage", STAGE)
    async with open_bench(discord, join=()) as bench:
        with pytest.raises(VoiceHandshakeError, match="not end-to-end encrypted"):
            await bench.bridge.join(discord.guild_id, stage.id)


ODD_EVENTS = [
    ("CHANNEL_UPDATE", {}),
    ("INTERACTION_CREATE", {}),
    ("VOICE_STATE_UPDATE", {}),
    ("VOICE_STATE_UPDATE", {"guild_id": "x", "user_id": None, "channel_id": []}),
    ("VOICE_SERVER_UPDATE", {"guild_id": "1"}),
    ("VOICE_SERVER_UPDATE", None),
    ("GUILD_CREATE", {"id": "7"}),
]


async def test_events_that_cannot_be_parsed_cost_themselves_and_nothing_else():
    """Logged once each with their type; the call goes on, and so does the gateway."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        for name, data in ODD_EVENTS * 2:
            bench.discord.dispatch(name, data)
        await trio.sleep(0.3)
        await hears_again(bench, ada, salt=6)
        assert bench.count(VoiceUp) == 1
        assert bench.bridge.status().is_logged_in


async def test_a_message_that_ends_discord_pys_loop_begins_a_new_session():
    """What fails before the parsers are asked costs one session of the gateway, and neither the daemon nor the call."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.dispatch("RESUMED", None)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await hears_again(bench, ada, salt=13)
        assert len(bench.ports) == 1


# Deaf or mute without knowing


async def test_a_voice_server_that_is_dead_at_a_change_shuts_the_gate_at_once():
    """No answer is spoken into the void: the gate shuts with the news, and opens with the new server."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        discord.change_voice_server(discord.bot_id, old_is_dead=True, gone_for_s=0.5)
        await bench.until(lambda: bench.count(VoiceDown) == 1)
        assert not bench.port.can_send
        await comes_back(bench)
        assert bench.room.counters.rejoins == 1
        await hears_again(bench, ada, salt=7)


async def test_a_way_that_carries_nothing_any_more_is_noticed_without_a_word_of_discords():
    """Op 5 comes once for each member, so nobody is announced: keepalives that are echoed no more give it away."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        await bench.until(lambda: bench.room.udp_ping_s is not None)
        discord.knobs.downlink.loss = 1.0
        await bench.until(lambda: bench.count(VoiceDown) == 1)
        (down,) = [event for event in bench.said if isinstance(event, VoiceDown)]
        assert down.reason == "nothing comes through the voice socket any more"
        discord.knobs.downlink.loss = 0.0
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await hears_again(bench, ada, salt=8)


async def test_silence_is_sent_first_for_servers_that_forward_nothing_before():
    """A server that sends nothing to who has never sent: our five frames of silence open the way."""
    async with open_call(SimulatedDiscord(knobs=Knobs(sound_only_after_sound=True))) as (bench, ada):
        await ada.speak(frames(3), gap_s=0.01)
        await bench.until(lambda: bench.opus_of(ada.id) == frames(3))


async def test_where_an_earlier_life_has_left_us_in_the_channel_we_join_all_the_same():
    """Discord does not answer when nothing changes: we leave first, and lose no ten seconds."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        discord.invalidate_gateway_session()  # the place in the channel stays, and the new session does not know it
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await hears_again(bench, ada, salt=9)


async def test_members_who_are_slow_to_get_ready_are_waited_for():
    """A member takes two seconds to say that he has the new keys: no fresh keys are asked for, nobody is left."""
    discord = SimulatedDiscord()
    async with open_call(discord, "libdave") as (bench, ada), trio.open_nursery() as nursery:
        ada.ready_after_s = 1.9
        nursery.start_soon(lambda: ada.speak(frames(200)))
        bob = discord.add_member("Bob")
        await bob.join(discord.voice_channel_id)
        await trio.sleep(4.2)
        counters = bench.room.counters
        assert (counters.dave_heals, counters.rejoins) == (0, 0)
        assert bench.opus_of(ada.id) == frames(200)


async def test_two_bad_commits_in_a_row_are_healed_without_a_storm():
    """One request at a time: no storm of requests, and we are heard again without leaving."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        discord.spoil_next_commit(discord.bot_id)
        discord.send_bad_commit(discord.bot_id)
        await bench.until(lambda: 31 in discord.record.voice_ops(discord.bot_id))
        discord.spoil_next_commit(discord.bot_id)
        await bench.until(lambda: discord.is_dave_settled() and bench.port.can_send)
        requests = discord.record.voice_ops(discord.bot_id).count(31)
        assert requests <= 4, f"{requests} requests"
        await hears_again(bench, ada, salt=10)
        assert bench.count(VoiceUp) == 1


async def test_muted_by_the_server_the_gate_is_shut_and_the_room_is_told_once():
    """Frames would go to nobody: they do not leave, so that the answer is written instead."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        discord.mute(discord.bot_id)
        await bench.until(lambda: not bench.port.can_send)
        assert not bench.port.send_frame(frames(1)[0])
        discord.mute(discord.bot_id)
        await bench.until(lambda: len(discord.messages) == 1)
        assert "muted" in discord.messages[0].content
        discord.mute(discord.bot_id, on=False)
        await bench.until_open()
        await hears_again(bench, ada, salt=11)
        assert len(discord.messages) == 1


async def test_deafened_by_the_server_nothing_is_tried_against_it():
    """Hearing nobody is as it should be: said once, no fresh keys, no new connection."""
    discord = SimulatedDiscord()
    async with open_call(discord, deaf_after_s=0.3) as (bench, ada):
        discord.deafen(discord.bot_id)
        await bench.until(lambda: len(discord.messages) == 1)
        await ada.speak(frames(60))
        assert (bench.room.counters.dave_heals, bench.room.counters.rejoins) == (0, 0)


# Other people


async def test_one_member_cannot_throw_us_out():
    """Frames that nobody can open, while another is heard: nothing is done about it, and no word is lost."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada), trio.open_nursery() as nursery:
        eve = discord.add_member("Eve")
        await eve.join(discord.voice_channel_id)
        await eve.wait_dave_ready()
        await ada.wait_dave_ready()
        await bench.until(discord.is_dave_settled)

        async def forge() -> None:
            for number in range(10_000):
                eve.send_raw(b"\x78" + number.to_bytes(4, "big") * 12 + b"\xfa\xfa")
                await trio.sleep(0.01)

        nursery.start_soon(forge)
        await ada.speak(frames(300))
        await bench.until(lambda: bench.opus_of(ada.id) == frames(300))
        assert (bench.room.counters.dave_heals, bench.room.counters.rejoins) == (0, 0)
        nursery.cancel_scope.cancel()


async def test_a_member_whose_own_connection_fails_for_a_moment_has_not_left():
    """Out for a second and back: to the room he was there all the time."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada):
        await ada.leave()
        await trio.sleep(1.0)
        await ada.join(discord.voice_channel_id)
        await ada.wait_dave_ready()
        await hears_again(bench, ada, salt=12)
        assert bench.count(MemberLeft) == 0
        await ada.leave()
        await bench.until(lambda: bench.count(MemberLeft) == 1)


async def test_a_flood_of_one_member_is_cut_down_to_real_time():
    """Valid frames by the thousand: what nobody can say in that time is not even opened, and Ada is heard."""
    discord = SimulatedDiscord()
    async with open_call(discord) as (bench, ada), trio.open_nursery() as nursery:
        eve = discord.add_member("Eve")
        await eve.join(discord.voice_channel_id)
        await eve.wait_dave_ready()
        await bench.until(discord.is_dave_settled)
        began = trio.current_time()
        nursery.start_soon(lambda: eve.speak(frames(2000, salt=1), gap_s=0.001))
        await ada.wait_dave_ready()
        await ada.speak(frames(50))
        await bench.until(lambda: bench.opus_of(ada.id) == frames(50))
        await bench.until(lambda: bench.room.counters.flooded > 300)
        allowed = 400 + 60 * (trio.current_time() - began)
        assert len(bench.packets_of(eve.id)) < allowed
        nursery.cancel_scope.cancel()


async def test_a_call_that_is_plain_when_we_come_is_used_when_it_is_encrypted_later():
    """We join a call without encryption and keep silent; when it is led into encryption we take part in it."""
    discord = SimulatedDiscord()
    async with open_bench(discord, join=()) as bench:
        ada, bob = discord.add_member("Ada"), discord.add_member("Bob")
        for member in (ada, bob):
            await member.join(discord.voice_channel_id)
        await bench.until(discord.is_dave_settled)
        discord.downgrade_dave()
        await bench.until(lambda: ada.is_dave_ready and bob.is_dave_ready)
        await bench.bridge.join(discord.guild_id, discord.voice_channel_id)
        await bench.until(lambda: bool(bench.ports))
        assert bench.room.dave_version == 0
        assert not bench.port.can_send
        discord.upgrade_dave()
        await bench.until_open()
        await hears_again(bench, ada, salt=14)
