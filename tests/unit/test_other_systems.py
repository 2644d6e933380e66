"""No call that only Linux has, but where something asks before whether it is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import voxbridge

pytestmark = pytest.mark.unit

SOURCES = Path(voxbridge.__file__).parent
# From the availability notes of Python's documentation of these modules: not on macOS.
ONLY_LINUX = {
    "os": "sched_getaffinity sched_setaffinity sched_setscheduler memfd_create pidfd_open eventfd splice sendfile "
    "posix_fadvise posix_fallocate getrandom setns unshare copy_file_range setresuid O_TMPFILE O_PATH O_DIRECT",
    "socket": "SOCK_CLOEXEC SOCK_NONBLOCK SO_PEERCRED SO_BINDTODEVICE SO_MARK TCP_KEEPIDLE TCP_USER_TIMEOUT "
    "TCP_QUICKACK IP_TRANSPARENT AF_NETLINK AF_VSOCK",
    "signal": "SIGRTMIN SIGRTMAX SIGPWR SIGSTKFLT sigwaitinfo sigtimedwait",
    "select": "epoll",
    "time": "CLOCK_BOOTTIME CLOCK_TAI",
    "resource": "prlimit RLIMIT_RTTIME RLIMIT_SIGPENDING",
}
GUARDED = {
    ("ops/only_one.py", "SOCK_CLOEXEC"): "sys.platform is asked first",
    ("ops/notify.py", "SOCK_CLOEXEC"): "only where systemd has set $NOTIFY_SOCKET",
    ("ops/notify.py", "SOCK_NONBLOCK"): "only where systemd has set $NOTIFY_SOCKET",
    ("ops/journald.py", "SOCK_CLOEXEC"): "only where systemd has set $JOURNAL_STREAM",
    ("ops/journald.py", "SOCK_NONBLOCK"): "only where systemd has set $JOURNAL_STREAM",
    ("session/judge.py", "sched_getaffinity"): "hasattr is asked first",
}


def linux_calls(source: str) -> set[str]:
    """Return the names of Linux' own that a module uses."""
    known = {module: set(names.split()) for module, names in ONLY_LINUX.items()}
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = node.value.id.removeprefix("stdlib_")
            if node.attr in known.get(module, ()):
                found.add(node.attr)
    return found


def test_what_only_linux_has_is_asked_for_first() -> None:
    """`rehearse` and `talk` run where these names are missing; each use has its reason here."""
    found = {
        (path.relative_to(SOURCES).as_posix(), name)
        for path in SOURCES.rglob("*.py")
        for name in linux_calls(path.read_text("utf-8"))
    }
    assert found == set(GUARDED)


def test_paths_of_linux_are_read_by_what_is_linux_only() -> None:
    """/proc and /sys are not there on other systems: nobody opens them."""
    opened = [path for path in SOURCES.rglob("*.py") if '"/proc' in path.read_text("utf-8")]
    assert opened == []


def test_the_reader_finds_what_it_looks_for() -> None:
    """Attribute by attribute, also of a module under another name."""
    assert linux_calls("import os, socket as stdlib_socket\nos.splice\nstdlib_socket.SO_MARK\n") == {
        "splice",
        "SO_MARK",
    }
