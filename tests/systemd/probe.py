"""Run inside a unit's sandbox (as ExecStartPre=, by the unit's user): try what must not work, say what came of it.

One JSON line on stdout, name -> "ok" or the errno. It tries only what would be harmless if it worked.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import resource
import socket
from pathlib import Path

_READ, _WRITE, _EXECUTE = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
_CLONE_NEWUSER, _CLONE_NEWNS = 0x1000_0000, 0x2_0000


def _libc(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args) == -1:
        raise OSError(ctypes.get_errno(), name)


def _names(directory):
    return [path.name for path in Path(directory).iterdir()]


def _read(path):
    return lambda: Path(path).read_bytes()


def _list(path, *, but=""):
    """Look for anything in a directory beside what is ours."""

    def look():
        if not [file for file in Path(path).iterdir() if file.name != Path(but).name]:
            raise FileNotFoundError(errno.ENOENT, "empty")

    return look


def _write(directory):
    def make():
        file = Path(directory) / f"voxbridge-probe-{os.getpid()}"
        file.write_text("")
        file.unlink()

    return make


def _open_socket(family, kind=socket.SOCK_STREAM):
    return lambda: socket.socket(family, kind).close()


def _make_executable():
    """Write code, then run it: the other way round than a mapping that is both at once."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=_READ | _WRITE) as memory:
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        _libc("mprotect", ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), _READ | _EXECUTE)


def _other_processes():
    if all(name == str(os.getpid()) for name in _names("/proc") if name.isdecimal()):
        raise FileNotFoundError(errno.ENOENT, "only ourselves")


TRIES = {
    "read the configuration": _read("/etc/voxbridge/voxbridge.toml"),
    "read the token's file": _read("/etc/voxbridge/discord-token"),
    "read /etc/shadow": _read("/etc/shadow"),
    "list /root": _list("/root"),
    "list /home": _list("/home"),
    "see others' credentials": _list("/run/credentials", but=os.environ.get("CREDENTIALS_DIRECTORY", "")),
    "see others' state": _list("/var/lib/private", but=os.environ.get("STATE_DIRECTORY", "")),
    "see other processes": _other_processes,
    "read the kernel's log": _read("/dev/kmsg"),
    "write /etc": _write("/etc"),
    "write /usr": _write("/usr"),
    "write /opt/voxbridge": _write("/opt/voxbridge"),
    "write /run": _write("/run"),
    "write /var/lib": _write("/var/lib"),
    "write /proc/sys": lambda: Path("/proc/sys/kernel/hostname").write_text("probe"),
    "write /tmp": _write("/tmp"),
    "write the cache": _write(os.environ["CACHE_DIRECTORY"]),
    "AF_UNIX": _open_socket(socket.AF_UNIX),
    "AF_INET": _open_socket(socket.AF_INET),
    "AF_INET6": _open_socket(socket.AF_INET6),
    "AF_NETLINK": _open_socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "AF_PACKET": _open_socket(socket.AF_PACKET, socket.SOCK_RAW),
    "AF_VSOCK": _open_socket(socket.AF_VSOCK),
    "memory writable and executable": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=_READ | _WRITE | _EXECUTE).close(),
    "memory made executable": _make_executable,
    "new user namespace": lambda: _libc("unshare", _CLONE_NEWUSER),
    "new mount namespace": lambda: _libc("unshare", _CLONE_NEWNS),
    "become root": lambda: os.setuid(0),
    "real-time scheduling": lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
    "set the host's name": lambda: socket.sethostname("probe"),
    "trace a process": lambda: _libc("ptrace", 0, 0, 0, 0),
    "pin a thread": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
}


def _outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    return "ok"


def main():
    found = {name: _outcome(attempt) for name, attempt in TRIES.items()}
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    found |= {name: status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")}
    with contextlib.suppress(OSError):
        found["devices"] = sorted(_names("/dev"))
    found["interfaces"] = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    found["core bytes"] = resource.getrlimit(resource.RLIMIT_CORE)[1]
    found["user"] = os.getuid()
    print("probe " + json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
