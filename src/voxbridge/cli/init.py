"""``voxbridge init``: a configuration file to start from."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click

from voxbridge.config import template
from voxbridge.errors import ConfigError

_OWNER_ONLY = 0o600  # a token may be written into it


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("voxbridge.toml"))
@click.option("--force", is_flag=True, help="Write it anew if it is there; the old one is kept beside it as FILE.bak.")
def init(file: Path, force: bool) -> None:
    """Write a configuration FILE with every setting as a comment. [default: ./voxbridge.toml]"""
    try:
        kept = _write(file, force=force)
    except FileExistsError:
        raise ConfigError("is there already; --force writes it anew", file=str(file)) from None
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror})", file=str(file)) from error
    if kept is not None:
        click.echo(f"The old one is kept as {kept}.")
    click.echo(f"{file} is written. Set the bot's token in it, then run: voxbridge check")


def _write(file: Path, *, force: bool) -> Path | None:
    """Write a new file; an old one is copied first and then replaced in one step. Return where it went.

    Raises: OSError.
    """
    if not force or not file.exists():
        _fill(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))
        return None
    kept = file.with_name(f"{file.name}.bak")
    shutil.copy2(file, kept)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    new = Path(name)
    try:
        _fill(descriptor)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    return kept


def _fill(descriptor: int) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(template())
        out.flush()
        os.fsync(out.fileno())
