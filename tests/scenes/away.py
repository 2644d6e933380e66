"""Away for good: what has thrown bots of this kind out of a call, for ever."""

from __future__ import annotations

from functools import partial

import attrs
import trio

from tests.scenes.live import LiveCall
from tests.scenes.scene import Scene
from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId
from voxbridge.rehearsal.discord import STAGE, Knobs
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID

ODD_EVENTS: tuple[tuple[str, object], ...] = (
    ("CHANNEL_UPDATE", {}),
    ("INTERACTION_CREATE", {}),
    ("VOICE_STATE_UPDATE", {}),
    ("VOICE_STATE_UPDATE", {"guild_id": "x", "user_id": None, "channel_id": []}),
    ("VOICE_SERVER_UPDATE", None),
    ("GUILD_CREATE", {"id": "7"}),
)


async def come_back(call: LiveCall, *, since: int) -> None:
    """Wait until the bot has come to a voice server once more, and is heard."""
    await call.until(lambda: call.identifies > since and call.is_up, "the bot did not come back")


async def late_answers(call: LiveCall) -> None:
    """Voice 4006 while the main gateway is 3 s late."""
    came = call.identifies
    call.discord.knobs.gateway_late_s = 3.0
    call.discord.close_voice(BOT_ID, 4006)
    await come_back(call, since=came)
    call.discord.knobs.gateway_late_s = 0.03


async def outage(call: LiveCall, *, for_s: float) -> None:
    """Nothing passes the network; the TCP connections outlive it."""
    call.discord.break_network()
    await trio.sleep(for_s)
    call.discord.break_network(on=False)


async def kick(call: LiveCall) -> None:
    """A moderator removes the bot; the main gateway's word is late."""
    call.discord.knobs.gateway_late_s = 1.0
    call.discord.kick(BOT_ID)


async def lost_discovery(call: LiveCall) -> None:
    """One discovery reply is lost at a change of voice servers."""
    came = call.identifies
    call.discord.knobs.lose_discovery_replies = 1
    call.discord.change_voice_server(BOT_ID)
    await call.until(lambda: call.identifies > came, "the bot did not follow")


async def no_discovery(call: LiveCall) -> None:
    """None is answered for six seconds."""
    call.discord.knobs.answer_ip_discovery = False
    call.discord.change_voice_server(BOT_ID)
    await trio.sleep(6.0)
    call.discord.knobs.answer_ip_discovery = True


async def two_servers(call: LiveCall) -> None:
    """Two voice-server updates within 30 ms."""
    came = call.identifies
    call.discord.change_voice_server(BOT_ID)
    await trio.sleep(0.02)
    call.discord.change_voice_server(BOT_ID)
    await call.until(lambda: call.identifies > came, "the bot did not follow")


async def two_joins(call: LiveCall) -> None:
    """/join of the other channel twice, 5 ms apart; Ada goes along; and 15 s later the bot is still there."""
    other = call.discord.other_voice_channel_id
    call.command("join", other)
    await trio.sleep(0.005)
    call.command("join", other)
    await call.ada.member.join(other)
    await call.until(lambda: call.discord.is_in_call(BOT_ID, other), "the bot did not come")
    await call.until_well()
    await trio.sleep(15.0)
    assert call.discord.is_in_call(BOT_ID, other), "the bot has left again"


async def join_of_a_full_channel_and_leave(call: LiveCall) -> None:
    """/join of a full channel, /leave a second later, and 15 s later the bot is still out."""
    other = call.discord.other_voice_channel_id
    bob = call.discord.add_member("Bob")
    await bob.join(other)
    call.discord.limit_channel(other, 1)
    call.command("join", other)
    await trio.sleep(1.0)
    call.command("leave")
    await trio.sleep(15.0)


async def moved_then(call: LiveCall, *, close: int | None) -> None:
    """A moderator moves the bot; then it is kicked, or the voice server closes with a code."""
    other = call.discord.other_voice_channel_id
    call.discord.move(BOT_ID, other)
    await call.ada.member.join(other)
    await call.until(lambda: call.discord.is_in_call(BOT_ID, other) and call.is_up, "the bot did not follow")
    await call.until_well()
    if close is None:
        call.discord.kick(BOT_ID)
    else:
        call.discord.close_voice(BOT_ID, close)


