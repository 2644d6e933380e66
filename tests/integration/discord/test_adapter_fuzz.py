"""Random histories over the real adapter: whatever Discord did, once it behaves we are in the call, heard and hearing.

discord.py runs in real time only, so there are few of them; ``VOXBRIDGE_FUZZ_CALLS=100`` plays more. A failure names
its seed and what happened. The thousands are played on the pure table (``tests/unit/core/call``).
"""

from __future__ import annotations

import os
import threading

import pytest
import trio

from tests.integration.discord.test_adapter_rejoin import hears_again
from tests.support.discord_bench import Bench, open_call
from tests.support.mean_discord import History
from voxbridge.core.ids import GuildId
from voxbridge.errors import VoiceHandshakeError
from voxbridge.rehearsal.discord import Knobs, SimulatedDiscord

pytestmark = pytest.mark.integration

CALLS = int(os.environ.get("VOXBRIDGE_FUZZ_CALLS", "3"))
STEPS = 7
SETTLE_S = 10.0
OUT_FOR_S = 1.0  # who was about to come back has come by then
LOGIN_S = 45.0  # sessions begin five seconds apart, and a history may have ended several
WAITS_S = (0.0, 0.01, 0.05, 0.3, 1.2)


@pytest.mark.parametrize("seed", range(CALLS))
async def test_after_any_history_we_are_heard_and_hear(seed: int) -> None:
    """In the channel that is wanted, by both sides' account, with one connection, or out; and nothing is left over."""
    threads_before = threading.active_count()
    async with open_call(SimulatedDiscord(knobs=Knobs()), connect_limit_s=5.0, limit_s=90.0) as (bench, ada):
        discord = bench.discord
        async with trio.open_nursery() as nursery:
            history = History(bench, ada, seed, nursery)
            for _ in range(STEPS):
                history.step()
                await trio.sleep(history.dice.choice(WAITS_S))
            history.behave()
        history.behave()
        try:
            await bench.until(lambda: bench.bridge.status().is_logged_in, timeout_s=LOGIN_S)
            began = trio.current_time()
            await bench.until(lambda: is_settled(bench, history), timeout_s=SETTLE_S)
            settled_s = trio.current_time() - began
            place = discord.channel_of(discord.bot_id)
            if place is None:
                history.told.append("(out)")
                assert len(bench.ports) == len(bench.ended), "out of the channel, and a room was left open"
                await trio.sleep(OUT_FOR_S)
                assert discord.channel_of(discord.bot_id) is None, "it came back by itself"
                await bench.bridge.join(discord.guild_id, discord.voice_channel_id)
            await ada.join(bench.bridge.seat(discord.guild_id) or discord.voice_channel_id)
            await hears_again(bench, ada, salt=seed)
            print(f"seed {seed}: {history.told}: in place {settled_s:.2f} s later")
        except (trio.TooSlowError, AssertionError, VoiceHandshakeError) as exc:
            raise AssertionError(f"seed {seed}: {history.told}; {bench.bridge.status().rooms}; {exc}") from exc
        assert len(bench.ports) - len(bench.ended) == 1, f"seed {seed}: {history.told}: rooms were left open"
    beating = [thread.name for thread in threading.enumerate() if "keep-alive" in thread.name]
    assert threading.active_count() <= threads_before + 2, f"seed {seed}: {history.told}: {beating}"


def is_settled(bench: Bench, history: History) -> bool:
    return all(is_in_place(bench, guild_id) for guild_id in (bench.discord.guild_id, history.abroad.id))


def is_in_place(bench: Bench, guild_id: GuildId) -> bool:
    seat, place = bench.bridge.seat(guild_id), bench.discord.channel_of(bench.discord.bot_id, guild_id)
    if seat is None or place is None:
        return seat is None and place is None
    is_connected = bench.bridge.is_seated(guild_id, seat)
    return place.id == seat and is_connected and bench.discord.is_in_call(bench.discord.bot_id, seat)
