"""Fixtures for tests in Trio, with pytest-trio: ``pytest_plugins = ["voxbridge.testing.trio_fixtures"]``.

Take ``memory_net`` together with pytest-trio's ``autojump_clock``, and a test runs in virtual time: all connections are
made in memory, waiting costs nothing, and every time is exact. The simulated Discord needs real sockets, since its
clients do: it takes no part in virtual time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from voxbridge.rehearsal.discord import SimulatedDiscord
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.whisperx import WhisperXServer


@pytest.fixture
async def memory_net() -> MemNet:
    """All connections of this test are made in memory: no port is opened, and a delay is one of Trio's clock."""
    return MemNet().install()


@pytest.fixture
async def simulated_discord(nursery: trio.Nursery) -> SimulatedDiscord:
    """A Discord on this machine, for the time of the test."""
    started: SimulatedDiscord = await nursery.start(SimulatedDiscord().run)
    return started


@pytest.fixture
async def whisperx_server() -> AsyncIterator[WhisperXServer]:
    """A WhisperX server, which says what the test lets it hear."""
    async with WhisperXServer().running() as server:
        yield server


@pytest.fixture
async def n8n_server() -> AsyncIterator[N8nServer]:
    """An n8n with one streaming workflow behind its webhook."""
    async with N8nServer().running() as server:
        yield server


@pytest.fixture
async def chatterbox_server() -> AsyncIterator[ChatterboxServer]:
    """A Chatterbox server that streams tones for words."""
    async with ChatterboxServer().running() as server:
        yield server
