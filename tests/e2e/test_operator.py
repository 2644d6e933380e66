"""The daemon's process as systemd and its operator see it: notifications, watchdog, ctl, reload, last words."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import tomli_w
import trio

from tests.e2e.conftest import Bridge, open_bridge
from tests.support.speech import clips
from voxbridge.clock import monotonic_s
from voxbridge.config.settings import Settings
from voxbridge.config.turns import EndpointingSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID, VOICE_CHANNEL_ID

pytestmark = pytest.mark.e2e

STALL = """import signal, time

def hang_for_ever(*_):
    time.sleep(3600)  # stalled here

signal.signal(signal.SIGUSR2, hang_for_ever)
"""


@pytest.fixture(scope="session")
def speech() -> Pcm:
    """Two seconds of a person reading."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm, 16_000)


@attrs.define
class Manager:
    """What a service manager hears, as (CLOCK_MONOTONIC, lines)."""

    listener: socket.socket
    heard: list[tuple[float, list[str]]] = attrs.field(factory=list)

    def take(self) -> list[list[str]]:
        """Take in what has come; return all of it, the petting left out."""
        while True:
            try:
                self.heard.append((monotonic_s(), self.listener.recv(65_536).decode().split("\n")))
            except BlockingIOError:
                return [lines for _, lines in self.heard if lines != ["WATCHDOG=1"]]

    def pets(self) -> int:
        """Count the petting so far."""
        self.take()
        return sum(lines == ["WATCHDOG=1"] for _, lines in self.heard)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A service manager with a watchdog of 0.4 s, and a daemon whose loop stalls at SIGUSR2."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(STALL)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        yield Manager(listener)


