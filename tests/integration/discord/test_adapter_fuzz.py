"""Random histories over the real adapter: whatever Discord did, once it behaves we are in the call, heard and hearing.

discord.py runs in real time only, so there are few of them; ``VOXBRIDGE_FUZZ_CALLS=100`` plays more. A failure names
its seed and what happened. The thousands are played on the pure table (``tests/unit/core/call``).
"""

from __future__ import annotations

import os
import random
import threading

import pytest
import trio

from tests.integration.discord.test_adapter_rejoin import hears_again
from tests.support.discord_bench import Bench, open_call
from voxbridge.core.ids import ChannelId
from voxbridge.errors import VoiceHandshakeError
from voxbridge.rehearsal.discord import Knobs, SimulatedDiscord

pytestmark = pytest.mark.integration

CALLS = int(os.environ.get("VOXBRIDGE_FUZZ_CALLS", "3"))
STEPS = 7
SETTLE_S = 10.0
OUT_FOR_S = 1.0  # who was about to come back has come by then
CODES = (1000, 4001, 4006, 4009, 4011, 4014, 4015, 4022)
WAITS_S = (0.0, 0.01, 0.05, 0.3, 1.2)


class History:
    """One random sequence of mishaps and commands."""

    def __init__(self, bench: Bench, seed: int, nursery: trio.Nursery) -> None:
        self.bench, self.discord, self.dice, self.nursery = bench, bench.discord, random.Random(seed), nursery
        self.wanted: ChannelId | None = self.discord.voice_channel_id
        self.told: list[str] = []

    @property
    def channels(self) -> tuple[ChannelId, ChannelId]:
        return self.discord.voice_channel_id, self.discord.other_voice_channel_id

    async def command(self, channel_id: ChannelId | None) -> None:
        try:
            if channel_id is None:
                await self.bench.bridge.leave(self.discord.guild_id)
            else:
                await self.bench.bridge.join(self.discord.guild_id, channel_id)
        except VoiceHandshakeError as error:
            self.told.append(f"({error})")

    def step(self) -> None:
        discord, dice, bot = self.discord, self.dice, self.discord.bot_id
        place = discord.channel_of(bot)
        is_inside = place is not None
        match dice.randrange(12):
            case 0 | 1:
                channel = dice.choice(self.channels)
                self.told.append(f"join {self.channels.index(channel)}")
                self.nursery.start_soon(self.command, channel)
            case 2 if is_inside:
                self.told.append("move")
                discord.move(bot, dice.choice(self.channels))
            case 3 | 4 if is_inside:
                kind = dice.choice(("", "dead", "gone", "lost"))
                self.told.append(f"server {kind}")
                discord.knobs.lose_discovery_replies = kind == "lost"
                discord.change_voice_server(bot, old_is_dead=kind == "dead", gone_for_s=0.3 if kind == "gone" else 0.0)
            case 5:
                code = dice.choice(CODES)
                self.told.append(f"close {code}")
                discord.close_voice(bot, code)
            case 6:
                self.told.append("cut")
                discord.cut_voice(bot)
            case 7:
                self.told.append("gateway")
                discord.close_gateway(4000)
            case 8:
                self.told.append("leave")
                self.nursery.start_soon(self.command, None)
            case 9 if is_inside:
                self.told.append("kick")
                discord.kick(bot)
            case 10:
                discord.knobs.gateway_late_s = dice.choice((0.0, 0.03, 1.0))
                self.told.append(f"late {discord.knobs.gateway_late_s}")
            case _:
                self.told.append("bad commit")
                if place is not None and discord.is_in_call(bot, place.id):
                    discord.send_bad_commit(bot, place.id)


@pytest.mark.parametrize("seed", range(CALLS))
async def test_after_any_history_we_are_heard_and_hear(seed: int) -> None:
    """In the channel that is wanted, by both sides' account, with one connection, or out; and nothing is left over."""
    threads_before = threading.active_count()
    async with open_call(SimulatedDiscord(knobs=Knobs()), connect_limit_s=5.0, limit_s=90.0) as (bench, ada):
        discord = bench.discord
        async with trio.open_nursery() as nursery:
            history = History(bench, seed, nursery)
            for _ in range(STEPS):
                history.step()
                await trio.sleep(history.dice.choice(WAITS_S))
        discord.knobs.gateway_late_s, discord.knobs.lose_discovery_replies = 0.03, 0
        try:
            await bench.until(lambda: is_settled(bench), timeout_s=SETTLE_S)
            place = discord.channel_of(discord.bot_id)
            if place is None:
                history.told.append("(out)")
                assert len(bench.ports) == len(bench.ended), "out of the channel, and a room was left open"
                await trio.sleep(OUT_FOR_S)
                assert discord.channel_of(discord.bot_id) is None, "it came back by itself"
                await bench.bridge.join(discord.guild_id, discord.voice_channel_id)
            await ada.join(bench.bridge.seat(discord.guild_id) or discord.voice_channel_id)
            await hears_again(bench, ada, salt=seed)
        except (trio.TooSlowError, AssertionError) as exc:
            raise AssertionError(f"seed {seed}: {history.told}; {bench.bridge.status().rooms}; {exc}") from exc
        assert len(bench.ports) - len(bench.ended) == 1, f"seed {seed}: {history.told}: rooms were left open"
    beating = [thread.name for thread in threading.enumerate() if "keep-alive" in thread.name]
    assert threading.active_count() <= threads_before + 2, f"seed {seed}: {history.told}: {beating}"


def is_settled(bench: Bench) -> bool:
    seat, place = bench.bridge.seat(bench.discord.guild_id), bench.discord.channel_of(bench.discord.bot_id)
    if seat is None:
        return place is None
    return (
        place is not None
        and place.id == seat
        and bench.room.is_connected
        and bench.discord.is_in_call(bench.discord.bot_id, seat)
    )