async def moved_then_rate_limited(call: LiveCall) -> None:
    """Moved, then 4021: nothing is tried for a minute, and then the bot is back."""
    await moved_then(call, close=4021)
    came = call.identifies
    await trio.sleep(55.0)
    assert call.identifies == came, "a rate limit was not respected"
    await call.until(lambda: call.is_up, "the bot did not come back after a minute", 30.0)


async def channel_deleted_while_leaving(call: LiveCall) -> None:
    """/leave, and the channel is deleted before the answer is there; then /join of another one."""
    other = call.discord.other_voice_channel_id
    asked = call.asked_gateway
    call.command("leave")
    await call.until(lambda: call.asked_gateway > asked, "the bot did not ask to leave")
    call.discord.delete_channel(call.discord.voice_channel_id)
    await call.until(lambda: GUILD_ID not in call.daemon.rooms, "the bot did not leave")
    await call.ada.member.join(other)
    call.command("join", other)
    await call.until(lambda: call.discord.is_in_call(BOT_ID, other), "the bot did not come")


async def stage(call: LiveCall) -> None:
    """Dragged on to a stage, asked to speak, dropped there, and then invited."""
    place = call.discord.add_channel("Stage", STAGE)
    call.discord.move(BOT_ID, place.id)
    await call.ada.member.join(ChannelId(place.id))
    await call.until(lambda: call.discord.record.counts["asked_to_speak"] == 1, "the bot did not ask to speak")
    came = call.identifies
    call.discord.close_voice(BOT_ID, 4006)
    await call.until(
        lambda: call.identifies > came and call.room is not None and call.room.is_connected, "the bot did not come back"
    )
    call.discord.invite_to_speak(BOT_ID)
    said = [message.content for message in call.discord.messages if "audience" in message.content]
    assert len(said) == 1, f"said once, and not {said}"


async def odd_events(call: LiveCall) -> None:
    """Events that cannot be parsed."""
    for name, data in ODD_EVENTS * 3:
        call.discord.dispatch(name, data)
    await trio.sleep(0.5)
    complaints = [line["discord_event"] for line in call.logged("an event of Discord was not understood")]
    assert len(set(complaints)) == len(complaints), f"logged once each: {complaints}"


_PLAIN = attrs.evolve(Settings(), discord=attrs.evolve(Settings().discord, require_e2ee=False))

SCENES = (
    Scene("A1", "voice 4006 while gateway answers are 3 s late", late_answers),
    Scene(
        "A1",
        "an outage of 6 s that costs our place (scaled)",
        partial(outage, for_s=6.0),
        knobs=lambda: Knobs(voice_heartbeat_ms=2000, resume_window_s=1.0),
    ),
    Scene("A1", "an outage of 20 s", partial(outage, for_s=20.0)),
    Scene("A1", "an outage of 45 s", partial(outage, for_s=45.0)),
    Scene("A1", "an outage of 75 s", partial(outage, for_s=75.0)),
    Scene("A1", "a kick, whose word is late", kick, ends_inside=False),
    Scene("A2", "one lost discovery reply at a change of servers", lost_discovery),
    Scene("A2", "discovery unanswered for 6 s", no_discovery),
    Scene("A3", "two voice servers within 20 ms", two_servers),
    Scene("A4", "two /join of one channel 5 ms apart", two_joins),
    Scene("A4", "/join of a full channel, /leave 1 s later", join_of_a_full_channel_and_leave, ends_inside=False),
    Scene("A5", "moved, then kicked", partial(moved_then, close=None), ends_inside=False),
    Scene("A5", "moved, then 4017", partial(moved_then, close=4017), ends_inside=False),
    Scene("A5", "moved, then 4021: back after a minute", moved_then_rate_limited),
    Scene("A6", "/leave while the channel is deleted, then /join", channel_deleted_while_leaving, is_quick=True),
    Scene("A7", "dragged on to a stage, and dropped there", stage, is_encrypted=False, settings=_PLAIN),
    Scene("A8", "events that cannot be parsed", odd_events, words_lost_max=2),
)