async def ctl(directory: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `voxbridge ctl` as the operator does."""
    command = [sys.executable, "-m", "voxbridge", "ctl", "--socket", str(directory / "control.sock"), *args]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def change(directory: Path, **tables: dict[str, object]) -> None:
    """Write other settings into the daemon's file."""
    file = directory / "voxbridge.toml"
    settings = tomllib.loads(file.read_text())
    for name, table in tables.items():
        settings[name] |= table
    file.write_text(tomli_w.dumps(settings))


async def logged(bridge: Bridge, words: str, timeout_s: float = 10.0) -> None:
    """Wait until a line of the daemon's log holds the words."""
    daemon = bridge.simulated_call.daemon
    await daemon.wait_for(lambda: any(words in line for line in daemon.log), words, timeout_s=timeout_s)


async def test_systemd_is_told_each_step(tmp_path: Path, manager: Manager, speech: Pcm) -> None:
    """READY when in the channel and probed, the status follows, a reload is bracketed, STOPPING comes first."""
    async with open_bridge(tmp_path, answer="Hello there.") as bridge:
        daemon = bridge.simulated_call.daemon
        await daemon.wait_for(lambda: any("READY=1" in m for m in manager.take()), "READY", timeout_s=10)
        (ready,) = [m for m in manager.take() if "READY=1" in m]
        assert ready[0] == "READY=1"
        # the member who listens to all this joins at about the same time
        assert ready[1] in [f"STATUS=ready; 1 room; {who}; 0 turns" for who in ("0 speakers", "1 speaker")]
        await bridge.simulated_call.perform(speech)
        await daemon.wait_for(
            lambda: ["STATUS=ready; 1 room; 1 speaker; 0 turns"] in manager.take(),
            "a status after the turn",
            timeout_s=5,
        )
        change(tmp_path, endpointing={"commit_ms": -1})
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.wait_for(lambda: len(bracketed(manager)) == 1, "the end of a bad reload", timeout_s=5)
        change(tmp_path, endpointing={"commit_ms": 400})
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.wait_for(lambda: len(bracketed(manager)) == 2, "the end of a good reload", timeout_s=5)
        assert any("reload refused" in line and "endpointing.commit_ms" in line for line in daemon.log)
        assert await daemon.stop() == 0
        # the line of the status follows in its own time
        assert [m for m in manager.take() if m != ["STATUS=draining"]][-2:] == [
            ["STOPPING=1", "STATUS=draining"],
            ["EXTEND_TIMEOUT_USEC=20000000", "STATUS=draining"],
        ]
        assert manager.pets() >= 5
        pets = [at for at, lines in manager.heard if lines == ["WATCHDOG=1"]]
        assert pets, "the watchdog was never petted"


def bracketed(manager: Manager) -> list[list[str]]:
    """The READY messages that end a reload; each after one RELOADING with its time."""
    messages = [m for m in manager.take() if m[0] in ("RELOADING=1", "READY=1")][1:]
    begun, ended = messages[::2], messages[1::2]
    assert all(m[0] == "RELOADING=1" and m[1].startswith("MONOTONIC_USEC=") for m in begun)
    assert all(m[0] == "READY=1" for m in ended)
    return ended


async def test_a_stalled_loop_is_not_petted_and_names_its_line(tmp_path: Path, manager: Manager) -> None:
    """No petting during a stall; the watchdog's SIGABRT leaves the stalled line, every thread and the tree of tasks."""
    async with open_bridge(tmp_path, answer="Hello.") as bridge:
        daemon = bridge.simulated_call.daemon
        await daemon.wait_for(lambda: manager.pets() >= 4, "petted at first", timeout_s=10)
        os.kill(daemon.pid, signal.SIGUSR2)
        stalled_at = monotonic_s()
        with trio.move_on_after(1.5):  # nearly four of the watchdog's periods
            await trio.sleep_forever()
        manager.take()
        late = [at - stalled_at for at, lines in manager.heard if lines == ["WATCHDOG=1"] and at - stalled_at > 0.4]
        assert late == [], f"petted {late} s after the loop stalled"
        os.kill(daemon.pid, signal.SIGABRT)
        with trio.fail_after(5):
            assert await daemon.process.wait() == -signal.SIGABRT
        await logged_to_the_end(bridge)
        said = "\n".join(daemon.log)
        assert 'sitecustomize.py", line 4 in hang_for_ever' in said, said
        assert "Trio tasks:" in said
        assert "PlayoutClock.run" in said


async def logged_to_the_end(bridge: Bridge) -> None:
    """Wait for the last of what a dead daemon wrote."""
    daemon = bridge.simulated_call.daemon
    with trio.move_on_after(5):
        while not any("PlayoutClock.run" in line for line in daemon.log):  # noqa: ASYNC110 - a pipe
            await trio.sleep(0.01)


async def test_the_tree_of_tasks_on_request(tmp_path: Path, speech: Pcm) -> None:
    """SIGUSR1: who waits where, and life goes on."""
    async with open_bridge(tmp_path, answer="Hello.") as bridge:
        await bridge.simulated_call.perform(speech)  # now the room and its speaker are there
        os.kill(bridge.simulated_call.daemon.pid, signal.SIGUSR1)
        await logged(bridge, "Room._host")
        bridge.simulated_call.forget()
        scene = await bridge.simulated_call.perform(speech)
        assert scene.report["outcome"] == "answered"


async def test_ctl_rules_a_running_daemon(tmp_path: Path, speech: Pcm) -> None:
    """Status with the last turn's waterfall, say, leave, join, stop, events; each with its exit code."""
    async with open_bridge(tmp_path, answer="Hello there, this is the answer.") as bridge:
        await bridge.simulated_call.perform(speech)
        done = await ctl(tmp_path, "status")
        assert done.returncode == 0, done.stderr
        for words in ("ready; 1 room; 1 speaker", "end-to-end encrypted", "tts       up", "1 answered", "first_audio"):
            assert words in done.stdout, done.stdout
        told = json.loads((await ctl(tmp_path, "status", "--json")).stdout)
        assert told["rooms"][0]["speakers"][0]["user_id"] == str(bridge.simulated_call.ada.id)
        assert "answer" not in told["last_turns"][0]
        bridge.simulated_call.forget()
        done = await ctl(tmp_path, "say", str(GUILD_ID), "One", "two.")
        assert (done.returncode, done.stdout) == (0, "said\n"), done.stderr
        assert any(p.sender == BOT_ID and not p.is_silence for p in bridge.simulated_call.discord.packets)
        assert (await ctl(tmp_path, "stop", str(GUILD_ID))).stdout == "nothing was being said\n"
        assert (await ctl(tmp_path, "leave", str(GUILD_ID))).returncode == 0
        assert not bridge.simulated_call.discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID)
        done = await ctl(tmp_path, "say", str(GUILD_ID), "Hello?")
        assert (done.returncode, done.stderr) == (1, "voxbridge: not in a voice channel of that server\n")
        assert (await ctl(tmp_path, "join", str(GUILD_ID), str(VOICE_CHANNEL_ID))).returncode == 0
        assert bridge.simulated_call.discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID)
        done = await ctl(tmp_path, "join", str(GUILD_ID), "4242")
        assert done.returncode == 1
        assert done.stderr.startswith("voxbridge: ")
        events = [json.loads(line) for line in (await ctl(tmp_path, "events", "--json")).stdout.splitlines()]
        names = [event["event"] for event in events]
        for name in ("speaker_started", "speaker_stopped", "final_transcript", "ai_response", "turn", "room_closed"):
            assert name in names, names


