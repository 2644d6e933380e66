"""The command line: one small module per command. What is heavy is imported inside the command that needs it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from voxbridge import __version__
from voxbridge.cli.check import check
from voxbridge.cli.completion import completion
from voxbridge.cli.ctl import ctl
from voxbridge.cli.engines import engines
from voxbridge.cli.init import init
from voxbridge.cli.man import man
from voxbridge.cli.rehearse import rehearse
from voxbridge.cli.run import run
from voxbridge.cli.shell import Shell, config_option
from voxbridge.cli.talk import talk
from voxbridge.cli.version import version
from voxbridge.cli.workflows import workflows


@click.group(cls=Shell, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="voxbridge", message="%(prog)s %(version)s")
@config_option
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, config: Path | None, debug: bool) -> None:  # noqa: ARG001 - each command reads them
    """Talk to an AI agent in a Discord voice channel."""
    if os.environ.get("NO_COLOR"):  # no-color.org: whatever it is set to
        ctx.color = False


for command in (run, ctl, rehearse, talk, check, init, engines, workflows, completion, man, version):
    main.add_command(command)
