"""``voxbridge init``: a configuration file to start from."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
from dotenv.parser import parse_stream

from voxbridge.config import settings_in, template
from voxbridge.config.mending import Note
from voxbridge.core.text.terminal import visible
from voxbridge.errors import ConfigError

_OWNER_ONLY = 0o600  # a token may be written into it


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("voxbridge.toml"))
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),  # what it is, the reading finds out: a mistake there has its exit code
    metavar=".ENV",
    help="Take over the settings of an .env file of the original VoxBridge.",
)
@click.option("--force", is_flag=True, help="Write it anew if it is there; the old one is kept beside it as FILE.bak.")
def init(file: Path, source: Path | None, force: bool) -> None:
    """Write a configuration FILE with every setting as a comment. [default: ./voxbridge.toml]"""
    given, notes = ({}, []) if source is None else _taken_over(source)
    if file.is_dir():
        raise ConfigError("is a directory: name the file", file=str(file))
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


def _taken_over(source: Path) -> tuple[dict[str, Any], list[Note]]:
    """Return the settings in an .env file, and what is left out of it. Raises: ConfigError, naming the file."""
    try:
        return settings_in(_read(source))
    except ConfigError as error:
        error.file = f"{source}: {error.file}" if error.file != str(source) else error.file
        raise


def _read(source: Path) -> dict[str, str]:
    """Return what an .env file sets; a line that is none is a mistake, since a setting may be lost with it.

    Raises: ConfigError.
    """
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(source)) from error
    except ValueError as error:  # not UTF-8, or a path that no file system takes
        raise ConfigError("is not UTF-8 text: save it as UTF-8", file=str(source)) from error
    found = list(parse_stream(io.StringIO(text)))
    for each in found:
        if each.error:
            raise ConfigError(f"line {each.original.line} is not NAME=value", file=str(source))
    return {each.key: each.value for each in found if each.key is not None and each.value is not None}


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
