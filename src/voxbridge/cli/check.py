"""``voxbridge check``: says what is wrong and how to mend it, before anybody is in a voice channel."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import click
import trio

from voxbridge.cli.findings import Finding, failed, gravest, warning
from voxbridge.cli.shell import chosen_file, config_option, load_settings, tell_notes
from voxbridge.config import Loaded, describe, find_file, secret_values
from voxbridge.core.text.terminal import visible_json
from voxbridge.errors import ConfigError


@click.command()
@config_option
@click.option("--offline", is_flag=True, help="Do not ask Discord and the backends; check only this host.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, for programs.")
@click.option("--settings", "show_settings", is_flag=True, help="Show the settings as JSON, secrets masked, and stop.")
@click.pass_context
def check(ctx: click.Context, config: Path | None, offline: bool, as_json: bool, show_settings: bool) -> None:
    """Check configuration, libraries, Discord and the backends. Exits with 0, with 1, or with 78 (configuration)."""
    file = chosen_file(ctx, config) or find_file()
    try:
        loaded = load_settings(ctx, config)
    except ConfigError as error:
        found = failed("config", error)
        if as_json:
            _print_all(found)
        else:
            for finding in found:
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
    found = trio.run(_find, loaded, file, offline, not as_json)
    if as_json:
        _print_all(found)
    ctx.exit(gravest(found))


async def _find(loaded: Loaded, file: Path | None, offline: bool, shows: bool) -> list[Finding]:
    """Return the findings; ``shows``: each is printed as it comes."""
    found: list[Finding] = []
    async for finding in _findings(loaded, file, offline):
        found.append(finding)
        if shows:
            finding.show()
    return found


def _print_all(found: list[Finding]) -> None:
    record = {"exit_code": gravest(found), "findings": [attrs.asdict(finding) for finding in found]}
    click.echo(visible_json(json.dumps(record, indent=2, ensure_ascii=False)))


async def _findings(loaded: Loaded, file: Path | None, offline: bool) -> AsyncIterator[Finding]:
    from voxbridge.cli import checks
    from voxbridge.cli.places import check_places

    settings = loaded.settings
    of_file = (*checks.check_file(file), *(warning("config", str(one)) for one in loaded.notes))
    of_host = (
        *checks.check_opus(),
        *checks.check_models(settings),
        *check_places(settings),
        *checks.check_discord_settings(settings),
    )
    for finding in (*of_file, *of_host):
        yield finding
    if offline:
        return
    async for finding in checks.check_discord(settings):
        yield finding
    async for finding in checks.check_stages(settings):
        yield finding
