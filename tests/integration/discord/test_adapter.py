"""Sound through the real discord.py, in both directions, with real DAVE at both ends."""

from __future__ import annotations

import itertools

import pytest
import trio

from tests.support.discord_bench import PATIENCE_S, frames, open_bench, open_call, send_paced
from voxbridge.core.call.events import MemberJoined, MemberLeft, SpeakingChanged, VoiceUp
from voxbridge.core.sound.pcm import SILENCE_OPUS
from voxbridge.rehearsal.discord import Impairment, Knobs, SimulatedDiscord
from voxbridge.rehearsal.discord.ends import DaveLibrary

pytestmark = pytest.mark.integration

LIBRARIES: list[DaveLibrary] = ["davey", "libdave"]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_frames_out_arrive_bit_for_bit(library):
    """A member hears exactly the packets that were sent, encrypted on the wire, in one gapless stream."""
    async with open_call(SimulatedDiscord(), library) as (bench, ada):
        sent = frames(25)
        await send_paced(bench.port, sent)
        await bench.until(lambda: len(ada.heard) >= len(sent))
        assert [packet.opus for packet in ada.heard] == sent
        own = [packet for packet in bench.discord.packets if packet.sender == bench.discord.bot_id]
        greeting, wire = own[:5], own[5:]
        assert all(packet.is_silence for packet in greeting), "silence first: some servers forward nothing until then"
        assert all(packet.encrypted for packet in wire)
        assert {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(own)} == {1}
        assert {(b.timestamp - a.timestamp) & 0xFFFF_FFFF for a, b in itertools.pairwise(own)} == {960}
        assert bench.room.counters.sent == len(own)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_packets_in_arrive_bit_for_bit(library):
    """Header extension, padding and a first packet before SPEAKING cost nothing: every packet has its speaker."""
    discord = SimulatedDiscord(knobs=Knobs(padding_every=3, header_extension=True))
    async with open_call(discord, library) as (bench, ada):
        spoken = frames(20)
        await ada.speak(spoken[:2], gap_s=0.005, announce=False, tail=False)
        await ada.speak(spoken[2:], gap_s=0.005)
        await bench.until(lambda: len(bench.packets_of(ada.id)) >= len(spoken) + 5)
        assert bench.opus_of(ada.id) == spoken
        assert bench.opus_of(ada.id, silence=True)[-5:] == [SILENCE_OPUS] * 5
        counters = bench.room.counters
        assert (counters.dave_fail, counters.transport_fail, counters.malformed) == (0, 0, 0), counters
        assert counters.identified_by_key == 1, "the first packet came before anybody said whose it was"


async def test_sequence_and_time_come_through():
    """A packet carries its RTP sequence and timestamp and the moment it arrived."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        began = trio.current_time()
        await ada.speak([*frames(2), None, *frames(2)], gap_s=0.005, tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 4)
        packets = bench.packets_of(ada.id)
        assert [p.timestamp - packets[0].timestamp for p in packets] == [0, 960, 2880, 3840]
        assert [p.sequence - packets[0].sequence for p in packets] == [0, 1, 2, 3]
        assert all(began <= p.arrived_at <= trio.current_time() for p in packets)


async def test_those_present_and_those_who_come_are_announced():
    """The port names who is there, who comes and who goes, and never ourselves."""
    discord = SimulatedDiscord()
    early = discord.add_member("Early")
    await early.join(discord.voice_channel_id)
    async with open_bench(discord) as bench:
        await bench.until(lambda: bench.count(MemberJoined) == 1)
        assert bench.said[:2] == [VoiceUp(), MemberJoined(early.id, "Early", is_bot=False)]
        late = discord.add_member("Late", is_bot=True)
        await late.join(discord.voice_channel_id)
        await bench.until(lambda: bench.count(MemberJoined) == 2)
        await early.leave()
        await late.join(discord.other_voice_channel_id)
        await bench.until(lambda: bench.count(MemberLeft) == 2)
        changes = [e for e in bench.said[2:] if isinstance(e, MemberJoined | MemberLeft)]
        assert changes == [MemberJoined(late.id, "Late", is_bot=True), MemberLeft(early.id), MemberLeft(late.id)]


async def test_speaking_is_announced_both_ways():
    """Our bursts open and close with op 5, and a member's op 5 comes through as a hint."""
    async with open_call(SimulatedDiscord(knobs=Knobs(speaking_once=False))) as (bench, ada):
        await send_paced(bench.port, frames(3))
        await ada.speak(frames(2), gap_s=0.005)
        await bench.until(lambda: bench.count(SpeakingChanged) == 2)
        hints = [e for e in bench.said if isinstance(e, SpeakingChanged)]
        assert hints == [SpeakingChanged(ada.id, is_speaking=True), SpeakingChanged(ada.id, is_speaking=False)]

        def announced() -> list[int]:
            events = [e for e in bench.discord.events if (e.source, e.direction, e.op) == ("voice", "in", 5)]
            return [e.data["speaking"] for e in events if isinstance(e.data, dict)]

        # discord.py says 0 by itself when it joins, which tells Discord our SSRC; then there is the silence we send.
        await bench.until(lambda: announced() == [0, 1, 0, 1, 0])


