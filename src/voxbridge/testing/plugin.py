"""The pytest plug-in: a simulated Discord for tests of any Discord bot, in any style of test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from voxbridge.testing.discord_server import DiscordServer


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "discord(**options): how `discord_server` is made, see DiscordServer")


@pytest.fixture
def discord_server(request: pytest.FixtureRequest) -> Iterator[DiscordServer]:
    """A Discord on this machine: REST, gateway, voice, UDP and DAVE, with a guild, a bot's token, nobody in it.

    ``@pytest.mark.discord(require_dave=False, message_content=True)`` says how it is made.
    """
    # Imported late: this module is loaded by every pytest run where the package is installed.
    from voxbridge.testing.discord_server import DiscordServer

    mark = request.node.get_closest_marker("discord")
    with DiscordServer(**(mark.kwargs if mark is not None else {})) as server:
        yield server
