"""The mock WhisperX of the users' test document: the simulated one, under the name it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voxbridge.testing.servers.whisperx import WhisperXServer


@asynccontextmanager
async def create_mock_whisperx_server() -> AsyncIterator[int]:
    """Run a WhisperX on a free port and yield the port; its finals say "hello, can you hear me"."""
    async with WhisperXServer().running() as server:
        yield server.port
