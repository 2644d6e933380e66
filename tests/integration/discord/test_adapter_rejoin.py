"""What ends a voice connection, and how we come back, or do not."""

from __future__ import annotations

import functools

import pytest
import trio

from tests.support.discord_bench import Bench, frames, open_bench, open_call
from voxbridge.core.call.events import MemberJoined, MemberLeft, VoiceDown, VoiceUp
from voxbridge.core.ids import ChannelId
from voxbridge.errors import VoiceHandshakeError
from voxbridge.rehearsal.discord import Knobs, Member, SimulatedDiscord

pytestmark = pytest.mark.integration

AT_ONCE = [4001, 4002, 4003, 4004, 4005, 4006, 4009, 4012, 4015, 4020]
AFTER_A_MOMENT = [1000, 4011, 4022]  # jittered, up to 0.25 s; 4022 is held back for the gateway's word
NEVER = [4016, 4017]


def heard_by(member: Member) -> list[bytes | None]:
    """What a member has heard, but for the silence that we send first of all."""
    return [packet.opus for packet in member.heard if packet.opus != b"\xf8\xff\xfe"]


async def hears_again(bench: Bench, member: Member, salt: int) -> None:
    """Both directions work over the connection of now."""
    await bench.until_open()
    await member.wait_dave_ready()
    member.heard.clear()
    await member.speak(frames(3, salt), gap_s=0.005, announce=False, tail=False)
    assert bench.port.send_frame(frames(1, salt)[0])
    await bench.until(lambda: bench.opus_of(member.id)[-3:] == frames(3, salt))
    await bench.until(lambda: heard_by(member) == frames(1, salt))


@pytest.mark.parametrize("code", AT_ONCE + AFTER_A_MOMENT)
async def test_a_closed_voice_connection_is_made_again(code):
    """The port lives on: down with the reason, up again, heard again, and nobody is announced twice."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.close_voice(bench.discord.bot_id, code)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        (down,) = [event for event in bench.said if isinstance(event, VoiceDown)]
        assert str(code) in down.reason
        await hears_again(bench, ada, salt=code)
        assert len(bench.ports) == 1
        assert (bench.count(MemberJoined), bench.count(MemberLeft)) == (1, 0)
        assert bench.room.counters.rejoins == 1
        assert str(code) in bench.room.counters.last_close


@pytest.mark.parametrize("code", NEVER)
async def test_a_fault_that_cannot_be_mended_ends_the_port(code):
    """No encryption in common: we stay out, the port ends, and joining by hand is still possible."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.close_voice(bench.discord.bot_id, code)
        await bench.until(lambda: bench.has_ended)
        assert bench.bridge.status().rooms == ()
        await bench.bridge.join(bench.discord.guild_id, bench.discord.voice_channel_id)
        await bench.until(lambda: len(bench.ports) == 2)
        await bench.until_open()


async def test_a_lost_connection_is_made_again():
    """The TCP connection ends without a word."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.cut_voice(bench.discord.bot_id)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await hears_again(bench, ada, salt=1)


async def test_a_broken_protocol_three_times_in_a_minute_ends_the_port():
    """Joining again and again with the same fault would be a loop; the third time we stay out."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        for number in range(3):
            await bench.until(functools.partial(lambda count: bench.count(VoiceUp) == count, number + 1))
            bench.discord.close_voice(bench.discord.bot_id, 4002)
        await bench.until(lambda: bench.has_ended)
        assert bench.bridge.status().rooms == ()


async def test_a_rate_limit_is_respected():
    """After 4021 nothing is tried for a minute; a person may still ask us to leave."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.close_voice(bench.discord.bot_id, 4021)
        await bench.until(lambda: bench.count(VoiceDown) == 1)
        await bench.until(lambda: "4021" in bench.room.counters.last_close)
        identifies = bench.discord.record.voice_ops(bench.discord.bot_id).count(0)
        await trio.sleep(0.4)
        assert bench.discord.record.voice_ops(bench.discord.bot_id).count(0) == identifies
        await bench.bridge.leave(bench.discord.guild_id)
        await bench.until(lambda: bench.has_ended)


async def test_a_kick_is_obeyed():
    """Thrown out by a moderator: the port ends and we do not come back by ourselves; asked again we come at once."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.kick(bench.discord.bot_id)
        await bench.until(lambda: bench.has_ended)
        assert bench.bridge.seat(bench.discord.guild_id) is None
        await bench.bridge.join(bench.discord.guild_id, bench.discord.voice_channel_id)
        await bench.until_open()
        assert len(bench.ports) == 2


