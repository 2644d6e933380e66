"""The places that ``voxbridge run`` will want on this host: ports, sockets, files. Nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from voxbridge.cli.findings import Finding, ok, problem, warning
from voxbridge.config import Settings
from voxbridge.errors import EXIT_CONFIG
from voxbridge.ops.sockets import CannotListen, bind_tcp, control_path


def check_places(settings: Settings) -> Iterator[Finding]:
    """Look whether the daemon could listen and write where the configuration says."""
    yield from _health(settings.health.listen)
    yield from _control(settings.control.socket)
    yield from _journal(settings.journal.file)


def _health(listen: str) -> Iterator[Finding]:
    if not listen:
        return
    try:
        bind_tcp(listen).close()
    except CannotListen as error:
        # One that runs already holds it: then it is no fault, and the daemon goes on without it in any case.
        yield warning("health", f"{error}. If a daemon runs already, it is that; else set another [health] listen")
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
    elif (why := _unwritable(path.parent if path.parent.exists() else path.parent.parent)) is not None:
        yield problem("control", f"[control] socket: {why}", exit_code=EXIT_CONFIG)
    else:
        yield ok("control", str(path))


def _journal(setting: str) -> Iterator[Finding]:
    if not setting:
        return
    path = Path(setting)
    why = f"{path} is a directory" if path.is_dir() else _unwritable(path.parent)
    if why is None and path.exists() and not os.access(path, os.W_OK):
        why = f"{path} may not be written by this user"
    if why is not None:
        yield problem("journal", f"[journal] file: {why}", exit_code=EXIT_CONFIG)
    else:
        yield ok("journal", f"turns are recorded in {path}, with what was said")


def _unwritable(directory: Path) -> str | None:
    """Return why this user can make nothing in a directory; None: he can."""
    if not directory.exists():
        return f"the directory {directory} is not there"
    if not directory.is_dir():
        return f"{directory} is not a directory"
    return None if os.access(directory, os.W_OK | os.X_OK) else f"this user may not write in {directory}"
