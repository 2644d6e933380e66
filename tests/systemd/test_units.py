"""The unit files as they are shipped: what systemd itself says of them. Nothing is started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from voxbridge.config import load

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"
PROGRAM = "/opt/voxbridge/bin/voxbridge"
DAEMONS = ("voxbridge.service", "voxbridge@.service")
ENGINES = "voxbridge-engines.service"
ALL = (*DAEMONS, ENGINES, "voxbridge-engines.socket")

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine"),
]


def analyze(directory: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze about the units in a directory, with the system's own beside them."""
    environ = {**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:/usr/lib/systemd/system:/lib/systemd/system"}
    command = ["systemd-analyze", "--no-pager", *args]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units in a directory of their own, with a program that is there on every machine."""
    for name in ALL:
        text = (UNITS / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ALL)
def test_systemd_has_nothing_to_say_against_a_unit(units: Path, name: str) -> None:
    """No unknown key, no value that is ignored, no unit that would not start."""
    instance = name.replace("@.", "@one.")
    done = analyze(units, "verify", "--recursive-errors=no", instance)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("name", "tenths"), [*((name, 12) for name in DAEMONS), (ENGINES, 15)])
def test_exposure_is_within_its_bound(name: str, tenths: int) -> None:
    """1.2 for the daemon, which talks to the network; 1.5 for the engines, which may make code at run time."""
    done = analyze(UNITS, "security", "--offline=true", f"--threshold={tenths}", str(UNITS / name))
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("drop_in", sorted((UNITS / "examples").glob("*.conf")), ids=lambda path: path.stem)
def test_example_drop_in_is_understood(units: Path, drop_in: Path) -> None:
    """Each example says where it goes, and systemd understands it there (or is too old for a key of it)."""
    text = drop_in.read_text(encoding="utf-8")
    (place,) = re.findall(r"^# /etc/systemd/system/(\S+)$", text, flags=re.MULTILINE)
    (units / place).parent.mkdir()
    (units / place).write_text(text, encoding="utf-8")
    done = analyze(units, "verify", "--recursive-errors=no", "voxbridge.service")
    too_new = [line for line in done.stderr.splitlines() if "newer" in drop_in.stem and "Unknown key" in line]
    assert done.stderr.splitlines() == too_new
    assert done.returncode == 0 or too_new


def test_template_is_the_unit_but_for_its_names() -> None:
    """What is mended in one is mended in both."""
    unit, template = ((UNITS / name).read_text(encoding="utf-8").split("[Unit]")[1] for name in DAEMONS)
    renamed = template.replace("/etc/voxbridge/%i/", "/etc/voxbridge/").replace("=voxbridge-%i", "=voxbridge")
    renamed = renamed.replace(" (%i)", "")
    keys = [line for line in renamed.splitlines() if not line.startswith("#")]
    assert keys == [line for line in unit.splitlines() if not line.startswith("#")]


def test_shipped_configuration_loads(tmp_path: Path) -> None:
    """It loads as it is, and points at the socket that the daemon's unit binds."""
    settings = load(UNITS / "voxbridge.toml", {})
    bound = re.findall(r"^BindReadOnlyPaths=-(\S+):(\S+)$", (UNITS / DAEMONS[0]).read_text(), flags=re.MULTILINE)
    (listen,) = re.findall(r"^ListenStream=(\S+)$", (UNITS / ALL[-1]).read_text(), flags=re.MULTILINE)
    ((outside, inside),) = bound
    assert settings.engines.socket == listen.replace(outside, inside, 1)


def test_stop_is_given_more_time_than_a_drain_takes() -> None:
    """Else systemd kills the daemon in the sentence that it is letting end."""
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)s$", (UNITS / DAEMONS[0]).read_text(), flags=re.MULTILINE)
    assert int(stop_s) * 1000 > load(UNITS / "voxbridge.toml", {}).drain.limit_ms
