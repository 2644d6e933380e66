"""A speech-to-text stage round another one, which differs from it in nothing but its lines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Self

from voxbridge.stages.contracts import MutenessAware, OutageAware, Speaker, SttSession, SttStage


class WrappedStt:
    """The stage ``inner`` but for ``open``, which each kind of it has of its own; see ``SttStage``."""

    def __init__(self, inner: SttStage) -> None:
        self._inner = inner
        self.name = inner.name

    @property
    def inner(self) -> SttStage:
        """Return the stage that is wrapped."""
        return self._inner

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._inner.__aexit__(*exc_info)

    def note_outage(self, *, is_known: bool) -> None:
        """See ``OutageAware``."""
        if isinstance(self._inner, OutageAware):
            self._inner.note_outage(is_known=is_known)

    def note_muteness(self, *, is_known: bool) -> None:
        """See ``MutenessAware``."""
        if isinstance(self._inner, MutenessAware):
            self._inner.note_muteness(is_known=is_known)

    async def probe(self) -> str:
        """See ``Stage.probe``. Raises: StageError."""
        return await self._inner.probe()

    def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AbstractAsyncContextManager[SttSession]:
        """Open a line for one speaker."""
        return self._inner.open(speaker, on_partial)
