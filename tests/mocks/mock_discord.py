"""The mock Discord of the users' test document: a voice channel in memory that notes every frame it is given.

It stands where the daemon has ``voxbridge.discord``. Tests of Discord's own protocols take the simulated Discord of
``voxbridge.rehearsal.discord`` instead, which speaks them.
"""

from __future__ import annotations

from tests.support.voices import MemoryPort


class MockBot(MemoryPort):
    """A bot in a voice channel: ``frames`` are what it said (with times), ``posted`` what it wrote."""


mock_bot = MockBot()
"""For examples that name it without making it. A test that looks at what was said takes the fixture of this name."""
