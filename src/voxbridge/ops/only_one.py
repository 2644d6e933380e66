"""One daemon per bot and host: a second one with the same token would throw the first out of its channels.

Discord lets a bot log in twice and be in one channel of a guild: the younger session wins, and neither is told why.
"""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from voxbridge.config.discord import DiscordSettings
from voxbridge.errors import EXIT_CONFIG, VoxBridgeError


class AlreadyRunning(VoxBridgeError):
    """Another daemon has what this one needs for itself. Starting again does not help."""

    exit_code = EXIT_CONFIG


@contextmanager
def the_only_one(settings: DiscordSettings) -> Iterator[None]:
    """Be the one daemon of this host that runs the bot, for as long as the block lasts.

    The mark is a unix socket in Linux' abstract namespace (unix(7)): nothing is written, and the kernel takes it away
    with the process, however that ends. Elsewhere nothing is checked.

    Raises: AlreadyRunning.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    # Of a token nothing can be told from its digest; with other addresses it is another Discord (a rehearsal's).
    who = f"{settings.token.reveal()} {sorted(settings.network.hosts.items())}"
    name = f"\0voxbridge-{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as mark:
        try:
            mark.bind(name)
        except OSError as error:
            raise AlreadyRunning(
                "a daemon on this host runs with this bot's token already, and Discord would throw it out of its "
                "channels: stop it first, or give this one a bot of its own"
            ) from error
        yield
