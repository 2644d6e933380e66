"""The simulated Discord against a client that is written down to the bytes, and breaks the rules one by one."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import trio

from tests.support.discord_py import speech, started
from tests.support.raw_client import Media, Socket, admission, in_call, logged_in, opened, voice
from voxbridge.rehearsal.discord import Knobs
from voxbridge.rehearsal.discord.ends import make_end

pytestmark = pytest.mark.integration


async def test_aes_gcm_call_carries_speech_both_ways(nursery):
    """A client that prefers AES-GCM is served like one with XChaCha20."""
    simulated = await started(nursery, require_dave=False)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)) as media,
    ):
        await line.send(5, {"speaking": 1, "delay": 0, "ssrc": media.ssrc})
        await media.send(1, b"\x78hello")
        await simulated.wait_until(lambda: len(alice.heard) == 1, timeout_s=20)
        assert alice.heard[0].opus == b"\x78hello"
        await alice.speak(speech(1), tail=False)
        assert await media.receive() == speech(1)[0]
        assert (await line.until(5))["user_id"] == str(alice.id)


async def test_rtp_before_speaking_is_counted(nursery):
    """A client that sends RTP before its first op 5 breaks Discord's rule."""
    simulated = await started(nursery, require_dave=False)
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)) as media,
    ):
        await media.send(1, b"\x78hello")
        await simulated.wait_until(lambda: len(simulated.packets) == 1, timeout_s=20)
        assert simulated.record.faults == {"rtp_before_speaking": 1}


