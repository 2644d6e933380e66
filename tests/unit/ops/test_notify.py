"""What systemd hears from us, and the sockets it hands over, on real datagram sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from voxbridge.clock import monotonic_s
from voxbridge.ops.notify import Notifier, take_listen_fds

pytestmark = pytest.mark.unit


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd has it, and the name that stands in $NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@voxbridge-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.setblocking(False)
        yield listener, name


def heard(listener: socket.socket) -> list[list[str]]:
    """All datagrams so far, each as its lines."""
    found = []
    while True:
        try:
            found.append(listener.recv(65_536).decode().split("\n"))
        except BlockingIOError:
            return found


def test_each_step_of_a_life_is_told_in_one_datagram(manager: tuple[socket.socket, str]) -> None:
    """State and status arrive together, so that systemd never shows the one with the other's text."""
    listener, name = manager
    with closing(Notifier(name)) as notifier:
        notifier.extend(65.0, "starting: models are loaded")
        notifier.ready("ready; 0 rooms")
        notifier.status("ready; 1 room")
        notifier.pet()
        notifier.stopping("draining")
        assert notifier.is_heard
    assert heard(listener) == [
        ["EXTEND_TIMEOUT_USEC=65000000", "STATUS=starting: models are loaded"],
        ["READY=1", "STATUS=ready; 0 rooms"],
        ["STATUS=ready; 1 room"],
        ["WATCHDOG=1"],
        ["STOPPING=1", "STATUS=draining"],
    ]


def test_a_reload_carries_the_monotonic_time(manager: tuple[socket.socket, str]) -> None:
    """Type=notify-reload compares it with CLOCK_MONOTONIC, in microseconds."""
    listener, name = manager
    before = monotonic_s()
    with closing(Notifier(name)) as notifier:
        notifier.reloading("reloading")
    ((first, stamp, status),) = heard(listener)
    assert (first, status) == ("RELOADING=1", "STATUS=reloading")
    key, _, value = stamp.partition("=")
    assert key == "MONOTONIC_USEC"
    # truncated to whole microseconds
    assert before - 1e-6 <= int(value) / 1e6 <= monotonic_s()


def test_a_status_is_one_line(manager: tuple[socket.socket, str]) -> None:
    """A line end in a status would be read as another key."""
    listener, name = manager
    with closing(Notifier(name)) as notifier:
        notifier.status("down\nREADY=1")
    assert heard(listener) == [["STATUS=down READY=1"]]


def test_nobody_there_or_nobody_reading_is_no_failure(tmp_path: Path) -> None:
    """Outside systemd, with systemd gone, or with its buffer full we run all the same, and do not wait."""
    Notifier("").ready("")
    Notifier(str(tmp_path / "nobody")).ready("")
    assert not Notifier(str(tmp_path / "nobody")).is_heard
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "full"))
        with closing(Notifier(str(tmp_path / "full"))) as notifier:
            for _ in range(10_000):  # the kernel queues some hundred
                notifier.pet()
            listener.close()
            notifier.pet()


@pytest.mark.parametrize(
    ("environ", "period_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_is_ours_only_if_it_names_us(environ: dict[str, str], period_s: float | None) -> None:
    """A period meant for another process, or none, is not kept."""
    assert Notifier.from_environ(environ).watchdog_s == period_s


def test_children_do_not_inherit_what_systemd_told_us(tmp_path: Path) -> None:
    """The engines' process must not pet our watchdog or take our sockets."""
    environ = {
        "NOTIFY_SOCKET": str(tmp_path / "n"),
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": "1",
        "LISTEN_PID": "1",
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "control",
        "PATH": "/bin",
    }
    Notifier.from_environ(environ)
    take_listen_fds(environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"}],
)
def test_sockets_for_somebody_else_are_not_taken(environ: dict[str, str]) -> None:
    """$LISTEN_PID says for whom they are (sd_listen_fds(3))."""
    assert take_listen_fds(environ) == {}


def test_handed_sockets_have_their_names(tmp_path: Path) -> None:
    """As systemd does it: descriptors from 3 on, names joined by colons, both usable and closed in children."""
    program = """
import os, socket, sys
from voxbridge.ops.notify import take_listen_fds
os.environ["LISTEN_PID"] = str(os.getpid())
fds = take_listen_fds(os.environ)
print(fds, [os.get_inheritable(fd) for fd in fds.values()], socket.socket(fileno=fds["control"]).getsockname())
"""
    with socket.socket(socket.AF_UNIX) as control, socket.socket(socket.AF_INET) as health:
        control.bind(str(tmp_path / "c.sock"))
        shell = f"exec {sys.executable} -c '{program}' 3<&{control.fileno()} 4<&{health.fileno()}"
        done = subprocess.run(
            ["/bin/bash", "-c", shell],
            check=True,
            capture_output=True,
            text=True,
            pass_fds=(control.fileno(), health.fileno()),
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "control:health"},
        )
    assert done.stdout.strip() == f"{{'control': 3, 'health': 4}} [False, False] {tmp_path / 'c.sock'}"
