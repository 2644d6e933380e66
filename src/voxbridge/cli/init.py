"""``voxbridge init``: a configuration file to start from."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click
from dotenv import dotenv_values

from voxbridge.config import settings_in, template
from voxbridge.core.text.terminal import visible
from voxbridge.errors import ConfigError

_OWNER_ONLY = 0o600  # a token may be written into it


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("voxbridge.toml"))
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar=".ENV",
    help="Take over the settings of an .env file of the original VoxBridge.",
)
@click.option("--force", is_flag=True, help="Write it anew if it is there; the old one is kept beside it as FILE.bak.")
def init(file: Path, source: Path | None, force: bool) -> None:
    """Write a configuration FILE with every setting as a comment. [default: ./voxbridge.toml]"""
    given, notes = ({}, []) if source is None else settings_in(_read(source))
    try:
        kept = _write(file, template(given), force=force)
    except FileExistsError:
        raise ConfigError("is there already; --force writes it anew", file=str(file)) from None
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror})", file=str(file)) from error
    if kept is not None:
        click.echo(f"The old one is kept as {kept}.")
    for note in notes:
        click.echo(f"voxbridge: {visible(str(note))}", err=True)
    if given:
        click.echo(f"Taken over: {', '.join(sorted(given))}.")
    wants = "" if "discord.token" in given else "Set the bot's token in it, then "
    click.echo(f"{file} is written. {wants}{'run' if wants else 'Run'}: voxbridge check")


def _read(source: Path) -> dict[str, str]:
    """Return what an .env file sets. Raises: ConfigError."""
    try:
        found = dotenv_values(source, interpolate=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read ({error})", file=str(source)) from error
    return {name: text for name, text in found.items() if text is not None}


def _write(file: Path, content: str, *, force: bool) -> Path | None:
    """Write a new file; an old one is copied first and then replaced in one step. Return where it went.

    Raises: OSError.
    """
    if not force or not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        try:
            _fill(descriptor, content)
        except OSError:
            file.unlink()  # half of it would look like a whole one
            raise
        return None
    kept = file.with_name(f"{file.name}.bak")
    shutil.copy2(file, kept)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    new = Path(name)
    try:
        _fill(descriptor, content)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    return kept


def _fill(descriptor: int, content: str) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
