"""A call that changes all the time, for as long as you like: words lost, seconds deaf, seconds mute.

Every mishap is one that the scenes (``tests/scenes``) play alone. They come in a random order, which the seed gives
again; after each, everybody has to be heard and to hear the bot, and then there is a calm in which nothing may be lost.
"""

from __future__ import annotations

import itertools
import os
import random
import resource
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import attrs
import trio

from tests.scenes import away, deaf
from tests.scenes.live import LiveCall, open_live_call
from tests.scenes.people import Account
from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId
from voxbridge.rehearsal.discord import SimulatedDiscord
from voxbridge.rehearsal.discord.ends import DaveLibrary
from voxbridge.rehearsal.discord.world import BOT_ID

_CALM_S = 4.0
_WELL_LIMIT_S = 60.0
_GUESTS_MAX = 2  # each hears all others and the bot, in this process: one core has no more to give

Mishap = Callable[[LiveCall, random.Random], Awaitable[None]]


async def _somebody_comes(call: LiveCall, dice: random.Random) -> None:
    guests = list(call.talkers.values())[1:]
    if len(guests) >= _GUESTS_MAX:
        await _somebody_goes(call, dice)
    place = call.discord.channel_of(BOT_ID)
    libraries: list[DaveLibrary] = ["davey", "libdave"]
    channel = place.id if place is not None else None
    await call.come(f"Guest {next(_NUMBERS)}", dave=dice.choice(libraries), channel=channel)


async def _somebody_goes(call: LiveCall, dice: random.Random) -> None:
    guests = list(call.talkers.values())[1:]
    if guests:
        guest = dice.choice(guests)
        await guest.member.leave()
        call.dismiss(guest)


async def _somebody_is_away_for_a_second(call: LiveCall, dice: random.Random) -> None:
    guest = dice.choice(list(call.talkers.values()))
    place = call.discord.channel_of(guest.member.id)
    await guest.member.leave()
    await trio.sleep(1.0)
    await guest.member.join(ChannelId(place.id if place is not None else call.discord.voice_channel_id))


async def _all_move(call: LiveCall, _dice: random.Random) -> None:
    """A moderator moves the bot to the other channel, and everybody goes along."""
    discord = call.discord
    place, both = discord.channel_of(BOT_ID), (discord.voice_channel_id, discord.other_voice_channel_id)
    there = both[1] if place is not None and place.id == both[0] else both[0]
    discord.move(BOT_ID, there)
    for talker in call.talkers.values():
        await talker.member.join(ChannelId(there))


async def _change_server(call: LiveCall, _dice: random.Random, *, kind: str) -> None:
    call.discord.knobs.lose_discovery_replies = 2 if kind == "lost" else 0
    is_dead, gone_for_s = kind == "dead", 0.5 if kind == "gone" else 0.0
    call.discord.change_voice_server(BOT_ID, old_is_dead=is_dead, gone_for_s=gone_for_s)


async def _close_voice(call: LiveCall, dice: random.Random) -> None:
    call.discord.close_voice(BOT_ID, dice.choice((1000, 4006, 4009, 4014, 4015)))


async def _cut_both(call: LiveCall, _dice: random.Random) -> None:
    call.discord.cut_voice(BOT_ID)
    call.discord.close_gateway(4000)


async def _resume_gateway(call: LiveCall, _dice: random.Random) -> None:
    call.discord.close_gateway(4000)


async def _new_keys(call: LiveCall, _dice: random.Random) -> None:
    place = call.discord.channel_of(BOT_ID)
    if place is not None:
        call.discord.restart_dave(place.id)


async def _bad_commit(call: LiveCall, _dice: random.Random) -> None:
    place = call.discord.channel_of(BOT_ID)
    if place is not None and call.discord.is_in_call(BOT_ID, place.id):
        call.discord.send_bad_commit(BOT_ID, place.id)


async def _mute(call: LiveCall, _dice: random.Random) -> None:
    call.discord.mute(BOT_ID)
    await trio.sleep(2.0)
    call.discord.mute(BOT_ID, on=False)


async def _without_dice(call: LiveCall, _dice: random.Random, *, play: Callable[[LiveCall], Awaitable[None]]) -> None:
    await play(call)


_NUMBERS = itertools.count(1)

# How often each comes, relative to the others.
MISHAPS: dict[str, tuple[int, Mishap]] = {
    "somebody comes": (4, _somebody_comes),
    "somebody goes": (3, _somebody_goes),
    "somebody is away for 1 s": (2, _somebody_is_away_for_a_second),
    "new keys for all": (2, _new_keys),
    "a bad commit": (1, _bad_commit),
    "moved, and all go along": (2, _all_move),
    "another voice server": (2, partial(_change_server, kind="")),
    "another, and the old one is dead": (1, partial(_change_server, kind="dead")),
    "another, named 0.5 s later": (1, partial(_change_server, kind="gone")),
    "another, two replies lost": (1, partial(_change_server, kind="lost")),
    "voice closed with a code": (3, _close_voice),
    "main gateway lost and resumed": (2, _resume_gateway),
    "both connections lost": (2, _cut_both),
    "new session of the gateway": (1, partial(_without_dice, play=deaf.new_session)),
    "an outage of 5 s": (1, partial(_without_dice, play=partial(away.outage, for_s=5.0))),
    "muted for 2 s": (1, _mute),
}


