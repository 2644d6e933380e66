"""The README's lines for the service, as they stand there."""

from __future__ import annotations

import re

from tests.systemd.machine import CHECKOUT, PACKAGES, ROOT, Machine

# The machine has no network: pip builds with what this environment has, and takes no dependency. (pip reads "0" for a
# flag that begins with "no" as: do not isolate.)
_PIP = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONPATH": PACKAGES,
}


def _blocks() -> list[list[str]]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"(?ms)^## Run it as a service$(.*?)(?=^## |\Z)", readme)
    return [block.splitlines() for block in re.findall(r"(?ms)^```sh\n(.*?)^```$", section)]


def install_lines() -> list[str]:
    """Return the lines that install and start the service."""
    return _blocks()[0]


def uninstall_lines() -> list[str]:
    """Return the lines that remove it."""
    return _blocks()[1]


def shell(line: str) -> list[str]:
    """Return the command that runs a line in the checkout, as root already."""
    environ = [f"{name}={value}" for name, value in _PIP.items()]
    return ["env", "-C", CHECKOUT, *environ, "bash", "-ec", re.sub(r"\bsudo ", "", line)]


def install(machine: Machine, token: str) -> None:
    """Run all lines but the last, which starts the service: the configuration is edited before."""
    for line in install_lines()[:-1]:
        machine.run_now(*shell(line), text=f"{token}\n", timeout_s=120)
        if "pip install" in line:
            # The dependencies that pip was not to take, from this test's own environment.
            (packages,) = machine.path("/opt/voxbridge/lib").glob("python3*/site-packages")
            (packages / "dependencies.pth").write_text(f"{PACKAGES}\n", encoding="utf-8")
    machine.run_now("systemctl", "daemon-reload")
