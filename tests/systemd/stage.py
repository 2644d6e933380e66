"""The service in the simulated Discord: both in the machine, the latter in this process on the machine's loopback."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import tomli_w
import trio

from tests.support.hall import plain_failures, settings_for
from tests.systemd.machine import ROOT, Machine
from voxbridge.clock import monotonic_s
from voxbridge.config import Settings, load
from voxbridge.core.ids import ChannelId
from voxbridge.rehearsal.call import rehearsal_tables
from voxbridge.rehearsal.discord import Member, SimulatedDiscord
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID, VOICE_CHANNEL_ID
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

ETC = "/etc/voxbridge"
_CA = "simulated-discord-ca.pem"  # the name that rehearsal_tables gives it
_RECHECK_S = 0.05  # systemd and files announce nothing to Trio


def shipped_settings() -> Settings:
    """Return the configuration that is installed with the service."""
    return load(ROOT / "systemd" / "voxbridge.toml", {})


@attrs.define
class Stage:
    """What a test has in its hand."""

    machine: Machine
    discord: SimulatedDiscord
    stt: WhisperXServer
    agent: N8nServer
    tts: ChatterboxServer
    settings: Settings
    cursor: str

    @property
    def remote_settings(self) -> Settings:
        """Return the shipped settings with all three stages pointed at the simulated servers."""
        return settings_for(self.stt, self.agent, self.tts, self.settings)

    def configure(self, settings: Settings, *, name: str = "", channel: ChannelId = VOICE_CHANNEL_ID) -> None:
        """Write the configuration of the service, or of an instance of it. The token is none of it."""
        etc, state = (f"{ETC}/{name}", f"voxbridge-{name}") if name else (ETC, "voxbridge")
        self.machine.path(etc).mkdir(exist_ok=True)
        tables = rehearsal_tables(settings, self.discord, self.machine.path(etc))
        del tables["discord"]["token"]
        tables["discord"]["join"] = [f"{GUILD_ID}:{channel}"]
        tables["discord"]["network"]["ca_file"] = f"{etc}/{_CA}"
        tables["control"]["socket"], tables["health"]["listen"] = settings.control.socket, settings.health.listen
        tables["journal"]["file"] = f"/var/lib/{state}/turns.jsonl"
        self.machine.write(f"{etc}/voxbridge.toml", tomli_w.dumps(tables))

    async def systemctl(self, *args: str) -> None:
        """Run systemctl. Raises: AssertionError, with what it and the journal said."""
        done = await self.machine.run("systemctl", *args, check=False)
        assert done.returncode == 0, f"systemctl {' '.join(args)}: {done.stderr}\n{await self.journal()}"

    async def show(self, name: str, unit: str = "voxbridge") -> str:
        """Return a property of the unit."""
        return (await self.machine.run("systemctl", "show", "-P", name, unit)).stdout.strip()

    async def pid(self, unit: str = "voxbridge") -> int:
        """Return the main process, as the machine numbers it; 0 if there is none."""
        return int(await self.show("MainPID", unit))

    async def journal(self, *match: str) -> str:
        """Return what was logged since the stage was opened."""
        done = await self.machine.run("journalctl", "--no-pager", "-o", "cat", f"--after-cursor={self.cursor}", *match)
        return done.stdout

    async def drop_in(self, text: str, unit: str = "voxbridge.service", name: str = "test") -> None:
        """Change a unit; undone when the stage closes."""
        self.machine.write(f"/etc/systemd/system/{unit}.d/{name}.conf", text)
        await self.systemctl("daemon-reload")

    def turns(self) -> list[dict[str, Any]]:
        """Return the turns that the daemon has recorded."""
        file = self.machine.path("/var/lib/private/voxbridge/turns.jsonl")
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    async def until(self, condition: Callable[[], Any], what: str, *, timeout_s: float = 15.0) -> float:
        """Wait until a condition holds, which may be asynchronous; return how long it took, in seconds.

        Raises: AssertionError, with the journal.
        """
        began = monotonic_s()
        while True:
            holds = condition()
            if hasattr(holds, "__await__"):
                holds = await holds
            took_s = monotonic_s() - began
            if holds:
                return took_s
            if took_s > timeout_s:
                raise AssertionError(f"{what}: not within {timeout_s:.0f} s. The journal:\n{await self.journal()}")
            await trio.sleep(_RECHECK_S)

    def is_in_call(self, channel: ChannelId = VOICE_CHANNEL_ID) -> bool:
        """Tell whether the bot sits in the voice channel."""
        return self.discord.is_in_call(BOT_ID, channel)

    def has_joined_since(self, since: float) -> bool:
        """Tell whether the bot was given a session in a call after ``since`` (CLOCK_MONOTONIC).

        A killed bot's seat is kept for some seconds, so that being in the call proves nothing of the next one.
        """
        description = ("voice", "out", 4, BOT_ID)  # the operation of the voice gateway
        events = (event for event in self.discord.events if event.at > since)
        return any((event.source, event.direction, event.op, event.user_id) == description for event in events)

    def voice_frames(self) -> int:
        """Return how many frames of voice the bot has sent."""
        return sum(packet.sender == BOT_ID and not packet.is_silence for packet in self.discord.packets)

    async def ada(self) -> Member:
        """Let a person join the bot's channel, and return her when the call is encrypted for her."""
        person = self.discord.add_member("Ada")
        await person.join(VOICE_CHANNEL_ID)
        await person.wait_dave_ready()
        return person


@asynccontextmanager
async def open_stage(machine: Machine, *, answer: str = "Hello there.") -> AsyncIterator[Stage]:
    """Open the simulated Discord and the servers; afterwards the units are stopped and as they were installed."""
    stt = WhisperXServer(WhisperXScript())
    n8n = N8nServer(lambda _question: agent(words(answer)))
    tts = ChatterboxServer(PROMPT)
    with machine.network(), plain_failures():
        async with AsyncExitStack() as stack:
            for server in (stt, n8n, tts):
                await stack.enter_async_context(server.running())
            nursery = await stack.enter_async_context(trio.open_nursery())
            discord: SimulatedDiscord = await nursery.start(SimulatedDiscord().run)
            stage = Stage(machine, discord, stt, n8n, tts, shipped_settings(), await _cursor(machine))
            stage.configure(stage.remote_settings)
            try:
                yield stage
            finally:
                with trio.CancelScope(shield=True):  # bounded by ``run`` itself
                    await _put_back(machine, discord.bot_token)
                nursery.cancel_scope.cancel()


async def _cursor(machine: Machine) -> str:
    done = await machine.run("journalctl", "--no-pager", "-n", "0", "--show-cursor")
    (cursor,) = re.findall(r"^-- cursor: (\S+)$", done.stdout, flags=re.MULTILINE)
    return cursor


async def _put_back(machine: Machine, token: str) -> None:
    # No drain: a second signal ends it at once, and what is on its way to stop is not started again.
    units = ("voxbridge*.service", "voxbridge*.socket")
    await machine.run("systemctl", "stop", "--no-block", *units)
    await machine.run("systemctl", "kill", "-s", "SIGKILL", units[0], check=False)
    await machine.run("systemctl", "stop", *units)
    await machine.run("systemctl", "reset-failed")
    await machine.run(
        "sh", "-c", f"rm -rf /etc/systemd/system/voxbridge*.d /var/lib/private/voxbridge* {ETC}/* && mkdir -p {ETC}"
    )
    await machine.run("systemctl", "daemon-reload")
    machine.write(f"{ETC}/discord-token", f"{token}\n", 0o600)
