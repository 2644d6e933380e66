"""``voxbridge version``: what a bug report wants to know."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from voxbridge import __version__

_LIBRARIES = ("trio", "discord.py", "davey", "httpx", "onnxruntime", "ctranslate2", "hibari-tts")


@click.command()
def version() -> None:
    """Show the version, and those of the libraries that matter."""
    click.echo(f"voxbridge {__version__}")
    click.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in _LIBRARIES:
        try:
            click.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            click.echo(f"{name} not installed")
