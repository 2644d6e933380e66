"""``voxbridge engines``: the embedded engines as a service of their own, for this host or another."""

from __future__ import annotations

import os
from pathlib import Path

import click

from voxbridge.config.service import EnginesSettings, LogSettings

_DEFAULTS = EnginesSettings()


@click.command()
@click.option("--socket", type=click.Path(dir_okay=False, path_type=Path), help="Listen on this unix socket.")
@click.option("--listen", metavar="HOST:PORT", help="Listen on TCP. Whoever can connect can use the engines.")
@click.option(
    "--model-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory with another Whisper model, in the format of ctranslate2.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=_DEFAULTS.workers,
    show_default=True,
    help="Number of threads that compute.",
)
@click.pass_context
def engines(ctx: click.Context, socket: Path | None, listen: str | None, model_dir: Path | None, workers: int) -> None:
    """Serve the embedded engines on the protocols of WhisperX, n8n and Chatterbox until a signal ends it.

    Without --socket and --listen it wants systemd's socket activation: then it serves the socket it is handed.

    It reads no configuration file: the daemon's names secrets that this service has no business with.
    """
    from voxbridge.ops.notify import Notifier, take_listen_fds

    handed = list(take_listen_fds(os.environ).values())
    if [socket is None, listen is None, not handed].count(False) != 1:
        raise click.UsageError("give either --socket or --listen (or have systemd hand over one socket)")
    notifier = Notifier.from_environ(os.environ)
    from voxbridge import engines as package
    from voxbridge.ops import logs

    logs.configure(LogSettings())
    settings = EnginesSettings(model_dir=str(model_dir or ""), workers=workers)
    place = f"fd:{handed[0]}" if handed else _place(socket, listen)

    def tell_ready(address: str) -> None:
        notifier.ready(f"listening on {address}")

    ctx.exit(package.run(settings, listen=place, on_ready=tell_ready, on_alive=notifier.pet))


def _place(socket: Path | None, listen: str | None) -> str:
    """Return where to listen: a path with a slash in it, or host:port."""
    if socket is not None:
        return str(socket.absolute())
    host, _, port = (listen or "").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"{listen} is not HOST:PORT", param_hint="--listen")
    return f"{host}:{port}"
