"""A bridge in the simulated Discord, over real sockets and real time, and the questions tests ask of it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio
import trio.lowlevel

from voxbridge.config.discord import DiscordSettings, NetworkSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.events import (
    MemberJoined,
    MemberLeft,
    SpeakingChanged,
    VoiceDown,
    VoiceEnded,
    VoiceEvent,
    VoiceUp,
)
from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.messages.catalogue import Line, Messages, line
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.discord import DiscordBridge, DiscordVoicePort, RoomStatus
from voxbridge.discord.commands import Tell
from voxbridge.discord.company import Company
from voxbridge.people.chosen import Chosen
from voxbridge.people.desk import Desk
from voxbridge.people.profiles import Profiles
from voxbridge.rehearsal.discord import Member, SimulatedDiscord
from voxbridge.rehearsal.discord.ends import DaveLibrary
from voxbridge.session.rules import rules_now
from voxbridge.session.voice import VoicePort
from voxbridge.storage.archive import Archive, NoStore

CONNECT_LIMIT_S = 2.0  # for a channel without a free slot; loopback answers in 0.03 s
PATIENCE_S = 20.0  # with a machine that has other things to do; it costs nothing where all is well
TEST_LIMIT_S = 90.0  # of a whole test; the longest takes 12 s


def plain_desk(settings: Settings | None = None, archive: Archive | None = None) -> Desk:
    """Return where settings are chosen, of a configuration; without an archive nothing of it lasts."""
    in_force = settings or Settings()
    chosen = Chosen(archive or Archive(NoStore()))
    profiles = Profiles(lambda: in_force, rules_now(lambda: in_force), chosen)
    return Desk(lambda: in_force, profiles, chosen)


@attrs.define
class Handler:
    """The daemon's part of the slash commands: remembers what it was asked."""

    asked: list[tuple[str, ...]] = attrs.field(factory=list)
    is_speaking: bool = True
    failure: Exception | None = None
    is_silent: Line | None = None
    desk: Desk = attrs.field(factory=plain_desk)
    answer: str | None = "It is sunny."

    def status(self, guild_id: int) -> Line:
        self.asked.append(("status", str(guild_id)))
        return line("all_well")

    async def stop(self, guild_id: int) -> bool:
        self.asked.append(("stop", str(guild_id)))
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return self.is_speaking

    async def privacy(self, guild_id: GuildId, member: MemberJoined, wish: str) -> Line:
        self.asked.append(("privacy", str(guild_id), str(member.user_id), wish))
        await trio.lowlevel.checkpoint()
        return line("left")

    async def ask(self, guild_id: GuildId, member: MemberJoined, text: str, tell: Tell) -> Line | None:
        self.asked.append(("ask", str(guild_id), member.name, text))
        if self.answer is None:
            return line("apology")
        await tell(self.answer)
        return None

    async def repeat(self, guild_id: GuildId) -> Line:
        self.asked.append(("repeat", str(guild_id)))
        await trio.lowlevel.checkpoint()
        return line("repeated")

    def silence(self, guild_id: int) -> Line | None:  # noqa: ARG002
        return self.is_silent

    async def say(self, guild_id: int, text: str) -> bool:
        self.asked.append(("say", str(guild_id), text))
        await trio.lowlevel.checkpoint()
        return True


@attrs.define
class Bench:
    """One running bridge, and everything its ports said."""

    discord: SimulatedDiscord
    bridge: DiscordBridge
    handler: Handler
    ports: list[DiscordVoicePort] = attrs.field(factory=list)
    events: dict[int, list[VoiceEvent]] = attrs.field(factory=dict)
    ended: set[int] = attrs.field(factory=set)

    @property
    def port(self) -> VoicePort:
        """The port that was handed out last."""
        return self.ports[-1]

    @property
    def said(self) -> list[VoiceEvent]:
        """The events of that port."""
        return self.events[len(self.ports) - 1]

    @property
    def has_ended(self) -> bool:
        return len(self.ports) - 1 in self.ended

    @property
    def room(self) -> RoomStatus:
        """The status of the one room."""
        (room,) = self.bridge.status().rooms
        return room

    def packets_of(self, user_id: int) -> list[OpusPacket]:
        return [event for event in self.said if isinstance(event, OpusPacket) and event.user_id == user_id]

    def opus_of(self, user_id: int, *, silence: bool = False) -> list[bytes]:
        """What was heard of somebody, silence frames left out unless asked for."""
        return [p.opus for p in self.packets_of(user_id) if silence or p.opus != b"\xf8\xff\xfe"]

    def kinds(self) -> list[str]:
        """The names of the events that are not packets."""
        return [type(event).__name__ for event in self.said if not isinstance(event, OpusPacket)]

    def count(self, kind: type[VoiceEvent]) -> int:
        return sum(isinstance(event, kind) for event in self.said)

    async def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait for a condition; a failure says what the simulated Discord and the port have seen."""
        try:
            await self.discord.wait_until(condition, timeout_s=timeout_s)
        except trio.TooSlowError as exc:
            rooms = self.bridge.status().rooms
            raise AssertionError(f"{exc}; port said {self.kinds() if self.ports else 'nothing'}; {rooms}") from None

    async def until_greeted(self) -> None:
        """Wait until the silence is sent with which each connection begins, and its end is announced (op 5)."""
        await self.until(lambda: self.discord.record.voice_ops(self.discord.bot_id).count(5) >= 3)

    async def until_open(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a frame sent now would leave."""
        await self.until(lambda: bool(self.ports) and self.port.can_send, timeout_s)


