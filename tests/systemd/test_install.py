"""The README's lines on a clean machine of their own: what they install runs, and what they remove is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.installing import install, install_lines, shell, uninstall_lines
from tests.systemd.machine import CannotBoot, Machine
from tests.systemd.stage import open_stage
from voxbridge.rehearsal.discord.world import BOT_TOKEN

pytestmark = pytest.mark.systemd

# What systemd itself keeps for every service with a dynamic user, and what it and its journal write anyway.
_SYSTEMDS_OWN = ("/var/lib/private", "/var/cache/private", "/var/lib/systemd", "/var/log", "/etc/machine-id", "/run")


@pytest.fixture
def clean() -> Iterator[Machine]:
    """A machine on which nothing was installed. Skips where it cannot be booted."""
    try:
        booted = Machine()
    except CannotBoot as reason:
        pytest.skip(str(reason))
    try:
        yield booted
    finally:
        booted.close()


def new_files(machine: Machine, before: set[str]) -> list[str]:
    """Return what was written and is still there. A directory that the host has too only had something in it."""
    new = {path for path in machine.written() - before if not Path(path).is_dir()}
    return sorted(path for path in new if not path.startswith(_SYSTEMDS_OWN))


async def test_readme_installs_a_service_that_runs_and_removes_all_of_it(clean: Machine) -> None:
    """Five lines at most; the bot is in its channel after them. After the removal no file, user or unit is left."""
    before = clean.written()
    assert len(install_lines()) <= 5
    install(clean, BOT_TOKEN)
    async with open_stage(clean) as stage:
        await clean.run(*shell(install_lines()[-1]))
        assert stage.is_in_call()
        assert await stage.show("UnitFileState") == "enabled"
        for line in uninstall_lines():
            await clean.run(*shell(line))
        assert not stage.is_in_call()
        assert await stage.show("LoadState") == "not-found"
        assert new_files(clean, before) == [], "files are left"
        for place in ("/var/lib/private", "/var/cache/private", "/var/lib", "/var/cache", "/run", "/tmp", "/etc"):
            names = [path.name for path in clean.path(place).iterdir() if "voxbridge" in path.name]
            assert names == [], f"left in {place}"
        units = await clean.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "voxbridge*")
        assert "voxbridge.service" not in units.stdout