async def test_a_pause_moves_the_clock_and_not_the_sequence():
    """After skip_frames the RTP timestamp has gone on, the sequence is continuous (RFC 3550, section 5.1)."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        assert bench.port.send_frame(frames(1)[0])
        bench.port.skip_frames(10)
        assert bench.port.send_frame(frames(1)[0])
        await bench.until(lambda: len(ada.heard) == 2)
        first, second = ada.heard
        assert (second.sequence - first.sequence) & 0xFFFF == 1
        assert (second.timestamp - first.timestamp) & 0xFFFF_FFFF == 11 * 960


async def test_nothing_leaves_in_the_clear():
    """Alone, joining, after a spoilt commit, after a downgrade: no readable frame ever reaches the voice server."""
    async with open_bench(SimulatedDiscord()) as bench:
        discord, secret = bench.discord, frames(1, salt=7)[0]
        assert not bench.port.can_send, "alone in a channel there is nobody to share keys with"
        assert not bench.port.send_frame(secret)
        ada = discord.add_member("Ada")
        await ada.join(discord.voice_channel_id)
        tries = 0
        while not bench.port.can_send:
            tries += 1
            assert not bench.port.send_frame(secret)
            await trio.sleep(0.001)
        assert bench.port.send_frame(secret)
        discord.spoil_next_commit(discord.bot_id)
        bob = discord.add_member("Bob")
        await bob.join(discord.voice_channel_id)
        await bench.until(lambda: discord.record.counts["invalid_commits_reported"] >= 1)
        await _send_until(bench, lambda: discord.is_dave_settled() and bench.port.can_send, secret)
        discord.downgrade_dave()
        await _send_until(bench, lambda: not bench.port.can_send, secret)
        await trio.sleep(0.05)  # whatever is on its way arrives
        leaked = [p for p in discord.packets if p.sender == discord.bot_id and not p.encrypted and not p.is_silence]
        assert leaked == [], f"{len(leaked)} frames arrived in the clear"
        assert bench.room.counters.plaintext_held >= tries + 1
        assert bench.room.counters.sent >= 1


async def _send_until(bench, condition, packet):
    """Send every millisecond, whatever the gate says, until the condition holds."""
    with trio.fail_after(PATIENCE_S):
        while not condition():
            bench.port.send_frame(packet)
            await trio.sleep(0.001)


async def test_a_downgraded_call_is_not_spoken_in_nor_listened_to_and_comes_back():
    """With require_e2ee a call led out of encryption falls silent both ways, until it is encrypted again."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        await ada.speak(frames(1), tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 1)
        bench.discord.downgrade_dave()
        await bench.until(lambda: bench.room.dave_version == 0)
        assert not bench.port.can_send
        await ada.speak(frames(3, salt=1), gap_s=0.005, tail=False)
        await bench.until(lambda: bench.room.counters.plaintext_refused == 3)
        bench.discord.upgrade_dave()
        await ada.wait_dave_ready()
        await bench.until_open()
        await ada.speak(frames(2, salt=2), gap_s=0.005, tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 3)
        assert bench.opus_of(ada.id) == frames(1) + frames(2, salt=2)


async def test_a_plain_call_is_used_where_the_operator_allows_it():
    """require_e2ee = false in a call without DAVE: sound flows, and a stream of one of two waits for its name."""
    async with open_call(SimulatedDiscord(require_dave=False), None, require_e2ee=False) as (bench, ada):
        await bench.discord.add_member("Bob", dave=None).join(bench.discord.voice_channel_id)
        await bench.until_open()
        await send_paced(bench.port, frames(3))
        await bench.until(lambda: len(ada.heard) == 3)
        assert [p.opus for p in ada.heard] == frames(3)
        spoken = frames(6)
        await ada.speak(spoken[:3], gap_s=0.005, announce=False, tail=False)
        await bench.until(lambda: bench.room.counters.unknown_ssrc == 3)
        assert bench.packets_of(ada.id) == [], "without DAVE nobody can tell whose they are"
        await ada.speak(spoken[3:], gap_s=0.005, tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 6)
        assert bench.opus_of(ada.id) == spoken


