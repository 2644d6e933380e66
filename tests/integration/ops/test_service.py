"""The daemon's operator side on real sockets: control, health, reload, backends. The client is `voxbridge ctl`'s."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog
import trio

from tests.support.hall import open_hall
from tests.support.service import Hosted
from tests.unit.ops.test_events import REPORT
from voxbridge.cli.door import Door, DoorShut, Refused, find_socket
from voxbridge.cli.shell import our_errors
from voxbridge.cli.status import show_status
from voxbridge.config.secrets import Secret
from voxbridge.config.service import HealthSettings
from voxbridge.config.settings import Settings
from voxbridge.config.stages import carried
from voxbridge.core.health.backend import HealthRules
from voxbridge.core.messages.catalogue import OURS
from voxbridge.core.turns.timeline import Part
from voxbridge.errors import StageUnavailable
from voxbridge.ops import logs
from voxbridge.ops.only_one import AlreadyRunning
from voxbridge.ops.service import Service
from voxbridge.ops.sockets import CannotListen, bind_tcp, bind_unix, control_path
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.health import BackendChanged, Health, HealthEvent, StageBack
from voxbridge.stages.registry import open_stages
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.servers.chatterbox import ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.whisperx import WhisperXServer

pytestmark = pytest.mark.integration


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that announces nothing: another process's work, a socket's end."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.005)


@attrs.define
class Desk:
    """A running Service and its client."""

    service: Service
    hosted: Hosted
    door: Door
    port: int
    file: Path

    async def ask(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return await trio.to_thread.run_sync(self.door.ask, method, target, body)

    async def get(self, target: str) -> tuple[int, str]:
        """GET from the health port."""

        def fetch() -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", target)
                response = connection.getresponse()
                return response.status, response.read().decode()
            finally:
                connection.close()

        return await trio.to_thread.run_sync(fetch)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A reload sets up logging anew: leave it as it was found, for the other tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIETEST}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
async def desk(tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Desk]:
    file, port = tmp_path / "voxbridge.toml", free_port()
    file.write_text(f'[health]\nlisten = "127.0.0.1:{port}"\n')
    hosted = Hosted()
    service = Service(
        attrs.evolve(Settings(), health=HealthSettings(listen=f"127.0.0.1:{port}")),
        hosted.conversation(),
        file=file,
        environ={"RUNTIME_DIRECTORY": f"{tmp_path}:/elsewhere"},
    )
    nursery.start_soon(hosted.clock.run)
    await nursery.start(service.run)
    yield Desk(service, hosted, Door(tmp_path / "control.sock"), port, file)
    nursery.cancel_scope.cancel()


async def test_status_over_the_socket(desk: Desk) -> None:
    """The whole view as JSON; what was said is only counted, and secrets are masked on the way out."""
    desk.service.on_report(REPORT)
    desk.service.ready()
    answer = await desk.ask("GET", "/v1/status")
    assert answer["phase"] == "ready"
    assert answer["line"].startswith("ready; in no channel yet: type /join in Discord, or set discord.join")
    assert answer["turns"] == {"failed": 1}
    (turn,) = answer["last_turns"]
    assert (turn["turn_id"], turn["heard_chars"], turn["guild_id"]) == ("t1", len("planted phrase"), "1")
    assert "planted" not in json.dumps(answer)


async def test_speech_is_shown_to_an_operator_who_asked_for_it(desk: Desk) -> None:
    """[log] speech = true, and then by a reload."""
    desk.service.on_report(REPORT)
    desk.file.write_text(desk.file.read_text() + "[log]\nspeech = true\n")
    assert (await desk.ask("POST", "/v1/reload"))["applied"] == ["log.speech"]
    (turn,) = (await desk.ask("GET", "/v1/status"))["last_turns"]
    assert turn["heard"] == "planted phrase"


async def test_commands_reach_the_rooms(desk: Desk, tmp_path: Path) -> None:
    """say waits for the last frame, stop cuts; both refuse where we are not."""
    with pytest.raises(Refused, match="not in a voice channel"):
        await desk.ask("POST", "/v1/say", {"guild_id": "1", "text": "Hello."})
    with pytest.raises(Refused, match="not in a voice channel"):
        await desk.ask("POST", "/v1/leave", {"guild_id": "1"})
    with pytest.raises(Refused, match="not logged in"):
        await desk.ask("POST", "/v1/join", {"guild_id": "1", "channel_id": "2"})
    async with open_hall(in_memory=False) as hall:
        guild = str(hall.port.guild_id)
        desk.hosted.rooms[hall.port.guild_id] = hall.room
        assert await desk.ask("POST", "/v1/say", {"guild_id": guild, "text": "Hello there."}) == {}
        assert hall.port.voice, "ctl say returned before anything was heard"
        assert await desk.ask("POST", "/v1/stop", {"guild_id": guild}) == {"was_speaking": False}
        status = await desk.ask("GET", "/v1/status")
        assert "1 room" in desk.service.view().line() or status["phase"] == "starting"


@pytest.mark.parametrize(
    ("target", "body", "says"),
    [
        ("/v1/join", {"guild_id": "one", "channel_id": "2"}, "guild_id: must be a Discord id"),
        ("/v1/join", {"guild_id": 1, "channel_id": "2"}, "guild_id: must be a Discord id"),
        ("/v1/join", {"guild_id": "1"}, "channel_id: must be a Discord id"),
        ("/v1/say", {"guild_id": "1", "text": " "}, "text: must be"),
        ("/v1/say", {"guild_id": "1", "text": "x" * 4001}, "text: must be"),
        ("/v1/say", {"text": "x" * 70_000}, "more than 65536 bytes"),
        ("/v1/nothing", {}, "HTTP 404|not a VoxBridge daemon"),
    ],
)
async def test_a_wrong_request_is_refused_with_the_reason(desk: Desk, target: str, body: dict, says: str) -> None:
    """Whoever writes a client of their own is told what is wanted."""
    with pytest.raises((Refused, DoorShut), match=says):
        await desk.ask("POST", target, body)


async def test_bad_reload_keeps_the_old_configuration(desk: Desk) -> None:
    """Every mistake is named, nothing changes, and the next good file is taken."""
    before = desk.service.settings
    good = desk.file.read_text()
    desk.file.write_text('[log]\nlevel = "loud"\n[turn]\nlimit_ms = "soon"\n')
    answer = await desk.ask("POST", "/v1/reload")
    assert answer["is_taken"] is False
    assert len(answer["problems"]) == 2
    assert "log.level" in "".join(answer["problems"])
    assert "turn.limit_ms" in "".join(answer["problems"])
    assert desk.service.settings is before
    desk.file.write_text(good + "[stt]\nlimit_ms = 4000\n[barge_in]\nmin_speech_ms = 200\n")
    answer = await desk.ask("POST", "/v1/reload")
    assert answer == {
        "is_taken": True,
        "applied": ["barge_in.min_speech_ms"],
        "needs_restart": ["stt.limit_ms"],
        "problems": [],
        "warnings": [],
    }
    assert desk.service.settings.barge_in.min_speech_ms == 200
    assert desk.service.settings.stt.limit_ms == before.stt.limit_ms


@pytest.mark.parametrize("what", ["vanished", "poisoned", "marked"])
async def test_reload_of_a_file_that_is_not_as_it_was(desk: Desk, what: str) -> None:
    """Gone, the defaults must not come into force; poisoned, the daemon lives on; a byte order mark is fine."""
    text = desk.file.read_text()
    match what:
        case "vanished":
            desk.file.unlink()
        case "poisoned":
            desk.file.write_text(f"{text}[endpointing]\ncommit_ms = {'9' * 5001}\n")
        case _:
            desk.file.write_text(f"{text}[endpointing]\ncommit_ms = 400\n", encoding="utf-8-sig")
    before = desk.service.settings
    answer = await desk.ask("POST", "/v1/reload")
    assert answer["is_taken"] is (what == "marked")
    if what != "marked":
        assert str(desk.file) in answer["problems"][0]
        assert desk.service.settings is before


async def test_file_that_was_found_is_missed_when_it_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody named ./voxbridge.toml, but the daemon began with it: without it the defaults would empty its rooms."""
    monkeypatch.chdir(tmp_path)
    file = trio.Path("voxbridge.toml")
    await file.write_text('[log]\nlevel = "warning"\n')
    service = Service(Settings(), Hosted().conversation(), environ={})
    assert (await service.reload()).applied == ("log.level",)
    await file.unlink()
    again = await service.reload()
    assert not again.is_taken
    assert "cannot be read" in again.problems[0]
    assert service.settings.log.level == "warning"


