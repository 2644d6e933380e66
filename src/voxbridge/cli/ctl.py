"""``voxbridge ctl``: what the operator asks of a running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from voxbridge.cli.door import SLOW_S, Door, find_socket
from voxbridge.cli.shell import chosen_file, config_option
from voxbridge.cli.status import show_event, show_status
from voxbridge.core.text.terminal import visible_json, visible_value
from voxbridge.errors import EXIT_FAILURE, ConfigError

_CHARACTER_S = 0.2  # a voice says some 15 in a second; what waits before it takes its time as well
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_GUILD = click.argument("guild", metavar="GUILD")


@click.group()
@config_option
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="The daemon's control socket. [default: [control] socket of the configuration, $RUNTIME_DIRECTORY, "
    "$XDG_RUNTIME_DIR/voxbridge, /run/voxbridge]",
)
@click.pass_context
def ctl(ctx: click.Context, config: Path | None, socket: Path | None) -> None:
    """Ask a running daemon, over its control socket. Everybody who may open the socket may do all of this.

    GUILD and CHANNEL are ids: Discord's developer mode copies them.
    """
    ctx.obj = Door(socket or find_socket(_setting(chosen_file(ctx, config))))


def _setting(file: Path | None) -> str:
    """Return [control] socket, where we can read the configuration: ctl's user need not be the daemon's."""
    from voxbridge.config import load

    try:
        return load(file).control.socket
    except ConfigError:
        if file is not None and not file.exists():
            raise
        return ""  # a bad file is for the daemon to refuse, and a secret need not be ours to read


@ctl.command()
@_JSON
@click.option("--turns", default=3, show_default=True, help="How many of the last turns to show.")
@click.pass_obj
def status(door: Door, as_json: bool, turns: int) -> None:
    """Show how the daemon is: Discord, rooms, backends, and the last turns with their waterfalls."""
    answer = door.ask("GET", "/v1/status")
    if as_json:
        _print(answer)
        return
    for line in show_status(visible_value(answer), turns=turns):
        click.echo(line)


@ctl.command()
@_GUILD
@click.argument("channel", metavar="CHANNEL")
@click.pass_obj
def join(door: Door, guild: str, channel: str) -> None:
    """Join a voice channel and stay until the next restart. Leaves the server's other voice channel first."""
    door.ask("POST", "/v1/join", {"guild_id": guild, "channel_id": channel}, limit_s=SLOW_S)
    click.echo(f"in channel {channel}")


@ctl.command()
@_GUILD
@click.pass_obj
def leave(door: Door, guild: str) -> None:
    """Leave the server's voice channel, and stay out until the next restart."""
    door.ask("POST", "/v1/leave", {"guild_id": guild}, limit_s=SLOW_S)
    click.echo("left")


@ctl.command()
@_GUILD
@click.argument("text", nargs=-1, required=True)
@click.pass_obj
def say(door: Door, guild: str, text: tuple[str, ...]) -> None:
    """Say TEXT in the server's voice channel. The command ends when the text was spoken."""
    spoken = " ".join(text)
    door.ask("POST", "/v1/say", {"guild_id": guild, "text": spoken}, limit_s=SLOW_S + len(spoken) * _CHARACTER_S)
    click.echo("said")


@ctl.command()
@_GUILD
@click.pass_obj
def stop(door: Door, guild: str) -> None:
    """Stop speaking in the server's voice channel."""
    was_speaking = door.ask("POST", "/v1/stop", {"guild_id": guild})["was_speaking"]
    click.echo("silent" if was_speaking else "nothing was being said")


@ctl.command()
@_JSON
@click.pass_context
def reload(ctx: click.Context, as_json: bool) -> None:
    """Read the configuration again. Exits with 1 if it has errors; then the old one stays in force."""
    answer = ctx.find_object(Door).ask("POST", "/v1/reload", limit_s=SLOW_S)  # type: ignore[union-attr]
    if as_json:
        _print(answer)
    else:
        _tell_reload(visible_value(answer))
    if not answer["is_taken"] or answer["problems"]:
        ctx.exit(EXIT_FAILURE)


def _tell_reload(answer: dict[str, Any]) -> None:
    for problem in (*answer["problems"], *answer.get("warnings", ())):
        click.echo(f"voxbridge: {problem}", err=True)
    if not answer["is_taken"]:
        click.echo("voxbridge: not reloaded; the old configuration stays in force", err=True)
        return
    if answer["applied"]:
        click.echo(f"in force now: {', '.join(answer['applied'])}")
    if answer["needs_restart"]:
        click.echo(f"needs a restart: {', '.join(answer['needs_restart'])}")
    if not answer["applied"] and not answer["needs_restart"]:
        click.echo("nothing has changed")


@ctl.command()
@click.option("--follow", "-f", is_flag=True, help="Keep running, and show new events as they happen.")
@_JSON
@click.pass_obj
def events(door: Door, follow: bool, as_json: bool) -> None:
    """Show the last events: who speaks, turns, barge-ins, errors. Words and names are shown only with [log] speech."""
    for event in door.lines("/v1/events?follow=1" if follow else "/v1/events"):
        line = json.dumps(event, ensure_ascii=False) if as_json else show_event(visible_value(event))
        click.echo(visible_json(line) if as_json else line)


def _print(answer: dict[str, Any]) -> None:
    click.echo(visible_json(json.dumps(answer, indent=2, ensure_ascii=False)))
