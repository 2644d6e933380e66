"""What the three wrappers share: their life, their name, their probe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Generic, Self, TypeVar

import trio

from voxbridge.errors import StageError
from voxbridge.stages.contracts import Stage
from voxbridge.stages.failover.guard import Guard

S = TypeVar("S", bound=Stage)


class Failover(Generic[S]):
    """A stage of several backends, in order. While it is open, open circuits are probed in the background."""

    def __init__(self, guards: Sequence[Guard[S]]) -> None:
        self.guards = list(guards)
        self.name = ", ".join(guard.stage.name for guard in self.guards)
        self._life: AbstractAsyncContextManager[None] = self._live()

    async def __aenter__(self) -> Self:
        """Open all backends."""
        await self._life.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close them."""
        await self._life.__aexit__(None, None, None)

    @asynccontextmanager
    async def _live(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            for guard in self.guards:
                await stack.enter_async_context(guard.stage)
                nursery.start_soon(guard.keep_probing)
            try:
                yield
            finally:
                nursery.cancel_scope.cancel(reason="drain")

    async def probe(self) -> str:
        """Ask all backends; one that is well is enough. Raises: StageError, the first backend's, if none is."""
        told: list[str] = []
        errors: list[StageError] = []
        for guard in self.guards:
            try:
                told.append(await guard.stage.probe())
            except StageError as error:
                errors.append(error)
                told.append(f"{guard.stage.name} is down: {error.detail}")
        if len(errors) == len(self.guards):
            raise errors[0]
        return "; ".join(told)
