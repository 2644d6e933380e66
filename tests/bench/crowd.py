"""A crowd on one core: people who speak all the time, rooms in which an answer plays, and the turn model on.

    simulated Discord, people, STT, agent, TTS (this process, the other cores)  <->  the daemon (one core)

What is measured is how late frames leave, whether any packet is lost to being slow, and where the CPU time goes. The
daemon is a process of its own with all its threads on one core. The rest of the machine should be idle.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import httpx
import trio

from tests.bench.turns import BRIEF, Progress, simulated
from voxbridge.cli.door import Door
from voxbridge.clock import monotonic_s
from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.sound.pcm import FRAME_S, Pcm
from voxbridge.rehearsal.call import clean_environ, opus_of, rehearsal_tables
from voxbridge.rehearsal.daemon_process import DaemonProcess, daemon_process
from voxbridge.rehearsal.discord import VOICE, Member, SimulatedDiscord
from voxbridge.rehearsal.discord.world import BOT_ID, VOICE_CHANNEL_ID

_START_S = 90.0
_WARM_S = 5.0
_PAUSE_FRAMES = (20, 45)  # 0.4 to 0.9 s: the turn model is asked in each
_SAID = " ".join([f"{BRIEF} This is being read aloud for the people in this room, and it goes on."] * 40)
_LOST = (
    "voxbridge_dropped_packets_total",
    "voxbridge_voice_datagrams_shed_total",
    "voxbridge_voice_datagrams_overflowed_total",
    "voxbridge_voice_events_dropped_total",
)
_LATE = re.compile(r'voxbridge_playout_lateness_seconds_bucket\{le="([0-9.]+)"\}')


@attrs.frozen
class Crowding:
    """What came of it."""

    speakers: int
    rooms: int
    seconds: float
    received: int
    sent: int
    lost: int
    shed: int
    """Verdicts of the turn model that there was no time for."""
    late: dict[float, int]
    """Frames by how late they left at most, in ms: the daemon's own histogram."""
    cpu: dict[str, float]
    """Share of the core, by thread."""
    stolen: float
    """Share of the time in which the daemon's main thread was ready to run and others had the core."""

    def late_ms(self, share: float) -> float:
        """Return how late that share of the frames was at most, between the histogram's limits on a straight line."""
        below, floor_ms = 0.0, 0.0
        wanted = share * max(self.late.values())
        for limit_ms, count in sorted(self.late.items()):
            if count >= wanted:
                return floor_ms + (limit_ms - floor_ms) * (wanted - below) / max(1, count - below)
            below, floor_ms = count, limit_ms
        return floor_ms

    def share_within(self, limit_ms: float) -> float:
        """Return the share of frames that left so late at most."""
        return self.late[limit_ms] / max(self.late.values())

    def lines(self) -> Iterator[str]:
        """Say it."""
        yield (
            f"{self.speakers} speakers, {self.rooms} playing rooms, {self.seconds:.0f} s on one core: "
            f"{self.received} packets heard, {self.lost} lost, {self.sent} frames sent, {self.shed} verdicts shed"
        )
        yield (
            f"  late p50 {self.late_ms(0.5):.1f} ms, p99 {self.late_ms(0.99):.1f} ms, "
            f"{1 - self.share_within(10.0):.2%} over 10 ms; "
            f"the main thread waited for the core {self.stolen:.1%} of the time"
        )
        yield "  " + ", ".join(f"{name} {share:.0%}" for name, share in sorted(self.cpu.items()))


async def crowd(
    speakers: int, rooms: int, seconds: float, clips: list[Pcm], progress: Progress, *, alone: bool = False
) -> Crowding:
    """Let it go on for so long."""
    base = Settings()
    with tempfile.TemporaryDirectory(prefix="voxbridge-bench-") as directory:
        async with (
            simulated(base, stt_s=0.1, agent_s=0.2, tts_s=0.04, answer=BRIEF) as settings,
            _daemon(settings, rooms, Path(directory)) as (discord, daemon, guilds, health),
        ):
            people = [discord.add_member(f"Speaker {number}") for number in range(speakers)]
            for person in people:
                await person.join(VOICE_CHANNEL_ID, is_deaf=True)
            async with trio.open_nursery() as nursery:
                door = Door(Path(directory) / "control.sock")
                for guild in guilds:
                    nursery.start_soon(_say_on, door, guild)
                packets = [opus_of(clip) for clip in clips]
                for number, person in enumerate(people):
                    await person.wait_dave_ready(timeout_s=30)
                    nursery.start_soon(_talk_on, person, packets, random.Random(number))
                nursery.start_soon(_forget, discord)
                if alone:
                    nursery.start_soon(_alone, daemon.pid)
                progress("the crowd gathers")
                await trio.sleep(_WARM_S)
                return await _measured(discord, daemon, health, speakers, rooms, seconds, nursery)
    raise AssertionError("not reached")


