"""What becomes of a wish, for whoever waits for it."""

from __future__ import annotations

import trio

from voxbridge.core.call.rejoin import Drop
from voxbridge.errors import VoiceHandshakeError


class Outcome:
    """What becomes of one wish."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._is_known = trio.Event()
        self._failure: Drop | None = None

    def settle(self, failure: Drop | None) -> None:
        """Make it known."""
        self._failure = failure
        self._is_known.set()

    async def wait(self) -> None:
        """Wait until it is known.

        Raises:
            VoiceHandshakeError: The wish was not fulfilled.
        """
        await self._is_known.wait()
        drop = self._failure
        if drop is not None:
            raise VoiceHandshakeError(
                drop.reason, code=drop.code, should_reconnect=drop.kind != "kicked", told=drop.told
            )
