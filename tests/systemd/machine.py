"""A machine for one test session: the system's own systemd as PID 1 of new namespaces, on a root that is thrown away.

    pytest --unshare--> pid1.sh --exec--> systemd          one cgroup of ours, everything below it
      |                                     '-- the units under test
      '-- nsenter: systemctl, journalctl
      '-- setns: the simulated Discord and the simulated servers listen on the machine's loopback (``network``)

Nothing outside is changed: writes go to a tmpfs, /proc/sys is read-only, the network has its loopback only, and the
cgroup is removed. ``Machine.close`` looks whether that is so. It needs root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import trio

from voxbridge.clock import monotonic_s

ROOT = Path(__file__).parents[2]
CHECKOUT, PYTHON, PACKAGES = "/usr/src/voxbridge", "/opt/python", "/opt/python-packages"
_TARGET = "voxbridge-test.target"
_TOOLS = ("systemctl", "systemd-creds", "journalctl", "unshare", "nsenter", "setpriv", "pivot_root", "mount")
_SYSTEMD_MIN = 252
_BOOT_S = 30.0  # 1 s when nothing else runs
_ENVIRON = {
    "PATH": f"{PYTHON}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LD_LIBRARY_PATH": f"{PYTHON}/lib",  # as pid1.sh sets it for the units
    "LANG": "C.UTF-8",
}
# What a systemd that got at the kernel would set.
_SETTINGS = (
    *(f"fs/{name}" for name in ("nr_open", "file-max")),
    *(f"fs/protected_{name}" for name in ("fifos", "hardlinks", "regular", "symlinks")),
    *(f"kernel/{name}" for name in ("pid_max", "sysrq", "core_pattern", "core_uses_pid", "hostname")),
    *(f"net/{name}" for name in ("ipv4/conf/default/rp_filter", "unix/max_dgram_qlen")),
)


class CannotBoot(Exception):
    """This machine lacks something; the text says what."""


def check_possible() -> None:
    """Raises: CannotBoot, with the reason."""
    if os.geteuid() != 0:
        raise CannotBoot("booting systemd in namespaces needs root")
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or not Path("/lib/systemd/systemd").exists():
        raise CannotBoot(f"not installed: {', '.join(missing) or 'systemd'}")
    version = int(_output("systemctl", "--version").split()[1].split("~")[0].split(".")[0])
    if version < _SYSTEMD_MIN:
        raise CannotBoot(f"systemd {version} is older than {_SYSTEMD_MIN}")
    if _cgroup_root() is None:
        raise CannotBoot("there is no writable cgroup v2 hierarchy")
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="utf-8"):
        raise CannotBoot("the kernel has no overlayfs")
    tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False, timeout=20)
    if tried.returncode != 0:
        raise CannotBoot(f"namespaces are not allowed: {tried.stderr.strip()}")


_UNSHARE = (
    *("unshare", "--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc", "--net"),
    *("--kill-child=SIGKILL", "--propagation", "private"),
)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def _cgroup_root() -> Path | None:
    for place in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")):  # the former on hybrid hosts
        if (place / "cgroup.procs").exists() and (place / "cgroup.controllers").exists():
            return place if os.access(place, os.W_OK) else None
    return None


@attrs.frozen
class Host:
    """What must be the same afterwards."""

    settings: dict[str, str]
    mounts: frozenset[str]
    network: str

    @classmethod
    def look(cls) -> Host:
        """Look at it now."""
        return cls(
            {name: _setting(name) for name in _SETTINGS},
            frozenset(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()),
            str(Path("/proc/thread-self/ns/net").readlink()),
        )


def _setting(name: str) -> str:
    path = Path("/proc/sys") / name
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


class Machine:
    """A booted systemd. Its files are below ``path("/")``; commands run inside, as root, with ``run``."""

    _numbers = iter(range(1, 1000))

    def __init__(self) -> None:
        """Boot, until systemd says that it is up. Raises: CannotBoot; RuntimeError when systemd itself fails."""
        check_possible()
        self._before = Host.look()
        self.directory = Path(tempfile.mkdtemp(prefix="voxbridge-machine-"))
        root = _cgroup_root()
        assert root is not None
        self.cgroup = root / f"voxbridge-test.{os.getpid()}.{next(self._numbers)}"
        self._console = (self.directory / "console").open("w+b")
        self._pid = 0
        try:
            self._process = self._start()
            self._wait_until_up()
        except BaseException:
            self.close()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        self.cgroup.mkdir()
        (self.directory / "mnt").mkdir()
        binds = {ROOT: CHECKOUT, Path(sysconfig.get_path("purelib")): PACKAGES}
        if sys.base_prefix != "/usr":
            binds[Path(sys.base_prefix)] = PYTHON
        lines = "".join(f"{source.resolve()} {place}\n" for source, place in binds.items())
        (self.directory / "binds").write_text(lines, encoding="utf-8")
        # The shell is in the cgroup before --cgroup makes that the namespace's root. If we die, however we do, unshare
        # is killed (--pdeathsig), and with it all of the machine (--kill-child).
        enter = ("sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.cgroup))
        boot = ("bash", str(Path(__file__).with_name("pid1.sh")), str(self.directory), _TARGET)
        return subprocess.Popen(
            [*enter, "setpriv", "--pdeathsig", "KILL", *_UNSHARE, *boot],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=self._console,
            start_new_session=True,
        )

    def _wait_until_up(self) -> None:
        deadline = monotonic_s() + _BOOT_S
        while monotonic_s() < deadline and self._process.poll() is None:
            self._pid = self._find_systemd()
            if self._pid:
                state = self.run_now("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
        self._console.seek(0)
        said = self._console.read().decode(errors="replace").strip()
        if not self._pid:
            raise CannotBoot(f"the throw-away root cannot be made here: {said}")
        raise RuntimeError(f"systemd did not come up: {said}")

    def _find_systemd(self) -> int:
        """Return the pid of the inner systemd as seen from here, 0 if there is none yet.

        A wrong one would be fatal: a command would run on the host itself.
        """
        unshare = self._process.pid
        try:
            children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text(encoding="utf-8").split()
            for pid in map(int, children):
                is_inside = Path(f"/proc/{pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
                is_ours = self.cgroup.name in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
                is_systemd = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "systemd"
                if pid > 1 and is_inside and is_ours and is_systemd:
                    return pid
        except (FileNotFoundError, ProcessLookupError):
            pass
        return 0

    # Inside.

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs ``command`` inside, as root."""
        assert self._pid > 1
        assert self._find_systemd() == self._pid, "the machine is down"
        environ = [f"{name}={value}" for name, value in _ENVIRON.items()]
        return ["nsenter", "-t", str(self._pid), "-a", "--", "env", "-i", *environ, *command]

    def run_now(
        self, *command: str, check: bool = True, text: str = "", timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, while everything here waits. Raises: AssertionError, with what it said."""
        line = self.command(*command)
        done = subprocess.run(line, input=text, capture_output=True, text=True, check=False, timeout=timeout_s)
        return _checked(done, check, command)

    async def run(self, *command: str, check: bool = True, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command inside. Raises: AssertionError, with what it said; trio.TooSlowError."""
        with trio.fail_after(timeout_s):
            raw = await trio.run_process(
                self.command(*command), capture_stdout=True, capture_stderr=True, check=False, stdin=b""
            )
        done = subprocess.CompletedProcess(command, raw.returncode, raw.stdout.decode(), raw.stderr.decode())
        return _checked(done, check, command)

    def path(self, inside: str) -> Path:
        """Return where a file of the machine is, seen from here."""
        return Path(f"/proc/{self._pid}/root") / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def written(self) -> set[str]:
        """Return all files that differ from the host's, but for those below /run, /tmp and /dev, kept in memory."""
        top = self.path("/run/written")
        return {f"/{path.relative_to(top)}" for path in top.rglob("*")}

    @contextmanager
    def network(self) -> Iterator[None]:
        """Have this thread's new sockets in the machine's network, whose only address is 127.0.0.1."""
        with (
            open("/proc/thread-self/ns/net") as ours,  # noqa: PTH123 - a descriptor is wanted
            open(f"/proc/{self._pid}/ns/net") as theirs,  # noqa: PTH123
        ):
            _enter_network(theirs.fileno())
            try:
                yield
            finally:
                _enter_network(ours.fileno())

    # The end.

    def close(self) -> None:
        """Power off and clean up. Raises: AssertionError if anything is left, or not as it was."""
        if self._pid and self._find_systemd() == self._pid:
            os.kill(self._pid, signal.SIGRTMIN + 14)  # systemd(1): power off at once
        process = getattr(self, "_process", None)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
        self._console.close()
        self.remove(self.directory, self.cgroup)
        after = Host.look()
        assert after == self._before, f"the machine was {self._before} and is {after}"

    @staticmethod
    def remove(directory: Path, cgroup: Path) -> None:
        """Remove what a machine that is down leaves: an empty mount point, two files, an empty cgroup.

        Raises: AssertionError if there is more.
        """
        assert _soon(lambda: _remove_cgroup(cgroup)), f"left behind: {cgroup}, which is in use"
        inside = [str(path) for path in (directory / "mnt").rglob("*")]
        assert not inside, f"left behind: {inside}"
        shutil.rmtree(directory)


def _checked(
    done: subprocess.CompletedProcess[str], check: bool, command: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    said = f"{done.stdout}\n{done.stderr}".strip()
    assert not check or done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {said}"
    return done


def _enter_network(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newnet = 0x4000_0000  # linux/sched.h; os.setns is there from Python 3.12 on
    if libc.setns(descriptor, clone_newnet) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _remove_cgroup(top: Path) -> bool:
    """Remove an empty tree of cgroups; False while a process is in it."""
    if not top.exists():
        return True
    for directory in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            directory.rmdir()
    with contextlib.suppress(OSError):
        top.rmdir()
    return not top.exists()


def _soon(condition: Callable[[], bool], limit_s: float = 5.0) -> bool:
    """Wait for what the kernel does by itself, and announces to nobody."""
    deadline = monotonic_s() + limit_s
    pause = signal.sigtimedwait
    while not condition():
        if monotonic_s() > deadline:
            return False
        pause(set(), 0.02)
    return True