async def test_a_close_4014_before_the_gateways_word_is_still_a_kick():
    """The voice side may say it first; the main gateway's word decides."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.close_voice(bench.discord.bot_id, 4014)
        await trio.sleep(0.05)
        bench.discord.kick(bench.discord.bot_id)
        await bench.until(lambda: bench.has_ended)
        assert bench.bridge.seat(bench.discord.guild_id) is None


async def test_a_close_4014_without_a_kick_is_made_good():
    """A voice session dropped by Discord while we are still in the channel, as it says when asked: joined again."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.close_voice(bench.discord.bot_id, 4014)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        asked = [event for event in bench.discord.events if "voice-states/@me" in event.name]
        assert len(asked) == 1, "asked once where Discord has us"
        await hears_again(bench, ada, salt=2)


async def test_a_move_is_followed():
    """Dragged to another channel: the old port ends, a new one begins there, with the people who are there."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bob = bench.discord.add_member("Bob", dave="libdave")
        await bob.join(bench.discord.other_voice_channel_id)
        bench.discord.move(bench.discord.bot_id, bench.discord.other_voice_channel_id)
        await bench.until(lambda: len(bench.ports) == 2)
        await bench.until(lambda: 0 in bench.ended)
        assert bench.port.channel_id == bench.discord.other_voice_channel_id
        await bench.until(lambda: bench.count(MemberJoined) == 1)
        assert bench.said[:2] == [VoiceUp(), MemberJoined(bob.id, "Bob", is_bot=False)]
        await hears_again(bench, bob, salt=3)
        assert bench.room.channel_id == bench.discord.other_voice_channel_id
        assert ada.is_in_call


async def test_another_voice_server_keeps_the_port():
    """The region changes: same channel, same port, down and up, without leaving the channel."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        leaves = sum(e.source == "gateway" and e.op == 4 for e in bench.discord.events)
        bench.discord.change_voice_server(bench.discord.bot_id)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await hears_again(bench, ada, salt=4)
        assert len(bench.ports) == 1
        assert sum(e.source == "gateway" and e.op == 4 for e in bench.discord.events) == leaves


async def test_a_resumed_gateway_leaves_the_voice_alone():
    """The main connection is lost and resumed: sound goes on, nothing is joined anew."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.close_gateway(4000)
        await bench.until(lambda: not bench.bridge.status().is_logged_in)
        assert bench.port.send_frame(frames(1)[0])
        await bench.until(lambda: bench.bridge.status().is_logged_in)
        await hears_again(bench, ada, salt=5)
        assert bench.count(VoiceUp) == 1


async def test_a_new_gateway_session_is_joined_anew():
    """discord.py forgets its voice clients at a second READY; the keeper disposes of the orphan and joins again."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.invalidate_gateway_session()
        await bench.until(lambda: bench.count(VoiceUp) == 2)  # two sessions are five seconds apart
        await hears_again(bench, ada, salt=6)
        assert len(bench.ports) == 1
        assert (bench.count(MemberJoined), bench.count(MemberLeft)) == (1, 0)
        first, second = (e.at for e in bench.discord.events if (e.source, e.direction, e.op) == ("gateway", "in", 2))
        assert second - first >= 5.0, "Discord allows one IDENTIFY in five seconds"


async def test_leaving_and_joining_in_quick_succession_works():
    """The late word that we are out never reaches the next connection."""
    async with open_bench(SimulatedDiscord()) as bench:
        guild, here, there = (
            bench.discord.guild_id,
            bench.discord.voice_channel_id,
            bench.discord.other_voice_channel_id,
        )
        for channel in (there, here, there):
            await bench.bridge.join(guild, channel)
            await bench.until(functools.partial(lambda wanted: bench.port.channel_id == wanted, channel))
        await bench.bridge.leave(guild)
        await bench.until(lambda: bench.discord.channel_of(bench.discord.bot_id) is None)
        await bench.bridge.join(guild, here)
        await bench.until(lambda: len(bench.ports) == 5 and bench.room.is_connected)
        await bench.until(lambda: bench.ended == {0, 1, 2, 3})


