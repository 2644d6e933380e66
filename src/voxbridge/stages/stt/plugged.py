"""Speech to text by a plug-in: its lines are looked at as they are opened, before the first word goes into one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from voxbridge.stages.contracts import MutenessAware, OutageAware, Speaker, SttSession, SttStage
from voxbridge.stages.plugin_calls import line_must_fit


class PluggedStt:
    """The stage ``inner`` of the plug-in of that name; see ``SttStage``."""

    def __init__(self, inner: SttStage, plugin: str) -> None:
        self._inner, self._plugin = inner, plugin
        self.name = inner.name

    @property
    def inner(self) -> SttStage:
        """Return the plug-in's own stage."""
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

    @asynccontextmanager
    async def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[SttSession]:
        """Open a line for one speaker. Raises: ConfigError, for one that cannot be used as ``SttSession`` says."""
        async with self._inner.open(speaker, on_partial) as line:
            line_must_fit(line, self._plugin)
            yield line