async def test_in_a_plain_call_the_only_one_is_heard_after_a_drop():
    """Discord names a speaker once, and no key tells who it is: a stream that can be one person's only is hers."""
    async with open_call(SimulatedDiscord(require_dave=False), None, require_e2ee=False) as (bench, ada):
        await ada.speak(frames(1), tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 1)
        bench.discord.close_voice(bench.discord.bot_id, 4006)
        await bench.until(lambda: bench.count(VoiceUp) == 2)
        await ada.speak(frames(5, salt=1), gap_s=0.005, tail=False)
        await bench.until(lambda: bench.opus_of(ada.id)[1:] == frames(5, salt=1))


async def test_a_plain_call_is_refused_by_default():
    """A channel that is not end-to-end encrypted is neither spoken in nor listened to unless allowed."""
    async with open_call(SimulatedDiscord(require_dave=False), None) as (bench, ada):
        await ada.speak(frames(3), gap_s=0.005, tail=False)
        await bench.until(lambda: bench.room.counters.plaintext_refused == 3)
        assert bench.packets_of(ada.id) == []
        assert not bench.port.send_frame(frames(1)[0])
        assert [p for p in bench.discord.packets if p.sender == bench.discord.bot_id and not p.is_silence] == []


async def test_video_and_noise_do_not_reach_the_ear():
    """A camera's packets and frames that nobody can open are counted, and the speaker is still heard."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        for number in range(10):
            ada.send_raw(bytes([number]) * 200, payload_type=103, ssrc=ada.ssrc + 1)
            ada.send_raw(b"\x78" + bytes([number]) * 40 + b"\xfa\xfa", ssrc=ada.ssrc + 77)
        await ada.speak(frames(5), gap_s=0.005, tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 5)
        assert bench.opus_of(ada.id) == frames(5)
        counters = bench.room.counters
        assert counters.unknown_ssrc >= 10
        assert counters.not_audio >= 10
        assert counters.reader_errors == 0


async def test_loss_and_disorder_are_left_to_the_jitter_buffer():
    """Lost packets are missing, reordered and doubled ones are handed on once each and counted as late."""
    knobs = Knobs(downlink=Impairment(loss=0.2, reorder=0.1, reorder_s=0.02, seed=4))
    async with open_call(SimulatedDiscord(knobs=knobs)) as (bench, ada):
        spoken = frames(60)
        await ada.speak(spoken, gap_s=0.005, tail=False)
        delivered = sum(p.sender == ada.id for p in bench.discord.record.deliveries)
        await trio.sleep(0.1)  # the held ones arrive
        heard = bench.opus_of(ada.id)
        assert 30 <= len(heard) <= delivered
        assert set(heard) <= set(spoken)
        assert len(set(heard)) == len(heard)
        packets = bench.packets_of(ada.id)
        out_of_order = sum(b.sequence < a.sequence for a, b in itertools.pairwise(packets))
        assert out_of_order > 0, "the seed has to reorder something"
        assert bench.room.counters.late >= out_of_order


@pytest.mark.parametrize("library", LIBRARIES)
async def test_nothing_is_lost_while_members_come_and_go(library):
    """Eight changes of keys while both sides talk: every frame is heard, both ways."""
    async with open_call(SimulatedDiscord(), library) as (bench, ada):
        count, sent = 150, frames(150, salt=3)
        spoken = frames(count)

        async def talk() -> None:
            start = trio.current_time()
            for number in range(count):
                await trio.sleep_until(start + number * 0.01)
                assert bench.port.send_frame(sent[number]), f"frame {number} was held: the gate closed"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk)
            nursery.start_soon(lambda: ada.speak(spoken, gap_s=0.01, tail=False))
            for number in range(4):
                guest = bench.discord.add_member(f"Guest {number}", dave=LIBRARIES[number % 2])
                await guest.join(bench.discord.voice_channel_id)
                await bench.until(bench.discord.is_dave_settled)
                await guest.leave()
                await bench.until(bench.discord.is_dave_settled)
        await bench.until(lambda: len(bench.packets_of(ada.id)) >= count and len(ada.heard) >= count)
        assert bench.opus_of(ada.id) == spoken
        assert [packet.opus for packet in ada.heard] == sent
        assert bench.discord.dave_epoch() >= 8


async def test_a_bad_commit_is_recovered_from():
    """A commit that cannot be used closes the gate; we are added anew and heard again without leaving the channel."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        bench.discord.send_bad_commit(bench.discord.bot_id)
        await bench.until(lambda: 31 in bench.discord.record.voice_ops(bench.discord.bot_id))
        await bench.until(lambda: bench.discord.is_dave_settled() and bench.port.can_send)
        await ada.wait_dave_ready()
        ada.heard.clear()
        await send_paced(bench.port, frames(3))
        await ada.speak(frames(3), gap_s=0.005, tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 3 and len(ada.heard) == 3)
        assert [p.opus for p in ada.heard] == frames(3)
        assert bench.room.counters.rejoins == 0