@attrs.define
class Tally:
    """What one kind of mishap cost, all talkers together; mute is counted for the one who hears least."""

    times: int = 0
    words_said: int = 0
    words_lost: int = 0
    deaf_s: float = 0.0
    longest_deaf_s: float = 0.0
    mute_s: float = 0.0
    longest_mute_s: float = 0.0

    def add(self, accounts: list[Account]) -> None:
        self.times += 1
        for account in accounts:
            self.words_said += account.words_said
            self.words_lost += account.words_lost
        # Of several people who are not heard for a second the bot is deaf for one second.
        self.deaf_s += max((account.deaf_s for account in accounts), default=0.0)
        self.longest_deaf_s = max(self.longest_deaf_s, *(account.longest_deaf_s for account in accounts))
        self.mute_s += max((account.mute_s for account in accounts), default=0.0)
        self.longest_mute_s = max(self.longest_mute_s, *(account.longest_mute_s for account in accounts))


async def measure(minutes: float, seed: int, progress: Callable[[str], None]) -> tuple[dict[str, Tally], list[str]]:
    """Live through so many minutes of such a call; return what each kind cost, and what else is to be said."""
    dice, tallies = random.Random(seed), dict[str, Tally]()
    notes: list[str] = []
    names, weights = list(MISHAPS), [weight for weight, _ in MISHAPS.values()]
    with tempfile.TemporaryDirectory() as folder:
        async with open_live_call(Path(folder), SimulatedDiscord()) as call:
            until, began = trio.current_time() + 60 * minutes, trio.current_time()
            grown_from_mib = 0.0
            while trio.current_time() < until:
                (name,) = dice.choices(names, weights)
                progress(f"{(trio.current_time() - began) / 60:.1f} min: {name}")
                try:
                    accounts, calm = await _live_through(call, partial(MISHAPS[name][1], call, dice))
                except AssertionError as error:
                    notes.append(f"after {name!r}, {(trio.current_time() - began) / 60:.1f} min: {error}")
                    break
                tallies.setdefault(name, Tally()).add(accounts)
                tallies.setdefault("(calm)", Tally()).add(calm)
                if not grown_from_mib and trio.current_time() - began > 120:
                    grown_from_mib = _peak_mib()
            notes += _of_this_machine(call)
            if grown_from_mib:
                notes.append(f"peak memory grew by {_peak_mib() - grown_from_mib:.0f} MiB after the second minute")
    return tallies, notes


async def _live_through(call: LiveCall, mishap: Callable[[], Awaitable[None]]) -> tuple[list[Account], list[Account]]:
    """Let something happen, wait until all is well, and then for a calm; return the accounts of both."""
    began = monotonic_s()
    here = [talker for talker in call.talkers.values() if talker.member.is_in_call]
    await mishap()
    await call.until_well(limit_s=_WELL_LIMIT_S)
    well_at = monotonic_s()
    await trio.sleep(_CALM_S)
    end = await call.until_caught_up()
    staying = [talker for talker in here if talker.member.id in call.talkers]
    accounts = [talker.account(began, well_at) for talker in staying], [t.account(well_at, end) for t in staying]
    call.forget()
    return accounts


def _of_this_machine(call: LiveCall) -> Iterator[str]:
    """Say what was lost because this machine had other things to do."""
    room = call.room
    if room is not None:
        late = room.counters.datagrams_shed + room.counters.datagrams_overflowed + room.counters.events_dropped
        yield f"{late} packets were dropped since this machine was a second late (load {os.getloadavg()[1]:.1f})"


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(tallies: dict[str, Tally], notes: list[str]) -> Iterator[str]:
    """Say it in a table."""
    yield f"{'':34} {'times':>5} {'words':>6} {'lost':>5} {'deaf s':>7} {'longest':>8} {'mute s':>7} {'longest':>8}"
    whole = Tally()
    for name, tally in sorted(tallies.items()):
        yield _line(name, tally)
        whole.times += tally.times if name != "(calm)" else 0
        whole.words_said += tally.words_said
        whole.words_lost += tally.words_lost
        whole.deaf_s += tally.deaf_s
        whole.mute_s += tally.mute_s
        whole.longest_deaf_s = max(whole.longest_deaf_s, tally.longest_deaf_s)
        whole.longest_mute_s = max(whole.longest_mute_s, tally.longest_mute_s)
    yield _line("all", whole)
    yield from notes


def _line(name: str, tally: Tally) -> str:
    return (
        f"{name:34} {tally.times:5} {tally.words_said:6} {tally.words_lost:5} {tally.deaf_s:7.1f}"
        f" {tally.longest_deaf_s:8.2f} {tally.mute_s:7.1f} {tally.longest_mute_s:8.2f}"
    )


def run(minutes: float, seed: int, progress: Callable[[str], None]) -> Iterator[str]:
    """Measure, and say it. The last lines name what never got well."""
    tallies, notes = trio.run(measure, minutes, seed, progress)
    yield f"{minutes:g} minutes, seed {seed}; all talk all the time, in words of 0.4 s, and so does the bot"
    yield from report(tallies, notes)
