"""The mock n8n of the users' test document: the simulated one, under the names it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voxbridge.testing.servers.n8n import N8nServer


@asynccontextmanager
async def create_mock_n8n_server() -> AsyncIterator[str]:
    """Run an n8n on a free port and yield its base URL: a webhook itself, as is ``{base_url}/webhook/test``."""
    async with N8nServer().running() as server:
        yield server.url


@asynccontextmanager
async def create_failing_n8n_server(fail_count: int = 2) -> AsyncIterator[str]:
    """The same, but its first ``fail_count`` runs fail with HTTP 500."""
    server = N8nServer()
    server.fail_next(fail_count)
    async with server.running():
        yield server.url