async def test_frames_that_do_not_open_heal_the_session_and_then_rejoin():
    """Dozens of bad frames of the only speaker ask for fresh keys; the same again within 10 s joins anew."""
    async with open_call(SimulatedDiscord()) as (bench, ada):
        await ada.speak(frames(1), tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 1)
        await trio.sleep(2.05)  # failures within two seconds of a change of keys prove nothing

        def spoil() -> None:
            for number in range(40):
                ada.send_raw(b"\x78" + bytes([number]) * 40 + b"\xfa\xfa")

        spoil()
        await bench.until(lambda: bench.room.counters.dave_heals == 1)
        await bench.until(lambda: bench.discord.is_dave_settled() and bench.port.can_send)
        assert bench.room.counters.rejoins == 0
        await ada.speak(frames(1, salt=1), tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 2)
        assert bench.opus_of(ada.id)[-1:] == frames(1, salt=1), "after healing the speaker is heard again"
        await trio.sleep(2.05)
        spoil()
        await bench.until(lambda: bench.room.counters.rejoins == 1)
        await bench.until_open()
        await ada.speak(frames(1, salt=2), tail=False)
        await bench.until(lambda: len(bench.packets_of(ada.id)) == 3)


async def test_the_keepalive_flows_and_measures():
    """The 8-byte keepalive leaves at once after joining, and its echo is the UDP ping."""
    async with open_bench(SimulatedDiscord()) as bench:
        await bench.until(lambda: bench.room.udp_ping_s is not None)
        ping_s = bench.room.udp_ping_s
        assert ping_s is not None
        assert 0 < ping_s < 10.0


async def test_server_mute_is_reported():
    """Muted, deafened by a moderator: the status says so, since nobody else would."""
    async with open_call(SimulatedDiscord()) as (bench, _):
        bench.discord.mute(bench.discord.bot_id)
        bench.discord.deafen(bench.discord.bot_id)
        await bench.until(lambda: bench.room.is_server_muted and bench.room.is_server_deafened)
        bench.discord.mute(bench.discord.bot_id, on=False)
        await bench.until(lambda: not bench.room.is_server_muted)


async def test_text_is_posted_into_the_channel():
    """A line lands in the voice channel's own chat; long text is cut into messages; a refusal raises nothing."""
    async with open_bench(SimulatedDiscord()) as bench:
        await bench.port.post_text("  hello @everyone ")
        await bench.port.post_text("word " * 900)
        posted = [(m.channel_id, m.content) for m in bench.discord.messages]
        assert posted[0] == (bench.discord.voice_channel_id, "hello @everyone")
        assert [len(content) <= 2000 for _, content in posted[1:]] == [True] * 3
        assert " ".join(content for _, content in posted[1:]).split() == ["word"] * 900
        (request,) = [e for e in bench.discord.events if e.source == "rest" and "hello" in str(e.data)]
        assert request.data["allowed_mentions"] == {"parse": []}
        bench.discord.fail_rest(403, method="POST", path="/channels/*")
        await bench.port.post_text("not allowed")
        assert bench.room.counters.posts_failed == 1


async def test_a_text_for_many_messages_is_posted_as_a_file():
    """Its beginning in a message, all of it as a file; mentions are disarmed there too."""
    text = "word " * 4000
    async with open_bench(SimulatedDiscord()) as bench:
        await bench.port.post_text(text)
        [message] = bench.discord.messages
        assert message.content.startswith("word word")
        assert message.content.endswith("The rest of my answer is in this file.")
        assert message.files == {"answer.txt": text.encode()}
        (request,) = [e for e in bench.discord.events if e.source == "rest" and "word word" in str(e.data)]
        assert request.data["allowed_mentions"] == {"parse": []}


async def test_where_files_are_not_allowed_a_long_text_is_many_messages():
    """Without "Attach Files" all of it is posted all the same, in order."""
    discord = SimulatedDiscord()
    discord.world.guilds[discord.guild_id].everyone_permissions &= ~(1 << 15)
    async with open_bench(discord) as bench:
        await bench.port.post_text("word " * 2000)
        assert " ".join(message.content for message in discord.messages).split() == ["word"] * 2000
        assert len(discord.messages) == 5
        assert bench.room.counters.posts_failed == 0
