"""``voxbridge talk``: speak with it yourself, in the simulated Discord, through a page on this machine."""

from __future__ import annotations

import socket
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from voxbridge.cli.rehearse import who_serves
from voxbridge.cli.shell import config_option, load_settings, tell_notes
from voxbridge.config.settings import Settings
from voxbridge.core.text.terminal import visible
from voxbridge.errors import EngineError, VoxBridgeError

if TYPE_CHECKING:
    from voxbridge.rehearsal.talk.studio import SpeakText

_PORT = 8640
_HOST = "127.0.0.1"


@click.command()
@config_option
@click.option(
    "--port", type=click.IntRange(1, 65_535), help=f"Port of the page. [default: {_PORT}, or any if it is taken]"
)
@click.option("--loss", type=click.FloatRange(0, 90), default=0.0, metavar="PERCENT", help="Packets lost on the line.")
@click.option("--jitter", type=click.FloatRange(0, 2000), default=0.0, metavar="MS", help="How unevenly packets come.")
@click.option("--open", "opens", is_flag=True, help="Open the page in your browser.")
@click.option("--verbose", "-v", is_flag=True, help="Show the daemon's log.")
@click.pass_context
def talk(
    ctx: click.Context, config: Path | None, port: int | None, loss: float, jitter: float, opens: bool, verbose: bool
) -> None:
    """Talk to the daemon yourself: it runs in a simulated Discord, and a page on this machine has your microphone.

    Your configuration's servers listen, answer and speak; for what it does not name, and without a configuration, the
    built-in engines do. It needs no Discord account. Ctrl-C ends it.
    """
    import trio

    loaded = load_settings(ctx, config)
    settings = tell_notes(loaded)
    click.echo(who_serves(settings, loaded.file))
    with _listener(port) as listener:
        trio.run(_talk, settings, listener, loss / 100, jitter / 1000, opens, verbose)


def _listener(port: int | None) -> socket.socket:
    """Return a socket that listens on loopback. Raises: VoxBridgeError."""
    wanted = [port] if port is not None else [_PORT, 0]
    for number in wanted:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, number))
            listener.listen()
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
        else:
            return listener
    raise VoxBridgeError(f"port {port} cannot be used: {reason}; --port names another one")


def _speak_text() -> SpeakText | None:
    from voxbridge.rehearsal.embedded import own_voice

    try:
        return own_voice()
    except EngineError:
        return None


async def _talk(
    settings: Settings, listener: socket.socket, loss: float, jitter_s: float, opens: bool, verbose: bool
) -> None:
    import trio

    from voxbridge.ops.serving import serve_app
    from voxbridge.rehearsal.call import control_socket, open_simulated_call
    from voxbridge.rehearsal.discord.knobs import Impairment
    from voxbridge.rehearsal.talk.control_client import ControlClient
    from voxbridge.rehearsal.talk.page import Page
    from voxbridge.rehearsal.talk.studio import Studio

    port = listener.getsockname()[1]
    # What is said is what the page shows; the log goes to nobody but who asked for it.
    settings = attrs.evolve(settings, log=attrs.evolve(settings.log, speech=True))
    log = (lambda line: click.echo(visible(line), err=True)) if verbose else (lambda _line: None)
    with tempfile.TemporaryDirectory(prefix="voxbridge-talk-") as directory:
        async with open_simulated_call(
            settings, Path(directory), person="You", progress=_progress, on_log=log
        ) as simulated_call:
            knobs = simulated_call.discord.knobs
            knobs.uplink = Impairment(loss=loss, jitter_s=jitter_s)
            knobs.downlink = Impairment(loss=loss, jitter_s=jitter_s, seed=2)
            control = ControlClient(control_socket(Path(directory)))
            studio = Studio(simulated_call, control, _speak_text())
            page = Page(studio)
            async with trio.open_nursery() as nursery:
                await nursery.start(serve_app, page.app, listener)
                _invite(f"http://{_HOST}:{port}/?token={page.token}", port, opens=opens)
                await studio.run()
                nursery.cancel_scope.cancel(reason="the daemon has ended")
            raise VoxBridgeError(f"the daemon ended. Its last words:\n{simulated_call.daemon.tail()}")


def _progress(line: str) -> None:
    click.echo(click.style(f"  {visible(line)}", dim=True), err=True)


def _invite(address: str, port: int, *, opens: bool) -> None:
    click.echo("\nOpen this address in a browser on this machine, and speak:\n")
    click.echo(f"  {click.style(address, bold=True)}\n")
    click.echo(f"From another machine: ssh -L {port}:{_HOST}:{port} THIS-MACHINE, then open it there. Ctrl-C ends it.")
    sys.stdout.flush()
    if opens:
        webbrowser.open(address)