async def test_plain_opus_in_an_encrypted_call_shows_in_the_record(nursery):
    """The leak that a client must prevent is seen on the wire, and is not heard."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)) as media,
    ):
        await line.send(5, {"speaking": 1, "delay": 0, "ssrc": media.ssrc})
        await media.send(1, b"\x78a secret in the clear")
        await media.send(2, b"\xf8\xff\xfe")
        await simulated.wait_until(lambda: len(simulated.packets) == 2, timeout_s=20)
        assert [(p.encrypted, p.is_silence) for p in simulated.packets] == [(False, False), (False, True)]
        assert [(h.opus, h.encrypted) for h in alice.heard] == [(None, False), (b"\xf8\xff\xfe", False)]


SELECT: dict[str, Any] = {
    "protocol": "udp",
    "data": {"address": "127.0.0.1", "port": 1, "mode": "aead_aes256_gcm_rtpsize"},
}
UNAUTHENTICATED = [
    ("unknown operation", 99, {}, 4001),
    ("speaking before identify", 5, {"speaking": 1}, 4003),
    ("key package before identify", b"\x1a123", None, 4003),
    ("binary operation of the server", b"\x1e123", None, 4001),
    ("identify without fields", 0, {}, 4020),
    ("resume of nothing", 7, {"server_id": "1", "session_id": "x", "token": "x", "seq_ack": 0}, 4006),
]


@pytest.mark.parametrize(("what", "op", "data", "code"), UNAUTHENTICATED, ids=[row[0] for row in UNAUTHENTICATED])
async def test_voice_gateway_closes_on_a_stranger_who(nursery, what, op, data, code):
    """Each breach before IDENTIFY has its close code."""
    simulated = await started(nursery)
    async with voice(simulated) as line:
        if isinstance(op, bytes):
            await line.websocket.send_message(op)
        else:
            await line.send(op, data)
        assert await line.close_code() == code, what


async def test_voice_gateway_closes_on_what_is_no_json(nursery):
    """Undecodable text is 4002."""
    simulated = await started(nursery)
    async with voice(simulated) as line:
        await line.websocket.send_message("{")
        assert await line.close_code() == 4002


IDENTIFIES = [
    ({"token": "x"}, 4004),
    ({"session_id": "x"}, 4006),
    ({"server_id": "1"}, 4011),
    ({"max_dave_protocol_version": 0}, 4017),
]


@pytest.mark.parametrize(("change", "code"), IDENTIFIES)
async def test_voice_gateway_refuses_an_identify_with(nursery, change, code):
    """Token, session, server and DAVE must all be right."""
    simulated = await started(nursery)
    async with logged_in(simulated) as gateway, voice(simulated) as line:
        await line.send(0, await admission(simulated, gateway) | change)
        assert await line.close_code() == code


async def test_voice_token_is_good_until_the_next_is_given_out(nursery):
    """An IDENTIFY with the token before the last is 4006."""
    simulated = await started(nursery)
    async with logged_in(simulated) as gateway, voice(simulated) as line:
        stale = await admission(simulated, gateway)
        await admission(simulated, gateway, simulated.other_voice_channel_id)
        await line.send(0, stale)
        assert await line.close_code() == 4006


SELECTS = [
    (0, None, 4005),
    (1, SELECT | {"protocol": "webrtc"}, 4012),
    (1, {"protocol": "udp", "data": SELECT["data"] | {"mode": "xsalsa20_poly1305"}}, 4016),
    (1, {"protocol": "udp"}, 4020),
    (5, {"speaking": "loudly"}, 4020),
]


@pytest.mark.parametrize(("op", "data", "code"), SELECTS)
async def test_voice_gateway_closes_on_a_client_that_after_identify_sends(nursery, op, data, code):
    """A second IDENTIFY, another protocol, an unknown mode, missing fields."""
    simulated = await started(nursery)
    async with logged_in(simulated) as gateway, voice(simulated) as line:
        who = await admission(simulated, gateway)
        await line.send(0, who)
        await line.until(2)
        await line.send(op, who if op == 0 else data)
        assert await line.close_code() == code


async def test_silent_clients_are_closed_with_4009(nursery):
    """Without heartbeats both gateways give a client up."""
    simulated = await started(nursery, knobs=Knobs(voice_heartbeat_ms=50, gateway_heartbeat_ms=100))
    async with opened(simulated, "gateway.discord.gg") as gateway, voice(simulated) as line:
        assert await line.close_code() == 4009
        assert await gateway.close_code() == 4009


async def test_heartbeats_keep_a_voice_connection_and_are_acknowledged(nursery):
    """Version 8 heartbeats are answered with their own time."""
    simulated = await started(nursery, knobs=Knobs(voice_heartbeat_ms=100))
    async with voice(simulated) as line:
        for number in range(8):
            await line.send(3, {"t": number, "seq_ack": 0})
            assert await line.until(6) == {"t": number}
            await trio.sleep(0.05)
        assert simulated.record.counts["voice_heartbeats"] == 8


async def test_cut_voice_websocket_resumes_with_what_it_missed(nursery):
    """Op 7 on a new websocket: RESUMED, then every numbered message after seq_ack, and media goes on throughout."""
    simulated = await started(nursery, require_dave=False)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as gateway:
        who = await admission(simulated, gateway)
        async with voice(simulated) as line, in_call(line, who) as media:
            await alice.join(simulated.voice_channel_id)
            (first,) = [json.loads(message) for message in await line.messages(1)]
            assert first["op"] == 11
            simulated.cut_voice(simulated.bot_id)
            assert await line.close_code() == 1006
            await alice.speak(speech(1), tail=False)
            assert await media.receive() == speech(1)[0]
            async with voice(simulated) as again:
                await again.send(7, who | {"seq_ack": first["seq"]})
                messages = [json.loads(message) for message in await again.messages(4)]
                assert [m["op"] for m in messages] == [9, 18, 5, 11]
                assert [m["seq"] for m in messages[1:]] == [first["seq"] + n for n in range(1, 4)]
                assert simulated.is_in_call(simulated.bot_id)


async def test_lost_voice_websocket_that_is_not_resumed_gives_up_its_seat(nursery):
    """After the resume window the others see the client leave, and everybody its voice state."""
    simulated = await started(nursery, require_dave=False, knobs=Knobs(resume_window_s=0.1))
    async with logged_in(simulated) as gateway:
        who = await admission(simulated, gateway)
        async with voice(simulated) as line, in_call(line, who):
            simulated.cut_voice(simulated.bot_id)
        await simulated.wait_until(lambda: simulated.channel_of(simulated.bot_id) is None, timeout_s=20)
        assert not simulated.is_in_call(simulated.bot_id)
        async with voice(simulated) as line:
            await line.send(7, who | {"seq_ack": 0})
            assert await line.close_code() == 4006


@pytest.mark.parametrize("code", [4006, 4009, 4014, 4015, 4021, 4022])
async def test_close_voice_closes_with_the_code_it_is_told(nursery, code):
    """Any code can be sent; only after 4015 can the session be resumed."""
    simulated = await started(nursery, require_dave=False)
    async with logged_in(simulated) as gateway:
        who = await admission(simulated, gateway)
        async with voice(simulated) as line, in_call(line, who):
            simulated.close_voice(simulated.bot_id, code)
            assert await line.close_code() == code
        async with voice(simulated) as line:
            await line.send(7, who | {"seq_ack": 0})
            assert (await line.until(9) is None) if code == 4015 else (await line.close_code() == 4006)


async def test_moved_client_that_does_not_hang_up_is_closed(nursery):
    """A client that ignores the new voice server is closed with 4014."""
    simulated = await started(nursery, require_dave=False, knobs=Knobs(move_patience_s=0.1))
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)),
    ):
        simulated.move(simulated.bot_id, simulated.other_voice_channel_id)
        state = await gateway.event("VOICE_STATE_UPDATE")
        assert state["channel_id"] == str(simulated.other_voice_channel_id)
        assert (await gateway.event("VOICE_SERVER_UPDATE"))["token"]
        assert await line.close_code() == 4014


MAIN_BREACHES = [
    (99, {}, 4001),
    (4, {"guild_id": "1"}, 4003),
    (2, {"token": "x", "intents": 0}, 4004),
    (2, {"intents": 1 << 40}, 4013),
    (2, {"intents": 1 << 15}, 4014),
    (2, None, 4002),
]


@pytest.mark.parametrize(("op", "data", "code"), MAIN_BREACHES)
async def test_main_gateway_closes_on(nursery, op, data, code):
    """Each breach has its close code."""
    simulated = await started(nursery)
    async with opened(simulated, "gateway.discord.gg") as gateway:
        await gateway.until(10)
        await gateway.send(op, {"token": simulated.bot_token} | data if data is not None else None)
        assert await gateway.close_code() == code


async def test_main_gateway_resume_replays_and_refuses_strangers(nursery):
    """Op 6 brings the missed events and RESUMED with an object; an unknown session is op 9 false."""
    simulated = await started(nursery)
    async with opened(simulated, "gateway.discord.gg") as gateway:
        await gateway.until(10)
        await gateway.send(2, {"token": simulated.bot_token, "intents": 129})
        ready = await gateway.event("READY")
        simulated.close_gateway(4000)
        assert await gateway.close_code() == 4000
    await simulated.add_member("alice").join(simulated.voice_channel_id)
    # What concerns voice comes late: it is missed only once it has been sent.
    events = simulated.record.events
    await simulated.wait_until(lambda: any(event.name == "VOICE_STATE_UPDATE" for event in events), timeout_s=20)
    who = {"token": simulated.bot_token, "session_id": ready["session_id"], "seq": 2}
    async with opened(simulated, "gateway.discord.gg") as gateway:
        await gateway.send(6, who)
        assert (await gateway.event("VOICE_STATE_UPDATE"))["channel_id"] == str(simulated.voice_channel_id)
        assert await gateway.event("RESUMED") == {}
    async with opened(simulated, "gateway.discord.gg") as gateway:
        await gateway.send(6, who | {"session_id": "x"})
        assert await gateway.until(9) is False


async def test_clients_that_came_by_localhost_are_led_back_there(nursery):
    """Endpoint and resume URL name the host by which the client came."""
    simulated = await started(nursery)
    async with logged_in(simulated) as gateway:
        where = {"guild_id": str(simulated.guild_id), "channel_id": str(simulated.voice_channel_id)}
        await gateway.send(4, where)
        server = await gateway.event("VOICE_SERVER_UPDATE")
        assert server["endpoint"] == simulated.hosts["*.discord.media"]


async def test_broken_datagrams_are_counted_and_harm_nobody(nursery):
    """Junk, a broken seal and an unknown stream are faults in the record; the SFU goes on."""
    simulated = await started(nursery, require_dave=False)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)) as media,
    ):
        await line.send(5, {"speaking": 1, "delay": 0, "ssrc": media.ssrc})
        await simulated.wait_until(lambda: 5 in simulated.record.voice_ops(simulated.bot_id), timeout_s=20)
        await media.socket.send(b"junk")
        await media.socket.send(struct.pack(">BBHII", 0x80, 0x78, 1, 1, 1) + bytes(40))
        await media.socket.send(struct.pack(">BBHII", 0x80, 0x78, 1, 1, media.ssrc) + bytes(40))
        await media.socket.send(struct.pack(">BBHII", 0x80, 0x78, 1, 1, media.ssrc))
        await media.send(2, b"\x78fine")
        await simulated.wait_until(lambda: len(alice.heard) == 1, timeout_s=20)
        assert simulated.record.faults == {"not_rtp": 1, "unknown_ssrc": 1, "bad_transport_seal": 2}


async def test_client_that_cuts_its_tls_short_harms_nobody(nursery):
    """Ports survive a peer that says nothing of use, and one that vanishes."""
    simulated = await started(nursery)
    for name in simulated.hosts.values():
        host, _, port = name.partition(":")
        stream = await trio.open_tcp_stream(host, int(port))
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await stream.aclose()
    async with logged_in(simulated) as gateway:
        assert isinstance(gateway, Socket)


async def test_call_that_ended_before_a_client_was_in_it_begins_anew(nursery):
    """Between IDENTIFY and protocol selection the last member leaves; who comes then meets the client all the same."""
    simulated = await started(nursery, require_dave=False)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    async with logged_in(simulated) as gateway, voice(simulated) as line:
        await line.send(0, await admission(simulated, gateway))
        await line.until(2)
        await alice.leave()
        await line.send(1, SELECT)
        await line.until(4)
        await alice.join(simulated.voice_channel_id)
        assert (await line.until(11))["user_ids"] == [str(alice.id)]


async def test_member_that_never_says_ready_is_not_waited_for(nursery):
    """Op 22 comes after the transition timeout although a client has not sent op 23."""
    simulated = await started(nursery, knobs=Knobs(transition_timeout_s=0.2))
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    end = make_end("davey", simulated.bot_id, 1)
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)),
    ):
        await line.websocket.send_message(b"\x1a" + end.begin(simulated.voice_channel_id))
        await simulated.wait_until(lambda: 30 in simulated.record.voice_ops(direction="out"), timeout_s=20)
        assert not alice.is_dave_ready
        assert (await line.until(22))["transition_id"] == 1
        assert alice.is_dave_ready


async def test_lost_ip_discovery_is_not_answered(nursery):
    """With the knob off a discovery request stays without reply, but the address is learnt."""
    simulated = await started(nursery, require_dave=False, knobs=Knobs(answer_ip_discovery=False))
    async with logged_in(simulated) as gateway, voice(simulated) as line:
        await line.send(0, await admission(simulated, gateway))
        media = Media(await line.until(2))
        with media.socket, pytest.raises(trio.TooSlowError):
            await media.discover(timeout_s=0.1)


async def test_heartbeats_go_unanswered_if_told(nursery):
    """A server that stops acknowledging is what makes clients reconnect."""
    simulated = await started(nursery, knobs=Knobs(acknowledge_heartbeats=False))
    async with voice(simulated) as line, opened(simulated, "gateway.discord.gg") as gateway:
        await gateway.until(10)
        await gateway.send(1, None)
        await line.send(3, {"t": 1, "seq_ack": 0})
        await simulated.wait_until(lambda: simulated.record.counts["voice_heartbeats"] == 1, timeout_s=20)
        await simulated.wait_until(lambda: simulated.record.counts["gateway_heartbeats"] == 1, timeout_s=20)
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.1):
            await line.websocket.get_message()


async def test_client_that_leaves_without_hanging_up_is_closed(nursery):
    """Op 4 with no channel ends the seat at once, and the voice websocket after a while with 4014."""
    simulated = await started(nursery, require_dave=False, knobs=Knobs(move_patience_s=0.1))
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)),
    ):
        await gateway.send(4, {"guild_id": str(simulated.guild_id), "channel_id": None})
        assert (await gateway.event("VOICE_STATE_UPDATE"))["channel_id"] is None
        assert not simulated.is_in_call(simulated.bot_id)
        assert await line.close_code() == 4014


async def test_self_deafened_client_gets_no_packets(nursery):
    """Who deafens himself by op 4 is sent nothing, and hears again afterwards."""
    simulated = await started(nursery, require_dave=False)
    alice = simulated.add_member("alice")
    await alice.join(simulated.voice_channel_id)
    where = {"guild_id": str(simulated.guild_id), "channel_id": str(simulated.voice_channel_id)}
    async with (
        logged_in(simulated) as gateway,
        voice(simulated) as line,
        in_call(line, await admission(simulated, gateway)) as media,
    ):
        for deaf, count in ((True, 0), (False, 1)):
            await gateway.send(4, where | {"self_deaf": deaf})
            assert (await gateway.event("VOICE_STATE_UPDATE"))["self_deaf"] is deaf
            await alice.speak(speech(1), tail=False)
            assert len(simulated.record.deliveries) == count
        assert await media.receive() == speech(1)[0]


async def test_member_list_is_given_on_request(nursery):
    """Op 8 brings everybody in the guild."""
    simulated = await started(nursery)
    alice = simulated.add_member("alice")
    async with logged_in(simulated) as gateway:
        await gateway.send(8, {"guild_id": str(simulated.guild_id), "query": "", "limit": 0, "nonce": "n"})
        chunk = await gateway.event("GUILD_MEMBERS_CHUNK")
        ids = {int(member["user"]["id"]) for member in chunk["members"]}
        assert ids == {simulated.owner_id, simulated.bot_id, alice.id}


async def test_server_asks_to_reconnect(nursery):
    """Op 7 goes to the bot that is named."""
    simulated = await started(nursery)
    async with logged_in(simulated) as gateway:
        simulated.ask_to_reconnect()
        assert await gateway.until(7) is None
