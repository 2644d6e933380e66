"""The fixtures for tests in Trio: virtual time over real protocol bytes, and a Discord for the time of a test."""

from __future__ import annotations

import httpx
import pytest
import trio

pytest_plugins = ["voxbridge.testing.trio_fixtures"]
pytestmark = pytest.mark.integration


async def test_memory_net_makes_waiting_exact(autojump_clock, memory_net, n8n_server):
    """A server in memory answers over HTTP, and a minute of waiting is a minute of the test's clock."""
    began = trio.current_time()
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{n8n_server.url}/webhook/test", json={"chatInput": "hello"})
    assert response.status_code == 200
    await trio.sleep(60)
    assert trio.current_time() - began >= 60


async def test_discord_is_there_for_the_test(simulated_discord):
    """Members can join and be seen."""
    ada = simulated_discord.add_member("Ada")
    await ada.join(simulated_discord.voice_channel_id)
    assert simulated_discord.channel_of(ada.id).name == "Stage door"
