"""``voxbridge man``: the manual page, made from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from voxbridge import __version__
from voxbridge.cli.roff import bold, entry, escaped, header, heading, paragraphs, subheading
from voxbridge.errors import EXIT_CONFIG, EXIT_FAILURE

_NAME = "voxbridge"
_FILES = {
    "./voxbridge.toml": "The configuration, if it is there.",
    "/etc/voxbridge/voxbridge.toml": "The configuration of the service.",
    "/etc/voxbridge/discord-token": "The bot's token, which the service is handed by systemd.",
}
_ENVIRONMENT = {
    "VOXBRIDGE_CONFIG": "The configuration file, where ./voxbridge.toml is not there.",
    "DISCORD_TOKEN": "The bot's token. The other names that the original VoxBridge knew work as well.",
    "NO_COLOR": "Set to anything: no colours.",
}
_EXIT_CODES = {
    0: "Done.",
    EXIT_FAILURE: "It failed; the reason is on stderr.",
    2: "The command line is wrong.",
    EXIT_CONFIG: "The configuration is wrong, or Discord refuses the token. systemd does not try again.",
    130: "Ctrl-C.",
}
_WEB = "https://github.com/voxbridge/voxbridge-discord"


@click.command()
@click.pass_context
def man(ctx: click.Context) -> None:
    """Print the manual page, in roff: voxbridge man > voxbridge.1, then man ./voxbridge.1."""
    for line in manual(ctx.find_root().command):
        click.echo(line)


def manual(root: click.Command) -> list[str]:
    """Return the lines of the page for a command and all that are below it."""
    with click.Context(root, info_name=_NAME) as ctx:
        about, *more = _paragraphs_of(root)
        lines = header(_NAME, 1, f"{_NAME} {__version__}", "User Commands")
        lines += [*heading("Name"), rf"{escaped(_NAME)} \- {escaped(about.rstrip('.'))}"]
        lines += [*heading("Synopsis"), *_synopsis(ctx)]
        lines += [*heading("Description"), *paragraphs([about, *more])]
        lines += [*heading("Options"), *_options(ctx), *heading("Commands")]
        for below in _below(ctx):
            title = below.command_path.removeprefix(f"{_NAME} ")
            lines += [*subheading(title), *_synopsis(below), *paragraphs(_paragraphs_of(below.command))]
            lines += _options(below)
    for title, rows in (("Exit status", _EXIT_CODES), ("Environment", _ENVIRONMENT), ("Files", _FILES)):
        lines += heading(title)
        for term, text in rows.items():
            lines += entry(str(term), text)
    return [*lines, *heading("See also"), *paragraphs([_WEB])]


def _below(ctx: click.Context) -> Iterator[click.Context]:
    """Yield each command below one, in the order of the alphabet, and what is below that after it."""
    if not isinstance(ctx.command, click.Group):
        return
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.get_command(ctx, name)
        if command is None or command.hidden:
            continue
        with click.Context(command, info_name=name, parent=ctx) as below:
            yield below
            yield from _below(below)


def _synopsis(ctx: click.Context) -> list[str]:
    return [".PP", f"{bold(ctx.command_path)} {escaped(' '.join(ctx.command.collect_usage_pieces(ctx)))}"]


def _paragraphs_of(command: click.Command) -> list[str]:
    return inspect.cleandoc(command.help or "").split("\n\n")


def _options(ctx: click.Context) -> list[str]:
    """Return the options of a command; ``--help`` once, with the whole program's."""
    lines: list[str] = []
    for parameter in ctx.command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None or isinstance(parameter, click.Argument):
            continue
        if "--help" in parameter.opts and ctx.parent is not None:
            continue
        lines += entry(*record)
    return lines
