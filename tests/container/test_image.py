"""The image, built by buildah and started by podman, on a base that mmdebstrap makes under the official image's name.

No image is pulled, so the base is Debian's own Python and not the one of the official image. pip finds in the container
what it found outside: wheels, and no network. Nothing is left in the host's image store.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from voxbridge import __version__

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
BASE, IMAGE, BOT = "docker.io/library/python:3.13-slim-bookworm", "localhost/voxbridge", "voxbridge-test"
_DEBIAN, _ITS_PYTHON = "bookworm", "3.11"
_PROGRAMS = ("buildah", "podman", "mmdebstrap", "runc")
_STEP_S = 900  # five minutes in all when nothing else runs
# As the compose file starts it. The limits are those that an unprivileged parent may set.
_CONFINED = (
    *("--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges"),
    *("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"),
)


@attrs.frozen
class Podman:
    """Podman with an image store of its own."""

    environ: dict[str, str]

    def __call__(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command of podman's, whatever comes of it. cgroupfs and runc work without a systemd, too."""
        command = ["podman", "--cgroup-manager=cgroupfs", "--runtime=runc", *args]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=_STEP_S)

    def run(self, *args: str, options: tuple[str, ...] = ()) -> str:
        """Run the image with arguments, confined; return what it prints."""
        done = self("run", "--rm", "--no-healthcheck", *_CONFINED, *options, IMAGE, *args)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def made(*command: str | Path, **environ: str) -> None:
    """Run a step of the preparation; its output is the failure's message."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=_STEP_S,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def download_wheels(directory: Path) -> None:
    """Fetch what pip will want in the container, for the base's Python."""
    made(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory / "own")
    (own,) = (directory / "own").glob("*.whl")
    target = (f"--python-version={_ITS_PYTHON}", "--only-binary=:all:")
    made(sys.executable, "-m", "pip", "download", "-q", "-d", directory, *target, f"{own}[embedded]", "hatchling")
    shutil.rmtree(directory / "own")


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman, with the image built."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"building an image needs root and {', '.join(_PROGRAMS)}; missing: {', '.join(missing) or 'root'}")
    room = tmp_path_factory.mktemp("container")
    store = room / "storage.conf"
    store.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{room}/graph"\nrunroot = "{room}/run"\n')
    environ = {"CONTAINERS_STORAGE_CONF": str(store)}
    wheels = room / "wheels"
    download_wheels(wheels)
    pip = room / "pip.conf"
    pip.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    base = room / "base.tar"
    made("mmdebstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", _DEBIAN, base)
    made("podman", "import", "-q", base, BASE, **environ)
    mounts = (f"--volume={wheels}:/wheels:ro", f"--volume={pip}:/etc/pip.conf:ro")
    kind = ("--format=docker", "--isolation=chroot", "--network=host", "--pull-never")
    made("buildah", "build", "-q", *kind, *mounts, "-f", "container/Containerfile", "-t", IMAGE, ".", **environ)
    yield Podman(os.environ | environ)
    made("podman", "rm", "--all", "--force", **environ)
    made("podman", "rmi", "--all", "--force", **environ)


def test_it_runs_as_nobody_on_a_root_that_is_read_only(podman: Podman) -> None:
    """Its user is not root, and only its own three places can be written to."""
    tries = "id -u; for one in / /opt /etc /tmp /run/voxbridge /var/lib/voxbridge; do touch $one/x && echo $one; done"
    shown = podman.run(
        "-c", tries, options=("--entrypoint=sh", "--volume=/var/lib/voxbridge", "--volume=/run/voxbridge")
    )
    assert shown.split() == ["10001", "/tmp", "/run/voxbridge", "/var/lib/voxbridge"]


def test_the_whole_daemon_hears_and_answers_in_it(podman: Podman) -> None:
    """libopus, the models and the engines are in the image, and need nothing that it lacks."""
    assert podman.run("--version") == f"voxbridge {__version__}\n"
    podman.run("rehearse", "--scene", "question", "--out", "/tmp/out")


def test_the_health_check_holds_and_stop_ends_it(podman: Podman) -> None:
    """The image's own health check succeeds while the daemon runs, and `stop` ends it before it would be killed."""
    started = podman("run", "--detach", f"--name={BOT}", *_CONFINED, "--env=DISCORD_TOKEN=nobodys.token.here", IMAGE)
    assert started.returncode == 0, started.stderr
    # Discord cannot be reached from here: the daemon waits for it, and is healthy. Each try takes part of a second.
    tries = (podman("healthcheck", "run", BOT).returncode for _ in range(200))
    assert 0 in tries, podman("logs", BOT).stderr
    stopped = podman("stop", "--time=60", BOT)
    assert stopped.returncode == 0, stopped.stderr
    assert podman("inspect", BOT, "--format={{.State.ExitCode}}").stdout.strip() == "0", podman("logs", BOT).stderr
