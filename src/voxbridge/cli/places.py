"""The places that ``voxbridge run`` will want on this host: ports, sockets, files. Nothing is left behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from voxbridge.cli.findings import Finding, ok, problem, warning
from voxbridge.config import Settings
from voxbridge.errors import EXIT_CONFIG
from voxbridge.ops.sockets import CannotListen, bind_tcp, control_path
from voxbridge.storage.place import storage_path

_SOCKET_PATH_BYTES_MAX = 103  # sockaddr_un: 107 on Linux, 103 on macOS


def check_places(settings: Settings) -> Iterator[Finding]:
    """Look whether the daemon could listen and write where the configuration says."""
    yield from _health(settings.health.listen)
    yield from _control(settings.control.socket)
    yield from _journal(settings.journal.file)
    yield from _storage(settings.storage.file)


def _health(listen: str) -> Iterator[Finding]:
    if not listen:
        return
    try:
        bind_tcp(listen).close()
    except CannotListen as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            # One that runs already holds it: then it is no fault, and the daemon goes on without it in any case.
            yield warning("health", f"{error}. If a daemon runs already, it is that; else set another [health] listen")
        elif isinstance(cause, PermissionError):
            yield problem("health", f"{error}: ports below 1024 are not for this user", exit_code=EXIT_CONFIG)
        else:
            text = f"{error}: [health] listen wants an address of this host, such as 127.0.0.1, and a port"
            yield problem("health", text, exit_code=EXIT_CONFIG)
    else:
        yield ok("health", f"http://{listen}/healthz, /readyz and /metrics")


def _control(setting: str) -> Iterator[Finding]:
    path = control_path(setting)
    if path is None:
        yield warning(
            "control",
            "`voxbridge ctl` will not reach a daemon started from here: neither [control] socket nor $XDG_RUNTIME_DIR "
            "is set (under systemd it has its own place)",
        )
    elif why := _no_socket(path) or _unwritable(path.parent if path.parent.exists() else path.parent.parent):
        yield problem("control", f"[control] socket: {why}", exit_code=EXIT_CONFIG)
    else:
        yield ok("control", str(path))


def _no_socket(path: Path) -> str | None:
    """Return why there can be no socket of this name; None: there can."""
    if len(os.fsencode(path)) > _SOCKET_PATH_BYTES_MAX:
        return f"a socket's path has at most {_SOCKET_PATH_BYTES_MAX} bytes"
    return f"{path} is there, and is no socket" if path.exists() and not path.is_socket() else None


def _storage(setting: str) -> Iterator[Finding]:
    path = storage_path(setting)
    if not setting or path is None:  # the daemon makes its own place, and says where it cannot
        return
    if (why := _no_file(path)) is not None:
        yield problem("storage", f"[storage] file: {why}", exit_code=EXIT_CONFIG)
    else:
        yield ok("storage", f"{path} keeps what lasts over restarts")


def _journal(setting: str) -> Iterator[Finding]:
    if not setting:
        return
    path = Path(setting)
    if (why := _no_file(path)) is not None:
        yield problem("journal", f"[journal] file: {why}", exit_code=EXIT_CONFIG)
    else:
        yield ok("journal", f"turns are recorded in {path}, with what was said")


def _no_file(path: Path) -> str | None:
    """Return why this user cannot write a file; None: he can."""
    if path.parts[:1] == ("~",):
        return f"write the whole path instead of ~: {path}"
    if path.is_dir():
        return f"{path} is a directory"
    if path.exists() and not os.access(path, os.W_OK):
        return f"{path} may not be written by this user"
    return _unwritable(path.parent)


def _unwritable(directory: Path) -> str | None:
    """Return why this user can make nothing in a directory; None: he can."""
    if not directory.exists():
        return f"the directory {directory} is not there"
    if not directory.is_dir():
        return f"{directory} is not a directory"
    return None if os.access(directory, os.W_OK | os.X_OK) else f"this user may not write in {directory}"
