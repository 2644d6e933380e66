"""`python -m tests.scenes [--only A1] [--quick]`: play the scenes through the real daemon; say what got through."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import trio

from tests.scenes import SCENES
from tests.scenes.scene import Played, perform, table


@click.command()
@click.option("--only", multiple=True, help="The line of the list (A1), or a part of the scene's name.")
@click.option("--quick", is_flag=True, help="Those that CI plays.")
def main(only: tuple[str, ...], quick: bool) -> None:
    """Play the scenes; with real outages of 45 and 75 s that takes ten minutes."""
    played: list[Played] = []
    failed = 0
    for scene in SCENES:
        if (quick and not scene.is_quick) or (only and not any(word in (scene.line, scene.name) for word in only)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                played.append(trio.run(perform, scene, Path(folder)))
            except AssertionError as error:
                failed += 1
                click.echo(f"{scene.line} {scene.name}: {error}")
                continue
        click.echo(table(played[-1:]).splitlines()[-len(played[-1].accounts) :][0], err=True)
    click.echo(table(played))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
