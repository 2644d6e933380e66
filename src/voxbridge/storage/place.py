"""Where the file of what lasts belongs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "voxbridge.db"


def storage_path(setting: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file's path, or None if there is no directory for it.

    The setting; else systemd's StateDirectory=; else the user's state directory (XDG Base Directory Specification).
    """
    if setting:
        return Path(setting)
    if directories := environ.get("STATE_DIRECTORY"):
        return Path(directories.split(":")[0]) / FILE_NAME  # systemd.exec(5): several are joined by colons
    if directory := environ.get("XDG_STATE_HOME"):
        return Path(directory) / "voxbridge" / FILE_NAME
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "voxbridge" / FILE_NAME
    return None