async def test_a_reload_changes_what_comes_next(tmp_path: Path, speech: Pcm) -> None:
    """What is reported as in force is so for who is there already, and a bad file changes nothing."""
    settings = attrs.evolve(Settings(), endpointing=EndpointingSettings(turn_model=False))
    async with open_bridge(tmp_path, answer="Hello.", settings=settings) as bridge:
        change(tmp_path, endpointing={"commit_ms": 900}, turn={"apology": "Pardon?", "first_audio_target_ms": 1})
        done = await ctl(tmp_path, "reload")
        assert done.returncode == 0, done.stderr
        assert done.stdout == (
            "in force now: endpointing.commit_ms, turn.first_audio_target_ms\nneeds a restart: turn.apology\n"
        )
        change(tmp_path, endpointing={"commit_ms": 10})
        done = await ctl(tmp_path, "reload")
        assert done.returncode == 1
        assert "endpointing.commit_ms" in done.stderr
        assert done.stderr.endswith("not reloaded; the old configuration stays in force\n")
        scene = await bridge.simulated_call.perform(speech)
        parts = {part["name"]: part for part in scene.report["parts"]}
        assert 890 <= parts["endpointing"]["ms"] <= 1100, f"the turn ended after {parts['endpointing']['ms']:.0f} ms"
        assert scene.report["first_audio"]["budget_ms"] == 1


async def test_a_signal_while_starting_ends_it_at_once(tmp_path: Path) -> None:
    """With no Discord to reach, nobody waits for a login: exit code 0 within a second or two. Clamped is told once."""
    from voxbridge.rehearsal.call import clean_environ
    from voxbridge.rehearsal.daemon_process import daemon_process

    tables = {
        "discord": {"token": "MTA.a.b", "network": {"hosts": {"discord.com": "127.0.0.1:9"}}},
        "stt": {"kind": "whisperx", "url": "ws://127.0.0.1:9/"},
        "agent": {"kind": "n8n", "url": "http://127.0.0.1:9/webhook/x"},
        "tts": {"kind": "chatterbox", "url": "http://127.0.0.1:9/", "exaggeration": 9},
        "control": {"socket": str(tmp_path / "control.sock")},
        "health": {"listen": ""},
    }
    async with daemon_process(tables, tmp_path, environ=clean_environ()) as daemon:
        await daemon.wait_for(
            lambda: any("Discord cannot be reached" in line for line in daemon.log), "a try to log in", timeout_s=20
        )
        warnings = [line for line in daemon.log if "out of range" in line]
        assert len(warnings) == 1, daemon.tail()
        assert all(part in warnings[0] for part in ("voxbridge.toml", "tts.exaggeration", "9", "0.25 to 2.0", "2.0"))
        done = await ctl(tmp_path, "status")
        assert "starting" in done.stdout, done.stderr
        began = monotonic_s()
        assert await daemon.stop() == 0, daemon.tail()
        assert monotonic_s() - began < 10


async def test_a_second_daemon_is_refused_and_the_first_stays(tmp_path: Path, speech: Pcm) -> None:
    """Same configuration, same bot: one line, exit code 78, and the first one's conversation goes on."""
    async with open_bridge(tmp_path, answer="Hello there.") as bridge:
        command = [sys.executable, "-m", "voxbridge", "run", "--config", str(tmp_path / "voxbridge.toml")]
        with trio.fail_after(20):
            second = await trio.run_process(command, capture_stderr=True, check=False)
        assert second.returncode == 78
        (line,) = second.stderr.decode().splitlines()
        assert line.startswith("voxbridge: a daemon on this host runs with this bot's token already"), line
        scene = await bridge.simulated_call.perform(speech)
        assert scene.report["outcome"] == "answered"
