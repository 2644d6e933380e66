"""Nothing private leaves the daemon: every failure that can be provoked, and everything it writes, searched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from contextlib import AsyncExitStack
from pathlib import Path

import attrs
import pytest
import tomli_w
import trio

from tests.e2e.conftest import is_alive
from tests.support.hall import plain_failures, settings_for
from tests.support.speech import clips
from voxbridge.cli.door import _UnixConnection
from voxbridge.config.secrets import Secret
from voxbridge.config.service import LogSettings
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings, TurnSettings
from voxbridge.rehearsal.call import SimulatedCall, open_simulated_call, opus_of
from voxbridge.rehearsal.discord.world import GUILD_ID, VOICE_CHANNEL_ID
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, Fault
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import Line, agent, stream, text, whole, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.e2e

HEARD = "the zebra knows my account number"
ANSWER = "Your giraffe."
SAID = "a walrus"
NAME = "Quokka"
WEBHOOK_KEY = "k3y-of-the-webhook-4711"
BEARER = "b3arer-t0ken-of-the-agent-4712"
HEADER = "h3ader-key-of-the-agent-4713"
MISPLACED = "s3cret-in-the-wrong-place-4714"


class Collected:
    """Everything that left the daemon, by where it was found."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def add(self, place: str, said: str) -> None:
        self.places[place] = self.places.get(place, "") + said

    def assert_without(self, what: str, needle: str) -> None:
        for form in {needle, json.dumps(needle)[1:-1], repr(needle)[1:-1]}:
            for place, said in self.places.items():
                at = said.find(form)
                assert at < 0, f"{what} is in {place}: ...{said[max(0, at - 200) : at + 100]}..."


async def ctl(found: Collected, directory: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "voxbridge", "ctl", "--socket", str(directory / "control.sock"), *args]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    found.add(f"ctl {args[0]}", (done.stdout + done.stderr).decode())
    return done


async def get(found: Collected, directory: Path, target: str) -> None:
    def fetch() -> str:
        connection = _UnixConnection(directory / "control.sock")
        try:
            connection.request("GET", target)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    found.add(target, await trio.to_thread.run_sync(fetch))


async def fail_everything(
    simulated_call: SimulatedCall, stt: WhisperXServer, n8n: N8nServer, tts: ChatterboxServer, packets: list[bytes]
) -> None:
    """Live a turn for each way in which a server quotes what it was asked, and some that just break."""
    people = [simulated_call.ada, *(simulated_call.discord.add_member(f"{NAME} {number}") for number in range(3))]
    for person in people[1:]:
        await person.join(VOICE_CHANNEL_ID)
    for person in people:
        await person.wait_dave_ready(timeout_s=20)

    async def all_speak(turns: int) -> None:
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(person.speak, packets)
        await simulated_call.daemon.wait_turn(turns - 1, timeout_s=30)

    echo = f"cannot parse: {HEARD}; key {WEBHOOK_KEY}; {BEARER}"
    n8n.plans += [
        whole({"message": echo, "stack": echo}, 500),
        whole({"message": echo}, 403),
        text(f"<html><title>{echo}</title></html>"),
        stream(Line("begin"), Line("error", echo), succeeds=False),
    ]
    await all_speak(4)
    n8n.plans += [agent(words(ANSWER))] * 4
    tts.faults += [Fault("status", status=422), Fault("cut", at="pcm", pcm_bytes=4000), Fault("garbage", at="header")]
    stt.script.finalize_errors = 1
    await all_speak(8)
    tts.faults.clear()


