"""The real daemon in the simulated Discord, with one person who speaks and listens.

lines (PCM) -> Opus -> Ada, a member of the call, end-to-end encrypted -> the daemon's process -> Ada hears -> PCM
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from voxbridge.audio.opus import encode_speech
from voxbridge.audio.resample import Resampler
from voxbridge.clock import monotonic_s
from voxbridge.config.environment import TEST_MODE, TEST_URL, VARIABLES
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.rehearsal.config_tables import tables_of
from voxbridge.rehearsal.daemon_process import DaemonFailed, DaemonProcess, daemon_process
from voxbridge.rehearsal.discord import Member, Packet, SimulatedDiscord
from voxbridge.rehearsal.discord.hearing import sound_of
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID, VOICE_CHANNEL_ID

Progress = Callable[[str], None]

# Models load in 1.5 s on two idle cores; a cold disk and a busy machine may take ten times that.
_START_S = 60.0
_MUTED_S = 5.0
_ANSWER_S = 300.0  # the longest answer that is listened to
# A word or a breath at the end may be too short for a turn of its own: the turn before it was the last.
_LAST_WORD_S = 1.0


@attrs.frozen
class Scene:
    """What came of one line: the daemon's report, the voice packets as they came in, and the sound that was heard."""

    report: Mapping[str, Any]
    packets: tuple[Packet, ...]
    reply: Pcm

    @property
    def is_encrypted(self) -> bool:
        """Tell whether there was a voice, and every packet of it was end-to-end encrypted."""
        return bool(self.packets) and all(packet.encrypted for packet in self.packets)


class SimulatedCall:
    """A call that is on: the simulated Discord, the daemon in it, and Ada."""

    def __init__(self, settings: Settings, discord: SimulatedDiscord, daemon: DaemonProcess, ada: Member) -> None:
        self.discord = discord
        self.daemon = daemon
        self.ada = ada
        self._patience_s = patience_s(settings)

    async def perform(self, sound: Pcm, *, muted: bool = False) -> Scene:
        """Let Ada say ``sound`` and listen to the answer to its end.

        With ``muted`` her microphone sends nothing. Raises: DaemonFailed when no turn came of it.
        """
        number = len(self.daemon.turns)
        began = monotonic_s()
        if not muted:
            await self.ada.speak(opus_of(sound))
        patience_s = _MUTED_S if muted else self._patience_s
        return await self._scene(number, since=began, patience_s=patience_s)

    async def perform_whole(self, sound: Pcm, *, voiced_end_s: float) -> list[Scene]:
        """Let Ada say a recording that may hold several turns; return what came of each, in the order of their ends.

        Ends with the turn that heard the last of her voice. Raises: DaemonFailed when no turn came of it at all.
        """
        first = len(self.daemon.turns)
        since = began = monotonic_s()
        scenes: list[Scene] = []
        is_last = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.ada.speak, opus_of(sound))
            while not is_last:
                left_s = max(0.0, began + sound.duration_s - monotonic_s())
                try:
                    scene = await self._scene(first + len(scenes), since=since, patience_s=left_s + self._patience_s)
                except DaemonFailed:
                    if not scenes:
                        raise
                    break  # what came behind the last turn was no speech
                scenes.append(scene)
                since = _instant(scene.report, "ended")
                is_last = _instant(scene.report, "speech_end") > began + voiced_end_s - _LAST_WORD_S
        return scenes

    async def _scene(self, number: int, *, since: float, patience_s: float) -> Scene:
        await self.daemon.wait_for(
            lambda: len(self.daemon.turns) > number or bool(self._voice_since(since)),
            "nothing was heard and no turn was reported",
            timeout_s=patience_s,
        )
        return await self.scene_of(await self.daemon.wait_turn(number, timeout_s=_ANSWER_S), since=since)

    def _voice_since(self, since: float) -> tuple[Packet, ...]:
        packets = (p for p in self.discord.packets if p.sender == BOT_ID and p.arrived_at >= since)
        return tuple(packet for packet in packets if not packet.is_silence)

    async def scene_of(self, report: Mapping[str, Any], *, since: float) -> Scene:
        """Gather what the bot sent since ``since`` (CLOCK_MONOTONIC), once Ada has heard all of it."""
        voice = self._voice_since(since)
        heard = [heard for heard in self.ada.heard if heard.user_id == BOT_ID and voice]
        heard = [heard for heard in heard if heard.arrived_at >= voice[0].arrived_at]
        return Scene(report, voice, sound_of(heard, rate_hz=SPEECH_RATE_HZ))

    def forget(self) -> None:
        """Throw away the record of what was said so far: a long simulated_call would keep every packet."""
        self.discord.record.clear()
        self.ada.heard.clear()


