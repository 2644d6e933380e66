"""A scene's venue: the daemon's process in the simulated Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from voxbridge.clock import monotonic_s
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.rehearsal.call import SimulatedCall, open_simulated_call, patience_s
from voxbridge.rehearsal.daemon_process import DaemonFailed
from voxbridge.rehearsal.discord import Member
from voxbridge.rehearsal.discord.hearing import sound_of
from voxbridge.rehearsal.discord.knobs import Impairment
from voxbridge.rehearsal.discord.world import BOT_ID, VOICE_CHANNEL_ID
from voxbridge.rehearsal.scenes.play import Player
from voxbridge.rehearsal.scenes.played import Played, Sounded
from voxbridge.rehearsal.scenes.reading import SceneFile
from voxbridge.rehearsal.scenes.scene import ADA, LineTable, Step
from voxbridge.rehearsal.scenes.servers import Wires, open_servers, scene_settings
from voxbridge.rehearsal.scenes.sounds import Speech

_READY_S = 20.0


class InCall:
    """The call, on the scene's clock, which begins when this is made."""

    def __init__(self, call: SimulatedCall, wires: Wires) -> None:
        self._call, self._wires = call, wires
        self._began = monotonic_s()
        self._voice: list[Sounded] = []
        self._read = len(call.discord.packets)
        self._people: dict[str, Member] = {ADA: call.ada}

    @property
    def now_s(self) -> float:
        """Return the time since the scene began."""
        return monotonic_s() - self._began

    @property
    def voice(self) -> Sequence[Sounded]:
        """Return the bot's voice so far."""
        packets = self._call.discord.packets
        for packet in packets[self._read :]:
            if packet.sender == BOT_ID and not packet.is_silence:
                self._voice.append(Sounded(packet.arrived_at - self._began, packet.encrypted))
        self._read = len(packets)
        return self._voice

    @property
    def reports(self) -> Sequence[tuple[Mapping[str, Any], str, float]]:
        """Return the turns that are over."""
        names = {str(member.id): name for name, member in self._people.items()}
        return [
            (turn, names.get(turn["user_id"], turn["user_id"]), turn["started_monotonic_s"] - self._began)
            for turn in self._call.daemon.turns
        ]

    @property
    def written(self) -> Sequence[tuple[float, str]]:
        """Return what the bot has written."""
        messages = self._call.discord.messages
        return [(one.at - self._began, one.content) for one in messages if one.author_id == BOT_ID]

    @property
    def has_broken(self) -> str:
        """Return why the daemon has ended, if it has."""
        process = self._call.daemon.process
        if process.poll() is None:
            return ""
        return f"the daemon ended with code {process.returncode}:\n{self._call.daemon.tail()}"

    async def speak(self, name: str, packets: Sequence[bytes]) -> None:
        """Let somebody speak."""
        await self._people[name].speak(packets)

    async def join(self, name: str) -> None:
        """Let somebody join; who was there before comes back."""
        if name not in self._people:
            self._people[name] = self._call.discord.add_member(name)
        await self._people[name].join(VOICE_CHANNEL_ID)
        await self._people[name].wait_dave_ready(timeout_s=_READY_S)
        await self._settle()

    async def leave(self, name: str) -> None:
        """Let somebody leave."""
        await self._people[name].leave()

    async def set_line(self, line: LineTable) -> None:
        """Change the line, both ways."""
        for direction, seed in (("uplink", 1), ("downlink", 2)):
            setattr(self._call.discord.knobs, direction, impairment(line, seed))
        await trio.lowlevel.checkpoint()

    async def rekey(self) -> None:
        """Begin a new group."""
        self._call.discord.restart_dave()
        await self._settle()

    async def _settle(self) -> None:
        discord = self._call.discord
        await discord.wait_until(discord.is_dave_settled, timeout_s=_READY_S)

    async def command(self, name: str, command: str) -> str:
        """Type a command; its first words are its name, what follows has the form name=value."""
        words = command.split()
        options = dict(word.split("=", 1) for word in words if "=" in word)
        named = " ".join(word for word in words if "=" not in word)
        result = await self._call.discord.interaction(self._people[name], named, options)
        return result.content or (result.followups[0].content if result.followups else "no answer")

    async def fail(self, step: Step) -> None:
        """Let a server fail."""
        await self._wires[step.fail].fail(step.how, after_bytes=step.after_bytes)  # type: ignore[index, arg-type]

    async def mend(self, stage: str) -> None:
        """Let it work again."""
        if stage in self._wires:
            await self._wires[stage].mend()

    def reply(self, begin_s: float, end_s: float) -> Pcm | None:
        """Return what Ada heard of the bot from then to then."""
        begin, end = begin_s + self._began, end_s + self._began
        heard = [one for one in self._call.ada.heard if one.user_id == BOT_ID and begin <= one.arrived_at <= end]
        return sound_of(heard, rate_hz=SPEECH_RATE_HZ) if heard else None


def impairment(line: LineTable, seed: int) -> Impairment:
    """Return a line as the simulated Discord takes it."""
    return Impairment(
        loss=line.loss_percent / 100,
        duplicate=line.duplicate_percent / 100,
        reorder=line.reorder_percent / 100,
        delay_s=line.delay_ms / 1000,
        jitter_s=line.jitter_ms / 1000,
        seed=seed,
    )


@asynccontextmanager
async def open_scene(
    scene: SceneFile,
    settings: Settings,
    directory: Path,
    *,
    progress: Callable[[str], None] = lambda _line: None,
    on_log: Callable[[str], None] = lambda _line: None,
) -> AsyncIterator[tuple[InCall, Settings, SimulatedCall]]:
    """Start the servers and the daemon for a scene. Raises: DaemonFailed, ConfigError."""
    async with (
        open_servers(scene, scene_settings(scene, settings)) as (pointed, wires),
        open_simulated_call(pointed, directory, progress=progress, on_log=on_log) as call,
    ):
        venue = InCall(call, wires)
        await venue.set_line(scene.scene.line)
        yield venue, pointed, call


async def play_scene(
    scene: SceneFile,
    speeches: Mapping[int, Speech],
    settings: Settings,
    directory: Path,
    *,
    progress: Callable[[str], None] = lambda _line: None,
    on_log: Callable[[str], None] = lambda _line: None,
) -> Played:
    """Play a scene from the daemon's start to its end. Raises: DaemonFailed when it does not start; ConfigError."""
    async with open_scene(scene, settings, directory, progress=progress, on_log=on_log) as (venue, pointed, call):
        player = Player(scene.scene, speeches, venue, patience_s=patience_s(pointed), tell=progress)
        played = await player.play()
        if played.broke:
            return played
        try:
            await call.daemon.stop()
        except DaemonFailed as error:
            return attrs.evolve(played, broke=str(error))  # what was played before is judged all the same
        return played
