"""`python -m tests.scenes [--only A1] [--quick]`: play the scenes through the real daemon; say what got through."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import trio

from tests.scenes import SCENES
from tests.scenes.scene import Played, perform, table
from tests.scenes.talks import TALKS


@click.command()
@click.option("--only", multiple=True, help="The line of the list (A1), or a part of the scene's name.")
@click.option("--quick", is_flag=True, help="Those that CI plays.")
def main(only: tuple[str, ...], quick: bool) -> None:
    """Play the scenes; with real outages of 45 and 75 s that takes ten minutes. Conversations take three more."""
    failed = _play_scenes(only, quick=quick) + (0 if quick else _play_talks(only))
    sys.exit(bool(failed))


def _is_meant(only: tuple[str, ...], line: str, name: str) -> bool:
    return not only or any(word in (line, name) for word in only)


def _play_talks(only: tuple[str, ...]) -> int:
    """Play the conversations; return how many went wrong."""
    failed = 0
    for talk in TALKS:
        if not _is_meant(only, talk.line, talk.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                account = trio.run(talk.play, Path(folder))
            except AssertionError as error:
                failed += 1
                account = [str(error)]
        click.echo("\n".join([f"{talk.line} {talk.name}", *(f"  {line}" for line in account)]))
    return failed


def _play_scenes(only: tuple[str, ...], *, quick: bool) -> int:
    """Play what Discord and its people do; return how many went wrong."""
    played: list[Played] = []
    failed = 0
    for scene in SCENES:
        if (quick and not scene.is_quick) or not _is_meant(only, scene.line, scene.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                played.append(trio.run(perform, scene, Path(folder)))
            except AssertionError as error:
                failed += 1
                click.echo(f"{scene.line} {scene.name}: {error}")
                continue
        click.echo(table(played[-1:]).splitlines()[-len(played[-1].accounts) :][0], err=True)
    if played:
        click.echo(table(played))
    return failed


if __name__ == "__main__":
    main()