async def test_no_secret_and_no_speech_in_anything_that_is_written(tmp_path: Path) -> None:
    """Token, webhook key, bearer, header and speech: not in logs (at debug), ctl, metrics, dumps or arguments."""
    (clip,) = [clip for clip in clips() if clip.name == "0930"]
    stt, n8n, tts = WhisperXServer(WhisperXScript(text=HEARD)), N8nServer(), ChatterboxServer(PROMPT)
    found, lines = Collected(), list[str]()  # the daemon's own record keeps the last lines only
    with plain_failures():
        async with AsyncExitStack() as stack:
            for server in (stt, n8n, tts):
                await stack.enter_async_context(server.running())
            everyone = FloorSettings(mode="everyone")
            base = Settings(log=LogSettings(level="debug"), turn=TurnSettings(apology="Oh."), floor=everyone)
            settings = settings_for(stt, n8n, tts, base)
            assert isinstance(settings.agent, N8nSettings)
            settings = attrs.evolve(
                settings,
                stt=attrs.evolve(settings.stt, limit_ms=1500),
                agent=attrs.evolve(
                    settings.agent,
                    url=Secret(f"{n8n.webhook_url}?key={WEBHOOK_KEY}"),
                    headers={"X-Api-Key": Secret(HEADER)},
                    api_key=Secret(BEARER),
                    retries=0,
                ),
            )
            simulated_call = await stack.enter_async_context(
                open_simulated_call(settings, tmp_path, on_log=lines.append)
            )
            daemon = simulated_call.daemon
            await fail_everything(simulated_call, stt, n8n, tts, opus_of_clip(clip.pcm))
            outcomes = [turn["outcome"] for turn in daemon.turns]
            assert outcomes.count("failed") >= 5, outcomes
            await ctl(found, tmp_path, "say", str(GUILD_ID), SAID)
            tts.faults.extend([Fault("status", status=422)] * 3)
            await ctl(found, tmp_path, "say", str(GUILD_ID), SAID)
            await ctl(found, tmp_path, "join", str(GUILD_ID), "4242")
            misplace_a_secret(tmp_path / "voxbridge.toml")
            assert (await ctl(found, tmp_path, "reload")).returncode == 1
            await ctl(found, tmp_path, "status", "--json")
            await ctl(found, tmp_path, "events", "--json")
            for target in ("/metrics", "/healthz", "/readyz"):
                await get(found, tmp_path, target)
            found.add("arguments", arguments(daemon.pid))
            os.kill(daemon.pid, signal.SIGUSR1)
            await daemon.wait_for(
                lambda: any("Trio tasks" in line for line in daemon.log), "the tree of tasks", timeout_s=10
            )
            os.kill(daemon.pid, signal.SIGABRT)
            with trio.fail_after(10):
                await daemon.process.wait()
                while is_alive(daemon.pid) or sum("Trio tasks" in line for line in lines) < 2:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            found.add("log", "\n".join(lines))
            token = simulated_call.discord.bot_token
    assert "Fatal Python error" in found.places["log"]
    assert f"({len(HEARD)} characters)" in found.places["log"], "the search must have had something to find"
    assert f'"characters": {len(HEARD)}' in found.places["ctl events"]
    for what, needle in {
        "the token": token,
        "the webhook's key": WEBHOOK_KEY,
        "the bearer": BEARER,
        "the header": HEADER,
        "a secret in the wrong place": MISPLACED,
        "what was heard": "zebra",
        "what was answered": "giraffe",
        "what the operator had said": "walrus",
        "a name": NAME,
    }.items():
        found.assert_without(what, needle)


def opus_of_clip(pcm: bytes) -> list[bytes]:
    """A second of a person's speech."""
    from voxbridge.core.sound.pcm import Pcm

    return opus_of(Pcm(pcm, 16_000))[:55]


def misplace_a_secret(file: Path) -> None:
    """Make mistakes in the file in such a way that a message could quote a secret."""
    tables = tomllib.loads(file.read_text())
    tables["agent"]["url"] = f"no url {MISPLACED}"
    tables["agent"]["headers"] = MISPLACED
    tables["agent"]["tokenn"] = MISPLACED
    file.write_text(tomli_w.dumps(tables))


def arguments(pid: int) -> str:
    """What every user of the host can read of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
