"""``voxbridge completion``: what a shell needs to complete our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_NAME = "voxbridge"
_ASKS = "_VOXBRIDGE_COMPLETE"  # the variable in which click's own script asks the program


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and file names in your SHELL.

    For bash: voxbridge completion bash > ~/.local/share/bash-completion/completions/voxbridge
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click completes these three"
    click.echo(kind(ctx.find_root().command, {}, _NAME, _ASKS).source())
