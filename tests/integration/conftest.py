"""Shared by the tests of the users' document: their fixture, and their marker, which has no work to do under Trio."""

from __future__ import annotations

import pytest

from tests.mocks.mock_discord import MockBot
from tests.utils.helpers import LatencyTracker


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "asyncio: of the users' document; its tests run under Trio like all the others")


@pytest.fixture
def mock_bot() -> MockBot:
    """A bot in a voice channel in memory."""
    return MockBot()


@pytest.fixture
def latencies() -> LatencyTracker:
    """Measures named stretches."""
    return LatencyTracker()
