"""Deaf or mute without knowing."""

from __future__ import annotations

import trio

from tests.scenes.away import come_back
from tests.scenes.live import LiveCall
from tests.scenes.scene import Scene
from voxbridge.clock import monotonic_s
from voxbridge.rehearsal.discord.world import BOT_ID


async def nothing_comes(call: LiveCall) -> None:
    """The way to the bot is gone, and not a word of it: Ada was announced long ago, and will not be again."""
    came = call.identifies
    call.discord.knobs.downlink.loss = 1.0
    await call.until(lambda: len(call.logged("not in the voice channel")) > 0, "nothing was noticed")
    call.discord.knobs.downlink.loss = 0.0
    await come_back(call, since=came)


async def dead_server(call: LiveCall) -> None:
    """The old voice server is dead at a change, and the new one is not named for a second: no answer into the void."""
    came = call.identifies
    call.discord.change_voice_server(BOT_ID, old_is_dead=True, gone_for_s=1.0)
    await trio.sleep(0.3)
    sent = call.discord.record.faults["unknown_ssrc"]
    await trio.sleep(0.5)
    assert call.discord.record.faults["unknown_ssrc"] == sent, "it speaks to a dead server"
    await come_back(call, since=came)


async def new_session(call: LiveCall) -> None:
    """A new session of the main gateway, while Discord still has us in the channel."""
    came = call.identifies
    call.discord.invalidate_gateway_session()
    await come_back(call, since=came)


async def sound_after_sound(call: LiveCall) -> None:
    """A voice server that forwards nothing to who has never sent, at a change; the bot has nothing to say."""
    call.discord.knobs.sound_only_after_sound = True
    came = call.identifies
    call.discord.change_voice_server(BOT_ID)
    await call.until(lambda: call.identifies > came, "the bot did not follow")


async def slow_member(call: LiveCall) -> None:
    """Ada takes 1.9 s to say that she has the new keys when Bob comes."""
    call.ada.member.ready_after_s = 1.9
    bob = await call.come("Bob")
    await bob.member.wait_dave_ready()
    await trio.sleep(3.0)
    room = call.room
    assert room is not None
    assert room.counters.dave_heals == 0, "fresh keys were asked for though all was well"


async def plain_for_a_while(call: LiveCall) -> None:
    """The call is led out of encryption, and back into it two seconds later."""
    call.discord.downgrade_dave()
    await trio.sleep(2.0)
    call.discord.upgrade_dave()


async def bad_commits(call: LiveCall) -> None:
    """Two bad commits in a row."""
    call.discord.send_bad_commit(BOT_ID)
    call.discord.spoil_next_commit(BOT_ID)  # the Welcome that answers the bot's request
    await call.until(lambda: call.discord.record.voice_ops(BOT_ID).count(31) >= 2, "they were not noticed")
    await call.until(lambda: call.discord.is_dave_settled() and call.is_up, "no keys")
    requests = call.discord.record.voice_ops(BOT_ID).count(31)
    assert requests <= 4, f"{requests} requests for a fresh place"


async def keys_never_come(call: LiveCall) -> None:
    """Nobody talks, and whatever would give the bot its keys is spoilt: noticed all the same, and made anew."""
    call.ada.hush()
    came = call.identifies
    spoiling = trio.CancelScope()
    with spoiling:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_spoil_all, call)
            call.discord.restart_dave()
            await call.until(lambda: call.identifies > came, "nobody noticed that there are no keys")
            spoiling.cancel()
    call.ada.hush(on=False)


async def _spoil_all(call: LiveCall) -> None:
    while True:
        call.discord.spoil_next_commit(BOT_ID)
        await trio.sleep(0.01)


async def muted(call: LiveCall) -> None:
    """Muted by a moderator for two seconds: nothing is sent, it is said once."""
    call.discord.mute(BOT_ID)
    await call.until(lambda: not call.is_up, "the gate stayed open")
    await trio.sleep(0.2)
    sent = len([packet for packet in call.discord.packets if packet.sender == BOT_ID])
    await trio.sleep(2.0)
    assert len([packet for packet in call.discord.packets if packet.sender == BOT_ID]) == sent, "sent to nobody"
    said = [message.content for message in call.discord.messages if "muted" in message.content]
    assert len(said) == 1, f"said once, and not {said}"
    call.discord.mute(BOT_ID, on=False)


async def asked_while_muted(call: LiveCall) -> None:
    """A question to a bot that is muted: its answer is written."""
    call.discord.mute(BOT_ID)
    await call.until(lambda: not call.is_up, "the gate stayed open")
    await trio.sleep(2.0)
    call.ada.hush()
    answered = [turn.outcome for turn in call.daemon.service.view().last_turns]
    await call.until(
        lambda: any("It is noon." in message.content for message in call.discord.messages), "the answer was not written"
    )
    outcomes = [turn.outcome for turn in call.daemon.service.view().last_turns][len(answered) :]
    assert "answered" not in outcomes, "what nobody has heard is no answer"


async def deafened(call: LiveCall) -> None:
    """Deafened by a moderator for five seconds: nothing is tried against it."""
    call.discord.deafen(BOT_ID)
    await trio.sleep(5.0)
    room = call.room
    assert room is not None
    assert (room.counters.dave_heals, room.counters.rejoins) == (0, 0), "something was tried against it"
    call.discord.deafen(BOT_ID, on=False)


async def server_on_its_way(call: LiveCall) -> None:
    """4014 at once, and the new voice server half a second later."""
    came, began = call.identifies, monotonic_s()
    call.discord.knobs.gateway_late_s = 0.5
    call.discord.change_voice_server(BOT_ID)
    call.discord.close_voice(BOT_ID, 4014)
    await call.until(lambda: call.identifies > came, "the bot did not follow")
    took_s = monotonic_s() - began
    call.discord.knobs.gateway_late_s = 0.03
    assert took_s < 3.0, f"{took_s:.1f} s after: the wait for a kick's word (3.5 s) is in it"


SCENES = (
    Scene("B9", "nothing comes through any more, and nobody is announced", nothing_comes),
    Scene("B10", "the old voice server is dead at a change", dead_server, is_quick=True),
    Scene("B10", "a server that is silent to who has never sent", sound_after_sound),
    Scene("B10", "a new gateway session, and we are still in the channel", new_session),
    Scene("B11", "a member who is slow to get ready", slow_member, words_lost_max=2),
    Scene("B11", "a call that is plain for a while", plain_for_a_while),
    Scene("B12", "two bad commits in a row", bad_commits),
    Scene("B13", "muted by the server", muted),
    Scene("B13", "asked while muted", asked_while_muted, is_speaking=False, answer="It is noon."),
    Scene("B13", "deafened by the server", deafened),
    Scene("C17", "4014 with a new server on its way", server_on_its_way),
    Scene("C17", "keys that never come, while nobody talks", keys_never_come),
)
