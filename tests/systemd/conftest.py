"""One booted machine for the whole session, with the service installed in it by the README's lines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.speech import clips
from tests.systemd.installing import install
from tests.systemd.machine import CannotBoot, Machine
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.discord.world import BOT_TOKEN


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """The machine; the service is stopped. Skips, with the reason, where it cannot be booted."""
    try:
        booted = Machine()
    except CannotBoot as reason:
        pytest.skip(str(reason))
    try:
        install(booted, BOT_TOKEN)
        yield booted
    finally:
        booted.close()


@pytest.fixture(scope="session")
def speech() -> Pcm:
    """A person reading, for 1.8 s."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm[: 18 * 3200], 16_000)
