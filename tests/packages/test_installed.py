"""The wheel in an environment of its own, made by pipx, and the commands as its user types them there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from voxbridge import __version__

pytestmark = pytest.mark.packages

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command to its end, and return what it prints."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files_in(wheel: Path) -> set[str]:
    """Return the names in a wheel, without its own records."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist of this checkout."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", directory, cwd=ROOT)
    return directory


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel."""
    (file,) = dist.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def voxbridge(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed by pipx with the built-in engines."""
    home = tmp_path_factory.mktemp("pipx")
    pipx = shutil.which("pipx", path=os.environ.get("PACKAGES_TOOLS"))
    assert pipx, "run by `nox -s packages`, which installs pipx"
    places = {"PIPX_HOME": str(home / "home"), "PIPX_BIN_DIR": str(home / "bin"), "PIPX_MAN_DIR": str(home / "man")}
    run(pipx, "install", "--python", sys.executable, f"{wheel}[embedded]", cwd=home, **places)
    return home / "bin" / "voxbridge"


def test_the_sdist_makes_the_same_wheel(dist: Path, wheel: Path, tmp_path: Path) -> None:
    """Who builds from the sdist misses no file."""
    (sdist,) = dist.glob("*.tar.gz")
    build = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path)
    run(*build, sdist, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    assert files_in(again) == files_in(wheel)


def test_the_command_says_its_version(voxbridge: Path, tmp_path: Path) -> None:
    """It runs without the checkout."""
    assert run(voxbridge, "--version", cwd=tmp_path) == f"voxbridge {__version__}\n"


def test_check_finds_nothing_missing(voxbridge: Path, tmp_path: Path) -> None:
    """libopus, the models and the engines are there."""
    (tmp_path / "voxbridge.toml").write_text('[health]\nlisten = ""\n')
    found = json.loads(run(voxbridge, "check", "--offline", "--json", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)))
    assert {one["verdict"] for one in found["findings"]} == {"ok"}, found


def test_talk_explains_itself(voxbridge: Path, tmp_path: Path) -> None:
    """Its options are there; its page is in the wheel."""
    assert "--jitter" in run(voxbridge, "talk", "--help", cwd=tmp_path)


def test_a_scene_goes_as_it_must(voxbridge: Path, tmp_path: Path) -> None:
    """The whole daemon hears and answers, with what the wheel and its dependencies bring."""
    run(voxbridge, "rehearse", "--scene", "question", cwd=tmp_path)
    assert list((tmp_path / "rehearsal-out").glob("*.wav"))


def test_units_and_compose_file_came_along(voxbridge: Path, tmp_path: Path) -> None:
    """They are in share/voxbridge of the environment, where the documents say, and the workflows come by command."""
    share = voxbridge.resolve().parents[1] / "share" / "voxbridge"
    for folder in ("systemd", "container"):
        there = {path.name: path.read_bytes() for path in (share / folder).iterdir() if path.is_file()}
        assert there == {path.name: path.read_bytes() for path in (ROOT / folder).iterdir() if path.is_file()}
    run(voxbridge, "workflows", cwd=tmp_path)
    assert list((tmp_path / "n8n-workflows").glob("*.json"))