def _instant(report: Mapping[str, Any], mark: str) -> float:
    """Return when a turn came to a mark, on CLOCK_MONOTONIC."""
    return float(report["started_monotonic_s"] + report["marks"][mark])


def patience_s(settings: Settings) -> float:
    """Return how long to wait for a first sound: what the stages' own limits allow, and two seconds."""
    stages_ms = settings.stt.limit_ms + settings.agent.first_limit_ms + settings.tts.first_pcm_limit_ms
    return 2.0 + (settings.endpointing.hesitant_commit_ms + stages_ms) / 1000


def opus_of(sound: Pcm) -> list[bytes]:
    """Encode a sound as Discord's clients send it: 20 ms packets."""
    resampler = Resampler(sound.rate_hz, SPEECH_RATE_HZ)
    return encode_speech(resampler.feed(sound.data) + resampler.flush())


def control_socket(directory: Path) -> Path:
    """Return where the rehearsal's daemon has its control socket."""
    return directory / "control.sock"


def rehearsal_tables(settings: Settings, discord: SimulatedDiscord, directory: Path) -> dict[str, Any]:
    """Return the configuration for the daemon: the given settings, but in the simulated Discord."""
    ca_file = directory / "simulated-discord-ca.pem"
    discord.write_ca(ca_file)
    tables = tables_of(settings)
    tables["discord"] |= {
        "token": discord.bot_token,
        "join": [f"{GUILD_ID}:{VOICE_CHANNEL_ID}"],
        "guild_ready_timeout_ms": 50,
        "network": {"hosts": dict(discord.hosts), "ca_file": str(ca_file)},
    }
    # A daemon that runs on this host keeps its doors: the rehearsal's are its own.
    tables["control"] |= {"socket": str(control_socket(directory))}
    tables["health"] |= {"listen": ""}
    tables["storage"] |= {"file": str(directory / "voxbridge.db")}
    return tables


def clean_environ() -> dict[str, str]:
    """Return the environment without the names that would be read as settings over the rehearsal's own."""
    names = {variable.name for variable in (*VARIABLES, TEST_URL)} | {TEST_MODE}
    return {name: value for name, value in os.environ.items() if name not in names}


@asynccontextmanager
async def open_simulated_call(
    settings: Settings,
    directory: Path,
    *,
    person: str = "Ada",
    progress: Progress = lambda _line: None,
    on_log: Callable[[str], None] = lambda _line: None,
) -> AsyncIterator[SimulatedCall]:
    """Open the simulated Discord, start the daemon in it, and let ``person`` join the bot's channel.

    Raises: DaemonFailed when the daemon does not come into the channel; ConfigError.
    """
    async with trio.open_nursery() as nursery:
        discord: SimulatedDiscord = await nursery.start(SimulatedDiscord().run)
        ada = discord.add_member(person)
        tables = rehearsal_tables(settings, discord, directory)
        progress("Starting the daemon: models load, then it logs in to the simulated Discord.")
        async with daemon_process(tables, directory, on_log=on_log, environ=clean_environ()) as daemon:
            await daemon.wait_for(
                lambda: discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), "not in the channel", timeout_s=_START_S
            )
            progress(f"The bot is in the voice channel. Joining it: {person}.")
            await ada.join(VOICE_CHANNEL_ID)
            await ada.wait_dave_ready()
            progress("The call is end-to-end encrypted.")
            yield SimulatedCall(settings, discord, daemon, ada)
        nursery.cancel_scope.cancel()
