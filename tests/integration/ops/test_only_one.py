"""One daemon per bot and host."""

from __future__ import annotations

import subprocess
import sys

import pytest

from voxbridge.config.discord import DiscordSettings, NetworkSettings
from voxbridge.config.secrets import Secret
from voxbridge.errors import EXIT_CONFIG
from voxbridge.ops.only_one import AlreadyRunning, the_only_one

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the mark is in Linux' abstract namespace"),
]

BOT = DiscordSettings(token=Secret("token-of-the-only-one"))
HOLDER = """
import sys
from voxbridge.config.discord import DiscordSettings
from voxbridge.config.secrets import Secret
from voxbridge.ops.only_one import the_only_one

with the_only_one(DiscordSettings(token=Secret("token-of-the-only-one"))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_and_another_bot_is_not() -> None:
    """Same token, same Discord: refused, with what to do; another bot, or a rehearsal's Discord, is free."""
    elsewhere = DiscordSettings(token=BOT.token, network=NetworkSettings(hosts={"discord.com": "127.0.0.1:1"}))
    with the_only_one(BOT):
        with pytest.raises(AlreadyRunning, match="stop it first") as caught, the_only_one(BOT):
            pass
        assert caught.value.exit_code == EXIT_CONFIG
        assert "token-of-the-only-one" not in str(caught.value)
        with the_only_one(DiscordSettings(token=Secret("another"))), the_only_one(elsewhere):
            pass
    with the_only_one(BOT):
        pass  # free again


def test_a_killed_one_leaves_nothing_behind() -> None:
    """kill -9 leaves no time to tidy up: the kernel takes the mark away."""
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning), the_only_one(BOT):
            pass
        holder.kill()
        holder.wait()
        with the_only_one(BOT):
            pass
