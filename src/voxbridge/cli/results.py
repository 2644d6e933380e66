"""Results that a command writes: a file is whole or was not touched, and what could not be written is one line."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from voxbridge.errors import VoxBridgeError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room left."""


def write_result(file: Path, content: bytes) -> None:
    """Write a file in one step: what was there before is there until all of it is written. Raises: VoxBridgeError."""
    try:
        if file.exists() and not file.is_file():
            file.write_bytes(content)  # a pipe or a device has no place beside it
        else:
            _replace(file, content)
    except OSError as error:
        raise not_written(file, error) from error


def not_written(file: Path, error: OSError) -> VoxBridgeError:
    """Return the line that tells of a file that could not be written."""
    return VoxBridgeError(f"{file} was not written: {error.strerror or error}")


def _replace(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        new.chmod(0o666 & ~_umask())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
