"""``voxbridge workflows``: sample n8n workflows to import."""

from __future__ import annotations

import json
from pathlib import Path

import click

from voxbridge.errors import ConfigError


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("n8n-workflows"),
    show_default=True,
    help="Directory to write them into.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def workflows(out: Path, force: bool) -> None:
    """Write sample n8n workflows, to be imported in n8n's editor and activated there."""
    from voxbridge.stages.agent.workflows import samples

    texts = samples()
    if not force and (there := [name for name in texts if (out / name).exists()]):
        raise ConfigError("is there already; --force overwrites it", file=str(out / there[0]))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
            click.echo(f"{out / name}  {json.loads(text)['name']}")
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror})", file=str(error.filename or out)) from error
    click.echo("Import one in n8n (Workflows, menu, Import from file), activate it, and set agent.url to its webhook.")