async def _measured(
    discord: SimulatedDiscord,
    daemon: DaemonProcess,
    health: str,
    speakers: int,
    rooms: int,
    seconds: float,
    nursery: trio.Nursery,
) -> Crowding:
    before, cpu, waited, began = await _metrics(health), _cpu_s(daemon.pid), _waited_s(daemon.pid), monotonic_s()
    await trio.sleep(seconds)
    took = monotonic_s() - began
    after, cpu_after, waited_after = await _metrics(health), _cpu_s(daemon.pid), _waited_s(daemon.pid)
    nursery.cancel_scope.cancel()

    def more(name: str) -> int:
        return round(after.get(name, 0.0) - before.get(name, 0.0))

    return Crowding(
        speakers=speakers,
        rooms=rooms,
        seconds=took,
        received=more("voxbridge_voice_packets_received_total"),
        sent=more("voxbridge_voice_packets_sent_total"),
        lost=sum(more(name) for name in _LOST),
        shed=more("voxbridge_turn_model_shed_total"),
        late={float(found[1]) * 1000: more(name) for name in after if (found := _LATE.fullmatch(name))},
        cpu={name: (cpu_after[name] - cpu.get(name, 0.0)) / took for name in cpu_after},
        stolen=(waited_after - waited) / took,
    )


@asynccontextmanager
async def _daemon(
    settings: Settings, rooms: int, directory: Path
) -> AsyncIterator[tuple[SimulatedDiscord, DaemonProcess, list[GuildId], str]]:
    """Start the daemon on one core, in a channel of the first guild and of so many others."""
    async with trio.open_nursery() as nursery:
        discord: SimulatedDiscord = await nursery.start(SimulatedDiscord().run)
        tables = rehearsal_tables(settings, discord, directory)
        channels: dict[GuildId, ChannelId] = {}
        for number in range(rooms):
            house = discord.world.add_guild(f"House {number}").id
            channels[house] = discord.world.add_channel(house, "Room", VOICE).id
            tables["discord"]["join"].append(f"{house}:{channels[house]}")
        with socket.create_server(("127.0.0.1", 0)) as free:
            health = f"127.0.0.1:{free.getsockname()[1]}"
        tables["health"]["listen"] = health
        async with daemon_process(tables, directory, environ=clean_environ()) as daemon:
            _pin(daemon.pid)
            await daemon.wait_for(
                lambda: all(discord.is_in_call(BOT_ID, channel) for channel in (VOICE_CHANNEL_ID, *channels.values())),
                "not in all the channels",
                timeout_s=_START_S,
            )
            for guild, channel in channels.items():
                await discord.add_member(f"Listener {guild}", guild=guild).join(channel)
            yield discord, daemon, list(channels), f"http://{health}/metrics"
        nursery.cancel_scope.cancel()


async def _alone(pid: int) -> None:
    """Keep the cores for us and the daemon, whatever else runs on the machine (real-time scheduling, needs root).

    Among ourselves it is as it would be: threads that stand back (nice) do so, and whoever wakes takes its core.
    """
    while True:
        for number in (os.getpid(), pid):
            for _, task in _threads(number):
                with contextlib.suppress(OSError):
                    stands_back = os.getpriority(os.PRIO_PROCESS, int(task.name)) > 0
                    priority = os.sched_param(1 if stands_back else 10)
                    if os.sched_getparam(int(task.name)).sched_priority != priority.sched_priority:
                        os.sched_setscheduler(int(task.name), os.SCHED_FIFO, priority)
        await trio.sleep(0.1)


def _pin(pid: int) -> None:
    """Give a process that has just begun the last core, and us the others."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(pid, cores[-1:])
    if len(cores) > 1:
        os.sched_setaffinity(0, cores[:-1])


async def _say_on(door: Door, guild: GuildId) -> None:
    """Have the daemon read something aloud, again and again."""
    while True:
        ask = partial(door.ask, "POST", "/v1/say", {"guild_id": str(guild), "text": _SAID}, limit_s=600.0)
        await trio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=_DOORS)


_DOORS = trio.CapacityLimiter(100)


async def _talk_on(person: Member, clips: list[list[bytes]], rng: random.Random) -> None:
    """Speak, with pauses."""
    await trio.sleep(rng.random() * 2)
    while True:
        await person.speak(rng.choice(clips))
        await trio.sleep(rng.randint(*_PAUSE_FRAMES) * FRAME_S)


async def _forget(discord: SimulatedDiscord) -> None:
    while True:
        await trio.sleep(1.0)
        discord.record.clear()


async def _metrics(url: str) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        text = (await client.get(url)).text
    totals: dict[str, float] = {}
    for row in text.splitlines():
        if not row.startswith("#"):
            name, _, value = row.rpartition(" ")
            name = re.sub(r'\{guild="\d+"\}', "", name)  # all rooms together
            totals[name] = totals.get(name, 0.0) + float(value)
    return totals


def _threads(pid: int) -> Iterator[tuple[str, Path]]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        yield ("main" if task.name == str(pid) else name), task


def _cpu_s(pid: int) -> dict[str, float]:
    """Return the seconds of CPU time so far, by the thread's name."""
    spent: dict[str, float] = {}
    for name, task in _threads(pid):
        ran_ns = int((task / "schedstat").read_text().split()[0])
        spent[name] = spent.get(name, 0.0) + ran_ns / 1e9
    return spent


def _waited_s(pid: int) -> float:
    """Return for how long the main thread was ready to run while others ran."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
