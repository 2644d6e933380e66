"""Where the daemon listens: the control socket, by its permissions the owner's and the group's; health on TCP."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from voxbridge.errors import VoxBridgeError
from voxbridge.ops.only_one import AlreadyRunning

CONTROL = "control"  # also FileDescriptorName= of a socket unit
SYSTEM_DIRECTORY = Path("/run/voxbridge")
_OWNER_AND_GROUP = 0o660
_BACKLOG = 16
_PORT_MAX = 65_535


class CannotListen(VoxBridgeError):
    """An address is taken or not ours to use. The daemon goes on without it."""


def control_path(setting: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where the daemon's control socket belongs, or None if there is no directory for it.

    The setting; else systemd's RuntimeDirectory= (also set for ExecReload=, so that ctl finds its own instance);
    else the user's runtime directory.
    """
    if setting:
        return Path(setting)
    if directories := environ.get("RUNTIME_DIRECTORY"):
        return Path(directories.split(":")[0]) / f"{CONTROL}.sock"  # systemd.exec(5): several are joined by colons
    if directory := environ.get("XDG_RUNTIME_DIR"):
        return Path(directory) / "voxbridge" / f"{CONTROL}.sock"
    return None


def bind_unix(path: Path) -> socket.socket:
    """Return a listening unix socket that its owner and group may open. Raises: CannotListen, AlreadyRunning.

    What an earlier process left behind is removed; a socket that somebody still answers on is not.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
        if not _clear(path):
            raise AlreadyRunning(f"a daemon answers on {path} already: stop it first, or set another [control] socket")
        # Bound with the permissions it is to have: between bind and chmod nobody slips in.
        before = os.umask(0o777 & ~_OWNER_AND_GROUP)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
    except AlreadyRunning:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        raise CannotListen(f"cannot listen on {path}: {error.strerror or error}") from error
    return listener


def _clear(path: Path) -> bool:
    """Remove a socket that nobody holds open any more; False if somebody does."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return True  # what is no socket is for bind to refuse
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return True
        return False


def bind_tcp(listen: str) -> socket.socket:
    """Return a listening TCP socket for ``host:port``. Raises: CannotListen."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not port.isdecimal() or int(port) > _PORT_MAX:
        raise CannotListen(f"cannot listen on {listen}: {port} is not a port number")
    try:
        return socket.create_server(
            (host, int(port)),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        raise CannotListen(f"cannot listen on {listen}: {error.strerror or error}") from error
