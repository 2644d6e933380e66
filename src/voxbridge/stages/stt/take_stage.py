"""A speech-to-text stage made of a connector: see ``takes``."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import trio

from voxbridge.stages.contracts import Speaker
from voxbridge.stages.stt.take_line import TakeLine
from voxbridge.stages.stt.takes import Connector, OnPartial


class TakeStage:
    """A speech-to-text stage made of a connector. The line says when to connect, what to send and what to repeat."""

    def __init__(
        self, name: str, connector: Connector, *, limit_s: float, rng: Callable[[], float] = random.random
    ) -> None:
        """Take the connector. ``limit_s``: from the end of an utterance to its final. ``rng`` draws the jitter."""
        self.name, self.connector, self.limit_s, self.rng = name, connector, limit_s, rng

    async def __aenter__(self) -> Self:
        await self.connector.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.connector.__aexit__(*exc_info)

    @asynccontextmanager
    async def open(self, speaker: Speaker, on_partial: OnPartial | None = None) -> AsyncIterator[TakeLine]:
        """Open a line for one speaker; entering does not wait for a connection."""
        line = TakeLine(self.connector, speaker, on_partial, backend=self.name, limit_s=self.limit_s, rng=self.rng)
        raised: BaseException | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.run)
            try:
                yield line
            except trio.Cancelled:
                raise
            except BaseException as error:  # noqa: BLE001 -- raised again below, outside of the nursery's group
                raised = error
            nursery.cancel_scope.cancel(reason="left")
        if raised is not None:
            raise raised

    async def probe(self) -> str:
        """Check that the server is there and speaks our protocol. Raises: StageError."""
        return await self.connector.probe()
