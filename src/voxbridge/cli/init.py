"""``voxbridge init``: a configuration file to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from voxbridge.config import template
from voxbridge.errors import ConfigError

_OWNER_ONLY = 0o600  # a token may be written into it


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("voxbridge.toml"))
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def init(file: Path, force: bool) -> None:
    """Write a configuration FILE with every setting as a comment. [default: ./voxbridge.toml]"""
    if force:
        file.unlink(missing_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise ConfigError("is there already; --force overwrites it", file=str(file)) from None
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror})", file=str(file)) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(template())
    click.echo(f"{file} is written. Set the bot's token in it, then run: voxbridge check")
