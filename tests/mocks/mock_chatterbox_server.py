"""The mock Chatterbox of the users' test document: the simulated one, under the name it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voxbridge.testing.servers.chatterbox import ChatterboxServer


@asynccontextmanager
async def create_mock_chatterbox_server() -> AsyncIterator[str]:
    """Run a Chatterbox on a free port and yield its base URL: POST {base_url}/audio/speech/stream/upload."""
    async with ChatterboxServer().running() as server:
        yield server.url
