"""The test's own machine leaves nothing behind on the one it runs on, and changes no setting of its kernel."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.systemd.machine import ROOT, CannotBoot, Host, Machine, check_possible

pytestmark = pytest.mark.systemd


@pytest.fixture
def possible() -> None:
    """Skip where no machine can be booted."""
    try:
        check_possible()
    except CannotBoot as reason:
        pytest.skip(str(reason))


def traces(pid: int) -> list[str]:
    """Return what is to be seen of the machines of a process: files, cgroups, processes."""
    found = [str(path) for path in Path(tempfile.gettempdir()).glob("voxbridge-machine-*")]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/voxbridge-test.{pid}.*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"voxbridge-test.{pid}." in (process / "cgroup").read_text(encoding="utf-8"):
                found.append(f"{process}: {(process / 'comm').read_text(encoding='utf-8').strip()}")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.usefixtures("possible")
def test_nothing_is_left_and_no_setting_is_changed() -> None:
    """Booted, used (a dynamic user, a mount, a file in /etc, an attempt at the kernel's settings), powered off."""
    before, were_there = Host.look(), traces(os.getpid())
    machine = Machine()
    try:
        properties = ("--property=DynamicUser=yes", "--property=StateDirectory=x", "--property=PrivateTmp=yes")
        machine.run_now("systemd-run", "--wait", *properties, "true")
        machine.write("/etc/voxbridge-was-here", "")
        machine.run_now("mount", "-t", "tmpfs", "tmpfs", "/mnt")
        assert machine.run_now("sh", "-c", "echo 0 > /proc/sys/kernel/sysrq", check=False).returncode != 0
        assert set(traces(os.getpid())) > set(were_there), "a machine that runs has traces"
    finally:
        machine.close()
    assert Host.look() == before
    assert traces(os.getpid()) == were_there
    assert not Path("/etc/voxbridge-was-here").exists()


@pytest.mark.usefixtures("possible")
def test_machine_ends_with_the_tests_that_are_killed() -> None:
    """kill -9 of the tests ends every process of their machine; only an empty directory and cgroup stay."""
    code = "from tests.systemd.machine import Machine; m = Machine(); print(m.directory, m.cgroup, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        directory, cgroup = map(Path, tests.stdout.readline().split())
        inside = [int(p) for f in cgroup.rglob("cgroup.procs") for p in f.read_text(encoding="utf-8").split()]
        assert len(inside) > 1, "systemd and its services"
        watched = [os.pidfd_open(pid) for pid in inside]
        tests.send_signal(signal.SIGKILL)
        tests.wait()
    for descriptor in watched:
        assert select.select([descriptor], [], [], 10)[0], "a process of the machine is still there"
        os.close(descriptor)
    Machine.remove(directory, cgroup)
    assert not directory.exists()
    assert not cgroup.exists()
