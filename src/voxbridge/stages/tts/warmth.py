"""A connection that is open before it is needed.

The pool drops what was idle for 4 s, and a conversation pauses for longer than that. A new connection costs 0.5 ms on
loopback and 2.7 ms with TLS (measured), and over a network one round trip, or three with TLS and the look-up of the
name: time that an utterance leaves to spare.
"""

from __future__ import annotations

import math

import structlog
import trio

from voxbridge.errors import StageError
from voxbridge.stages.http import KEEPALIVE_EXPIRY_S, Client, error_body, open_response

log = structlog.get_logger(__name__)

WARM_LIMIT_S = 2.0


class Warmth:
    """Opens a connection by asking for something cheap at ``path``; any answer will do."""

    def __init__(self, client: Client, path: str, *, backend: str) -> None:
        self._client, self._path, self._backend = client, path, backend
        self._used_at = -math.inf
        self._is_warming = False

    def used(self) -> None:
        """Note that a connection has just been in use."""
        self._used_at = trio.current_time()

    async def warm(self) -> None:
        """Open a connection, unless one was used a moment ago. Never raises: who needs it will see for himself."""
        if self._is_warming or trio.current_time() < self._used_at + KEEPALIVE_EXPIRY_S / 2:
            return
        self._is_warming = True
        try:
            with trio.move_on_after(WARM_LIMIT_S):
                async with open_response(self._client, "tts", "GET", self._path, backend=self._backend) as response:
                    await error_body(response)  # read, so that the connection is kept
                self.used()
        except StageError as error:
            log.debug("no connection in advance", stage="tts", error=type(error).__name__)
        finally:
            self._is_warming = False
