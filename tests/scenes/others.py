"""Other people: what members do to the bot, to each other, and to themselves."""

from __future__ import annotations

from functools import partial

import trio

from tests.scenes.live import LiveCall
from tests.scenes.people import Talker
from tests.scenes.scene import Scene
from voxbridge.rehearsal.discord import Member
from voxbridge.rehearsal.discord.world import BOT_ID
from voxbridge.testing.servers.n8n_plans import agent, words

ANSWER = "This is an answer of some length, so that there is time to be away."


async def _settled(call: LiveCall, *talkers: Talker) -> None:
    for talker in talkers:
        await talker.member.wait_dave_ready()
    await call.until(call.discord.is_dave_settled, "the keys did not settle")


async def _stranger(call: LiveCall, name: str) -> Member:
    """Let somebody join who says what the scene has him say, and nothing else."""
    eve = call.discord.add_member(name)
    await eve.join(call.discord.voice_channel_id)
    await eve.wait_dave_ready()
    await _settled(call, call.ada)
    return eve


async def forger(call: LiveCall, *, for_s: float, gap_s: float) -> None:
    """Eve sends frames that end like DAVE frames and open with nobody's keys; every two seconds op 5."""
    eve = await _stranger(call, "Eve")
    until, number = trio.current_time() + for_s, 0
    while trio.current_time() < until:
        if number % max(1, round(2.0 / gap_s)) == 0:
            await eve.speak([], tail=False)
        eve.send_raw(b"\x78" + number.to_bytes(4, "big") * 12 + b"\xfa\xfa")
        number += 1
        await trio.sleep(gap_s)
    room = call.room
    assert room is not None
    assert (room.counters.rejoins, room.counters.dave_heals) == (0, 0), f"thrown out by Eve: {room.counters}"


async def flood(call: LiveCall, *, packets_per_s: int, for_s: float) -> None:
    """Eve sends valid frames, many more than anybody can say."""
    eve = await _stranger(call, "Eve")
    frame, count, began = b"\x78" + bytes(60), round(packets_per_s * for_s), trio.current_time()
    await eve.speak([frame] * count, gap_s=1 / packets_per_s, tail=False)
    took_s = trio.current_time() - began  # this machine may not be able to send so many
    room = call.room
    assert room is not None
    await trio.sleep(0.2)
    surplus = count - 110 * (took_s + 1.0)
    assert room.counters.flooded > 0.9 * surplus, f"only {room.counters.flooded} of {surplus:.0f} were dropped unopened"


async def _away_for_a_second(call: LiveCall) -> None:
    ada = call.ada.member
    await ada.leave()
    await trio.sleep(1.0)
    await ada.join(call.discord.voice_channel_id)
    await ada.wait_dave_ready()


async def _asked(call: LiveCall) -> None:
    """Have Ada ask, and be silent."""
    await trio.sleep(1.5)
    call.ada.hush()
    await call.until(lambda: bool(call.agent.questions), "the question did not come to the agent")


async def _answered(call: LiveCall) -> None:
    view = call.daemon.service.view
    await call.until(lambda: bool(view().last_turns), "the turn did not end", 60.0)
    (turn,) = view().last_turns
    assert turn.outcome == "answered", f"the turn is {turn.outcome}: {turn.error}"
    assert turn.spoken == turn.answer, f"of {turn.answer!r} only {turn.spoken!r} was spoken"


async def away_while_it_thinks(call: LiveCall) -> None:
    """The asker's client drops for a second while the agent thinks: the question is kept, and she hears the answer."""
    call.agent.plans.append(agent(words(ANSWER), first_s=2.0))
    await _asked(call)
    await _away_for_a_second(call)
    await _answered(call)


async def away_while_it_speaks(call: LiveCall) -> None:
    """The same while the answer plays: it waits where nobody else is there to hear it, and is spoken to its end."""
    await _asked(call)
    await call.until(lambda: len(call.ada.voice_of_bot(call.began_at, float("inf"))) > 40, "no answer")
    await _away_for_a_second(call)
    await _answered(call)


async def swapped_streams(call: LiveCall) -> None:
    """Right after the bot has come back, two members talk on each other's streams, and Discord does not say so."""
    bob = await call.come("Bob")
    await _settled(call, call.ada, bob)
    await call.until_well()
    came = call.identifies
    call.discord.close_voice(BOT_ID, 4006)
    await call.until(lambda: call.identifies > came and call.is_up, "the bot did not come back")
    await call.until_well()
    ada, bob_ = call.ada.member, bob.member
    ada.ssrc, bob_.ssrc = bob_.ssrc, ada.ssrc


async def ghost(call: LiveCall) -> None:
    """Bob leaves the server without a word of the main gateway: gone from the room as well, some seconds later."""
    bob = await call.come("Bob")
    await _settled(call, call.ada, bob)
    await call.until_well()
    bob.member.vanish()
    call.dismiss(bob)
    room = next(iter(call.daemon.rooms.values()))
    await call.until(lambda: bob.member.id not in {member.user_id for member in room.members}, "a ghost")


SCENES = (
    Scene("C14", "forged frames, 5 a second and op 5 every 2 s", partial(forger, for_s=45.0, gap_s=0.2)),
    Scene("C14", "forged frames, 100 a second", partial(forger, for_s=3.0, gap_s=0.01)),
    Scene("C15", "a flood of 500 valid frames a second", partial(flood, packets_per_s=500, for_s=5.0)),
    Scene("C15", "a flood of 2000 valid frames a second", partial(flood, packets_per_s=2000, for_s=2.0)),
    Scene("C16", "the asker drops for 1 s while the agent thinks", away_while_it_thinks, is_speaking=False),
    Scene(
        "C16",
        "the asker drops for 1 s while the answer plays",
        away_while_it_speaks,
        is_speaking=False,
        answer=ANSWER,
        is_quick=True,
    ),
    Scene("C17", "two members swap streams right after a rejoin", swapped_streams, is_quick=True),
    Scene("C17", "a member leaves the server without a word", ghost),
)
