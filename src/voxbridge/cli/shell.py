"""What all commands share: where the configuration is, and how an error ends the process."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from voxbridge.cli.results import FULL
from voxbridge.config import Loaded, Settings, load_noting
from voxbridge.core.text.terminal import visible
from voxbridge.errors import VoxBridgeError

_EXIT_INTERRUPTED = 130

C = TypeVar("C", bound=Callable[..., Any])


def config_option(command: C) -> C:
    """Add ``--config FILE``: understood before and after the command's name, and the latter wins."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),  # what it is, the loader finds out: a mistake there has its exit code
        help="Configuration file. [default: ./voxbridge.toml, $VOXBRIDGE_CONFIG, /etc/voxbridge/voxbridge.toml]",
    )(command)


def chosen_file(ctx: click.Context, config: Path | None) -> Path | None:
    """Return the file that the command line names, if any."""
    named: Path | None = config or ctx.find_root().params.get("config")
    return named


def load_settings(ctx: click.Context, config: Path | None) -> Loaded:
    """Read the settings that the command line asks for. Raises: ConfigError."""
    return load_noting(chosen_file(ctx, config))


def tell_notes(loaded: Loaded) -> Settings:
    """Tell on stderr what is not as it stands in the file, and return the settings."""
    for one in loaded.notes:
        click.echo(f"voxbridge: {visible(str(one))}", err=True)
    return loaded.settings


class Shell(click.Group):
    """A group whose commands may raise a VoxBridgeError: one line on stderr, and the error's own exit code.

    Ctrl-C ends any command with 130, as a shell says it (128 + SIGINT).
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what is not one of ours stays a traceback, since it is a bug."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            return _stopped(ctx)
        except click.UsageError as error:
            if re.search(r"unexpected extra argument.*\.toml\b", error.message):
                hint = f"{error.message}: a configuration is named with --config FILE"
                raise click.UsageError(hint, ctx=error.ctx) from None
            raise
        except (VoxBridgeError, OSError, BaseExceptionGroup) as error:
            if any(isinstance(leaf, KeyboardInterrupt) for leaf in _leaves(error)):
                return _stopped(ctx)
            known = our_errors(error)
            if ctx.params.get("debug"):
                traceback.print_exception(error)
            for one in known:
                for line in (str(one), *getattr(one, "__notes__", ())):
                    click.echo(f"voxbridge: {visible(line)}", err=True)
            ctx.exit(max(one.exit_code for one in known))


def _stopped(ctx: click.Context) -> NoReturn:
    click.echo("voxbridge: stopped", err=True)
    ctx.exit(_EXIT_INTERRUPTED)


def our_errors(error: BaseException) -> list[VoxBridgeError]:
    """Return the errors of ours in an exception or in the groups that Trio's nurseries wrap it in.

    Raises: ``error`` itself if anything else is in it: then it is a bug, or a Ctrl-C, and no message of ours.
    """
    leaves = [_of_full_disk(leaf) for leaf in _leaves(error)]
    ours = [leaf for leaf in leaves if isinstance(leaf, VoxBridgeError)]
    if len(ours) != len(leaves):
        raise error
    return ours


def _of_full_disk(error: BaseException) -> BaseException:
    """Return our own error for a disk without room, wherever that was met; any other one as it is."""
    if isinstance(error, OSError) and error.errno in FULL:
        return VoxBridgeError(f"{error.filename or 'a file'} was not written: {error.strerror}")
    return error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
