"""People who come and go: nothing of them stays behind in the room."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.support.hall import open_hall

pytestmark = pytest.mark.integration


async def test_two_hundred_guests_leave_no_trace(autojump_clock: trio.testing.MockClock) -> None:
    """Each is forgotten some seconds after leaving, whatever the room keeps of those who have just left."""
    async with open_hall() as hall:
        for number in range(200):
            guest = hall.port.join(100 + number)
            hall.port.leave(guest)
            await trio.sleep(0.5)
        kept = {
            name: len(value)
            for name, value in vars(hall.room).items()
            if isinstance(value, dict | list | set) and len(value) > 10
        }
        assert kept == {}
        assert (hall.room.speakers, hall.room.members) == ([], [])
