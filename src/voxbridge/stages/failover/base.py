"""What the three wrappers share: their life, their name, their probe."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Generic, Self, TypeVar

from voxbridge.errors import StageError
from voxbridge.stages.contracts import Stage
from voxbridge.stages.failover.guard import Guard

S = TypeVar("S", bound=Stage)


class Failover(Generic[S]):
    """A stage of several backends, in order."""

    def __init__(self, guards: Sequence[Guard[S]]) -> None:
        self.guards = list(guards)
        self.name = ", ".join(guard.stage.name for guard in self.guards)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open all backends."""
        async with AsyncExitStack() as stack:
            for guard in self.guards:
                await stack.enter_async_context(guard.stage)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close them."""
        await self._open.aclose()

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
