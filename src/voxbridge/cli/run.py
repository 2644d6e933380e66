"""``voxbridge run``: the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from voxbridge.cli.shell import config_option, load_settings
from voxbridge.config import secret_values
from voxbridge.errors import ConfigError


@click.command()
@config_option
@click.pass_context
def run(ctx: click.Context, config: Path | None) -> None:
    """Run the daemon in the foreground until a signal ends it (systemd starts this)."""
    loaded = load_settings(ctx, config)
    settings = loaded.settings
    if not settings.discord.token:
        raise ConfigError(
            "the bot's token is missing: set it in the file, as $DISCORD_TOKEN, or as systemd's credential "
            "discord-token",
            key="discord.token",
        )
    from voxbridge import daemon
    from voxbridge.ops import logs

    logs.configure(settings.log, secret_values(settings))
    logs.warn_of_notes(loaded.notes)
    ctx.exit(daemon.run(settings, loaded.file))