async def test_a_missing_permission_is_named():
    """Without Connect and Speak the join is refused before Discord is asked, by the permissions' names."""
    discord = SimulatedDiscord()
    discord.world.guilds[discord.guild_id].everyone_permissions = 1 << 10
    async with open_bench(discord, join=()) as bench:
        with pytest.raises(VoiceHandshakeError, match="Connect and Speak"):
            await bench.bridge.join(discord.guild_id, discord.voice_channel_id)
        assert bench.bridge.seat(discord.guild_id) is None


async def test_a_channel_that_is_not_there_does_not_hold_up_the_start():
    """[discord] join names a channel we cannot see: the bridge starts, says so, and goes on trying."""
    discord = SimulatedDiscord()
    async with open_bench(discord, join=(f"{discord.guild_id}:12345",)) as bench:
        (room,) = bench.bridge.status().rooms
        assert not room.is_connected
        assert "not allowed to see it" in room.counters.last_close
        await bench.bridge.join(discord.guild_id, discord.voice_channel_id)
        await bench.until(lambda: bench.room.is_connected)


async def test_no_encryption_mode_in_common_is_said_so():
    """A voice server without our mode: refused for good, with the reason."""
    discord = SimulatedDiscord(knobs=Knobs(modes=("aead_future_mode",)))
    async with open_bench(discord, join=()) as bench:
        with pytest.raises(VoiceHandshakeError, match="no encryption mode in common"):
            await bench.bridge.join(discord.guild_id, discord.voice_channel_id)


async def test_a_join_that_fails_leaves_us_where_we_were():
    """Sent to a channel that is not there we stay; sent to one that does not answer we come back."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        with pytest.raises(VoiceHandshakeError, match="not allowed to see it"):
            await bench.bridge.join(bench.discord.guild_id, ChannelId(12345))
        await hears_again(bench, ada, salt=7)
        assert bench.count(VoiceUp) == 1
        bench.discord.limit_channel(bench.discord.other_voice_channel_id, 1)
        bob = bench.discord.add_member("Bob")
        await bob.join(bench.discord.other_voice_channel_id)
        with pytest.raises(VoiceHandshakeError, match="full"):
            await bench.bridge.join(bench.discord.guild_id, bench.discord.other_voice_channel_id)
        await bench.until(lambda: len(bench.ports) == 2 and bench.port.channel_id == bench.discord.voice_channel_id)
        await hears_again(bench, ada, salt=8)


async def test_a_burst_that_is_cut_is_announced_again():
    """The connection breaks while we speak: op 5 says so on the next one too, before its first frame."""
    async with open_call(SimulatedDiscord()) as (bench, _):

        def announced() -> list[int]:
            events = [e for e in bench.discord.events if (e.source, e.direction, e.op) == ("voice", "in", 5)]
            return [e.data["speaking"] for e in events if isinstance(e.data, dict)]

        bench.port.begin_burst()
        await bench.until(lambda: announced() == [0, 1, 0, 1])
        bench.discord.close_voice(bench.discord.bot_id, 4006)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await bench.until(lambda: announced() == [0, 1, 0, 1, 0, 1])


async def test_dragged_away_while_connecting_we_go_along():
    """A moderator moves us before we are even in: we end up where he wants us."""
    discord = SimulatedDiscord()
    async with open_bench(discord, join=()) as bench:
        async with trio.open_nursery() as nursery:

            async def join() -> None:
                try:
                    await bench.bridge.join(discord.guild_id, discord.voice_channel_id)
                except VoiceHandshakeError:
                    pytest.fail("the join was given up")

            nursery.start_soon(join)
            await bench.until(lambda: discord.channel_of(discord.bot_id) is not None)
            discord.move(discord.bot_id, discord.other_voice_channel_id)
        await bench.until(
            lambda: (
                bool(bench.ports)
                and bench.port.channel_id == discord.other_voice_channel_id
                and bench.room.is_connected
            )
        )
        ada = discord.add_member("Ada")
        await ada.join(discord.other_voice_channel_id)
        await hears_again(bench, ada, salt=9)