async def test_reload_tells_which_numbers_were_clamped(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is taken, with what the server would refuse brought into its range; caller and log are told."""
    desk.file.write_text(desk.file.read_text() + "[tts]\nkind = 'chatterbox'\nurl = 'http://h'\ncfg_weight = 3\n")
    answer = await desk.ask("POST", "/v1/reload")
    says = f"{desk.file}: tts.cfg_weight: out of range (got 3). Allowed: 0.0 to 1.0. Used: 1.0"
    assert (answer["is_taken"], answer["needs_restart"]) == (
        True,
        ["tts.kind", "tts.numbers", "tts.url", "tts.cfg_weight"],
    )
    assert (answer["problems"], answer["warnings"]) == ([], [says])
    logged = [line for line in capsys.readouterr().err.splitlines() if "out of range" in line]
    assert len(logged) == 1, logged
    for part in (str(desk.file), "tts.cfg_weight", "3", "0.0 to 1.0", "1.0"):
        assert part in logged[0], f"the log does not say {part}: {logged[0]}"


async def test_sighup_reloads(desk: Desk) -> None:
    """As `systemctl reload` does with ExecReload=/bin/kill -HUP."""
    if sys.stdin is not None and sys.stdin.isatty():
        pytest.skip("on a terminal SIGHUP ends the daemon")
    desk.file.write_text(desk.file.read_text() + "[drain]\nlimit_ms = 9000\n")
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: desk.service.settings.drain.limit_ms == 9000)


async def test_a_join_that_fails_is_told_and_the_rest_is_in_force(desk: Desk) -> None:
    """Here nobody is logged in: the list is in force, the channel is named as not joined."""
    desk.file.write_text(desk.file.read_text() + '[discord]\njoin = ["1:2"]\n')
    answer = await desk.ask("POST", "/v1/reload")
    assert answer["applied"] == ["discord.join"]
    assert "channel 2 was not joined" in answer["problems"][0]


async def test_events_are_followed_until_the_client_goes(desk: Desk, nursery: trio.Nursery) -> None:
    """What was and what comes; a client that goes leaves no follower behind."""
    desk.service.events.publish("speaker_started", userId="7")
    send, receive = trio.open_memory_channel[dict[str, Any]](100)

    def follow() -> None:
        for event in desk.door.lines("/v1/events?follow=1"):
            trio.from_thread.run_sync(send.send_nowait, event)
            if event["event"] == "last":
                return

    with trio.fail_after(10):
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.to_thread.run_sync, follow)
            assert (await receive.receive())["event"] == "speaker_started"
            assert (await receive.receive())["event"] == "status_update"
            desk.service.events.publish("turn", outcome="answered")
            event = await receive.receive()
            assert (event["event"], event["data"]["outcome"]) == ("turn", "answered")
            desk.service.events.publish("last")
    await until(lambda: desk.service.events.followers == 0)
    recent = await trio.to_thread.run_sync(lambda: list(desk.door.lines("/v1/events")))
    assert [event["event"] for event in recent] == ["speaker_started", "turn", "last"]


async def test_health_says_why(desk: Desk) -> None:
    """Alive from the first moment; ready only when people would be served, with the reasons if not."""
    assert await desk.get("/healthz") == (200, '{"status":"ok","silent":[]}')
    status, body = await desk.get("/readyz")
    assert (status, json.loads(body)["reasons"]) == (503, ["the daemon is starting", "not connected to Discord"])
    status, body = await desk.get("/metrics")
    assert status == 200
    assert "voxbridge_ready 0.0" in body


async def test_the_health_port_has_no_controls(desk: Desk) -> None:
    """Anybody on the host can reach it; permissions guard the socket only."""
    for target in ("/v1/status", "/v1/events", "/v1/reload"):
        status, _ = await desk.get(target)
        assert status == 404, f"{target} is served on TCP"


async def test_a_playout_clock_that_hangs_is_no_health(tmp_path: Path, nursery: trio.Nursery) -> None:
    """/healthz names the side that does not beat."""
    port = free_port()
    settings = attrs.evolve(Settings(), health=HealthSettings(listen=f"127.0.0.1:{port}"))
    hosted = Hosted()  # its clock is not running
    await nursery.start(Service(settings, hosted.conversation(), environ={"RUNTIME_DIRECTORY": str(tmp_path)}).run)
    desk = Desk(None, hosted, Door(tmp_path / "control.sock"), port, tmp_path)  # type: ignore[arg-type]
    assert await desk.get("/healthz") == (503, '{"status":"stalled","silent":["playout"]}')
    nursery.cancel_scope.cancel()


async def test_a_taken_port_is_a_warning(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Metrics that nobody can read are no reason not to talk."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = attrs.evolve(Settings(), health=HealthSettings(listen=f"127.0.0.1:{taken.getsockname()[1]}"))
        with structlog.testing.capture_logs() as log:
            service = Service(settings, Hosted().conversation(), environ={"RUNTIME_DIRECTORY": str(tmp_path)})
            await nursery.start(service.run)
        shut = {line["door"]: line["reason"] for line in log if line["event"] == "cannot listen"}
        assert "in use" in shut["health"]
        nursery.cancel_scope.cancel()


async def test_a_second_daemon_on_the_same_control_socket_is_refused(tmp_path: Path) -> None:
    """It must not take the first one's socket, nor run without one: `ctl` would talk to the other."""
    (tmp_path / "one").mkdir()
    with bind_unix(tmp_path / "one" / "control.sock"):
        service = Service(Settings(), Hosted().conversation(), environ={"RUNTIME_DIRECTORY": str(tmp_path / "one")})
        with pytest.raises(ExceptionGroup) as caught:
            await service.run()
    (error,) = our_errors(caught.value)
    assert isinstance(error, AlreadyRunning)
    assert "one/control.sock already" in str(error)


async def test_a_handed_socket_is_served(tmp_path: Path, nursery: trio.Nursery) -> None:
    """systemd's socket activation, FileDescriptorName=control; descriptors are numbered from 3 by systemd, here not."""
    listener = bind_unix(tmp_path / "handed.sock")
    hosted = Hosted()
    settings = attrs.evolve(Settings(), health=HealthSettings(listen=""))
    service = Service(settings, hosted.conversation(), environ={}, inherited={"control": listener.detach()})
    await nursery.start(service.run)
    answer = await trio.to_thread.run_sync(Door(tmp_path / "handed.sock").ask, "GET", "/v1/status")
    assert answer["phase"] == "starting"
    nursery.cancel_scope.cancel()


def test_the_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    """0660, whatever the umask; what a dead daemon left is replaced, a file that is no socket is not."""
    path = tmp_path / "new" / "control.sock"
    before = os.umask(0o077)
    try:
        bind_unix(path).close()
        with bind_unix(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)
    (tmp_path / "file").write_text("precious")
    with pytest.raises(CannotListen, match="in use"):
        bind_unix(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"
    with pytest.raises(CannotListen, match="too long"):
        bind_unix(tmp_path / ("x" * 120))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused_clearly(tmp_path: Path) -> None:
    """Not a traceback: whose socket it is, and what to do."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path = tmp_path / "control.sock"
    with bind_unix(path):
        os.setegid(65_534)
        os.seteuid(65_534)
        try:
            with pytest.raises(DoorShut, match="not allowed to use") as refused:
                Door(path).ask("GET", "/v1/status")
        finally:
            os.seteuid(0)
            os.setegid(0)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_dead_daemon_is_told_in_one_line(tmp_path: Path, left_behind: bool) -> None:
    """Whether the socket is gone or only its daemon: one line, exit code 1."""
    path = tmp_path / "control.sock"
    if left_behind:
        bind_unix(path).close()
    done = subprocess.run(
        [sys.executable, "-m", "voxbridge", "ctl", "--socket", str(path), "status"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"voxbridge: {path}: no daemon listens there.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "environ", "daemons", "ctls"),
    [
        ("/a/b.sock", {"RUNTIME_DIRECTORY": "/run/vb"}, "/a/b.sock", "/a/b.sock"),
        ("", {"RUNTIME_DIRECTORY": "/run/vb:/run/x"}, "/run/vb/control.sock", "/run/vb/control.sock"),
        ("", {"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/voxbridge/control.sock", "/run/voxbridge/control.sock"),
        ("", {}, None, "/run/voxbridge/control.sock"),
    ],
)
def test_where_the_socket_is(setting: str, environ: dict[str, str], daemons: str | None, ctls: str) -> None:
    """ctl looks where a daemon of its own environment would listen, and where nobody does there, at the system's."""
    path = control_path(setting, environ)
    assert (None if path is None else str(path)) == daemons
    assert str(find_socket(setting, environ)) == ctls


def test_a_stalled_daemon_is_told(tmp_path: Path) -> None:
    """It listens, since the kernel does that, and never answers."""
    path = tmp_path / "control.sock"
    with bind_unix(path), pytest.raises(DoorShut, match="no answer within 0 s; the daemon is stalled"):
        Door(path).ask("GET", "/v1/status", limit_s=0.05)


def test_a_taken_tcp_address_is_told(tmp_path: Path) -> None:
    """And a number that is no port."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotListen, match="in use"):
        bind_tcp(f"127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(CannotListen):
        bind_tcp("127.0.0.1:70000")


def told(desk: Desk) -> str:
    """What /status says of the servers."""
    return " ".join(map(OURS.text, desk.service.health_lines()))


async def test_a_stage_that_keeps_people_waiting_is_said_to_be_slow(desk: Desk) -> None:
    """Three turns over the agent's target: in /status, over the socket, and in the unit's status line."""
    late = Part("agent", 2400.0, 500.0, "late")
    desk.service.ready()
    assert told(desk) == "All servers are well."
    for _ in range(3):
        desk.service.on_report(attrs.evolve(REPORT, parts=(late,)))
    assert told(desk) == "The agent is slow: 2.4 s to its first word; it should be 0.5 s."
    answer = await desk.ask("GET", "/v1/status")
    assert answer["slow"] == [{"stage": "agent", "ms": 2400.0, "target_ms": 500.0}]
    assert "degraded: agent is slow" in answer["line"]
    assert any("2400 ms in the last turns, target 500 ms" in line for line in show_status(answer, turns=0))


async def test_backends_go_down_and_come_back(nursery: trio.Nursery) -> None:
    """Probed at once, again when a turn failed there, and while down until they are up."""
    changes: list[HealthEvent] = []
    async with WhisperXServer().running() as stt, N8nServer().running() as n8n, ChatterboxServer().running() as tts:
        settings = Settings()
        settings = attrs.evolve(
            settings,
            stt=carried(WhisperXSettings, settings.stt, url=stt.url),
            agent=carried(N8nSettings, settings.agent, url=Secret(n8n.webhook_url)),
            tts=carried(ChatterboxSettings, settings.tts, url=tts.url),
        )
        async with open_stages(settings, engines_socket="") as stages:
            health = Health.of(stt=stages.stt, agent=stages.agent, tts=stages.tts, rules=HealthRules(probe_s=0.1))
            with health.listening(changes.append):
                nursery.start_soon(health.run)
                with trio.fail_after(5):
                    await health.asked.wait()
                assert {b.stage: b.state for b in health.all} == dict.fromkeys(("stt", "agent", "tts"), "up")
                await n8n.stop()
                health.turn_failed("agent", StageUnavailable("agent", "connection refused"))
                await until(lambda: any(b.state == "down" for b in health.all))
                await n8n.start()
                await until(lambda: all(b.state == "up" for b in health.all))
            told = [
                (event.backend.stage, event.backend.state) for event in changes if isinstance(event, BackendChanged)
            ]
            assert told[-3:] == [("agent", "failing"), ("agent", "down"), ("agent", "up")]
            assert changes[-1] == StageBack("agent")
            nursery.cancel_scope.cancel()
