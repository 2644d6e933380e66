"""``voxbridge check``: says what is wrong and how to mend it, before anybody is in a voice channel."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import click
import trio

from voxbridge.cli.findings import Finding, failed, warning
from voxbridge.cli.shell import chosen_file, config_option, load_settings, tell_notes
from voxbridge.config import Loaded, describe, find_file, secret_values
from voxbridge.core.text.terminal import visible_json
from voxbridge.errors import ConfigError


@click.command()
@config_option
@click.option("--offline", is_flag=True, help="Do not ask Discord and the backends; check only this host.")
@click.option("--settings", "show_settings", is_flag=True, help="Show the settings as JSON, secrets masked, and stop.")
@click.pass_context
def check(ctx: click.Context, config: Path | None, offline: bool, show_settings: bool) -> None:
    """Check configuration, libraries, Discord and the backends. Exits with 0, with 1, or with 78 (configuration)."""
    file = chosen_file(ctx, config) or find_file()
    try:
        loaded = load_settings(ctx, config)
    except ConfigError as error:
        for finding in failed("config", error):
            finding.show()
        ctx.exit(error.exit_code)
    settings = loaded.settings
    if show_settings:
        tell_notes(loaded)  # not among the JSON
        click.echo(visible_json(json.dumps(describe(settings), indent=2, ensure_ascii=False)))
        return
    from voxbridge.ops import logs

    # what goes wrong is told by the findings
    logs.configure(attrs.evolve(settings.log, level="error"), secret_values(settings))
    ctx.exit(trio.run(_show, loaded, file, offline))


async def _show(loaded: Loaded, file: Path | None, offline: bool) -> int:
    """Print the findings as they come and return the exit code: the gravest."""
    exit_code = 0
    async for finding in _findings(loaded, file, offline):
        finding.show()
        exit_code = max(exit_code, finding.exit_code)
    return exit_code


async def _findings(loaded: Loaded, file: Path | None, offline: bool) -> AsyncIterator[Finding]:
    from voxbridge.cli import checks

    settings = loaded.settings
    of_file = (*checks.check_file(file), *(warning("config", str(one)) for one in loaded.notes))
    for finding in (*of_file, *checks.check_opus(), *checks.check_models(settings)):
        yield finding
    if offline:
        return
    async for finding in checks.check_discord(settings):
        yield finding
    async for finding in checks.check_stages(settings):
        yield finding