def settings_for(discord: SimulatedDiscord, ca_file: Path, **changes: Any) -> DiscordSettings:
    discord.write_ca(ca_file)
    base = DiscordSettings(
        token=Secret(discord.bot_token),
        join=(f"{discord.guild_id}:{discord.voice_channel_id}",),
        guild_ready_timeout_ms=50,  # discord.py waits so long for guilds that may never come
        network=NetworkSettings(hosts=dict(discord.hosts), ca_file=str(ca_file)),
    )
    return attrs.evolve(base, **changes)


@asynccontextmanager
async def open_bench(
    discord: SimulatedDiscord,
    *,
    deaf_after_s: float = DeafnessWatch.SILENT_S,
    connect_limit_s: float = CONNECT_LIMIT_S,
    limit_s: float = TEST_LIMIT_S,
    company: Company | None = None,
    handler: Handler | None = None,
    messages_now: Callable[[], Messages] | None = None,
    **changes: Any,
) -> AsyncIterator[Bench]:
    """Run the simulated Discord and a bridge in it; close the bridge in order at the end."""
    with trio.fail_after(limit_s), tempfile.TemporaryDirectory() as folder:
        async with trio.open_nursery() as nursery:
            await nursery.start(discord.run)
            handler = handler or Handler()
            bridge = DiscordBridge(
                settings_for(discord, Path(folder) / "ca.pem", **changes),
                handler,
                connect_limit_s=connect_limit_s,
                deaf_after_s=deaf_after_s,
                company=company,
                messages_now=messages_now,
            )
            bench = Bench(discord, bridge, handler)
            nursery.start_soon(_take_ports, bench, nursery)
            await nursery.start(lambda *, task_status: bridge.run(task_status=task_status))
            yield bench
            await bridge.close()
            nursery.cancel_scope.cancel()


async def _take_ports(bench: Bench, nursery: trio.Nursery) -> None:
    async for port in bench.bridge.ports:
        if port.guild_id != bench.discord.guild_id:
            continue  # a room elsewhere is nothing that a test listens to
        bench.ports.append(port)
        bench.events[len(bench.ports) - 1] = []
        nursery.start_soon(_take_events, bench, port, len(bench.ports) - 1)


async def _take_events(bench: Bench, port: DiscordVoicePort, number: int) -> None:
    def take(event: VoiceEvent) -> None:
        if isinstance(event, VoiceEnded):
            bench.ended.add(number)
        else:
            bench.events[number].append(event)

    with port.listening(take):
        await trio.sleep_forever()


@asynccontextmanager
async def open_call(
    discord: SimulatedDiscord,
    dave: DaveLibrary | None = "davey",
    *,
    deaf_after_s: float = DeafnessWatch.SILENT_S,
    connect_limit_s: float = CONNECT_LIMIT_S,
    limit_s: float = TEST_LIMIT_S,
    **changes: Any,
) -> AsyncIterator[tuple[Bench, Member]]:
    """A bench with one member in the call, keys ready on both sides."""
    async with open_bench(discord, deaf_after_s=deaf_after_s, connect_limit_s=connect_limit_s, **changes) as bench:
        ada = discord.add_member("Ada", dave=dave)
        await ada.join(discord.voice_channel_id)
        await ada.wait_dave_ready()
        if changes.get("require_e2ee", True) and dave is not None:
            await bench.until_open()
        await bench.until_greeted()
        ada.heard.clear()
        yield bench, ada


def frames(count: int, salt: int = 0) -> list[bytes]:
    """Distinct payloads that look like Opus to whoever only carries them (TOC byte 0x78: 20 ms, SILK, mono)."""
    return [b"\x78" + bytes([salt & 0xFF]) + number.to_bytes(4, "big") * 12 for number in range(count)]


async def send_paced(port: VoicePort, packets: list[bytes]) -> None:
    """Send packets as the playout does, 20 ms apart."""
    port.begin_burst()
    start = trio.current_time()
    for number, packet in enumerate(packets):
        await trio.sleep_until(start + number * 0.02)
        assert port.send_frame(packet), f"frame {number} did not leave"
    port.end_burst()


__all__ = [
    "Bench",
    "Handler",
    "MemberJoined",
    "MemberLeft",
    "SpeakingChanged",
    "UserId",
    "VoiceDown",
    "VoiceUp",
    "frames",
    "open_bench",
    "open_call",
    "send_paced",
    "settings_for",
]
