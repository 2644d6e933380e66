"""Speech to text by a plug-in: its lines are looked at as they are opened, before the first word goes into one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from voxbridge.stages.contracts import Speaker, SttSession, SttStage
from voxbridge.stages.plugin_calls import line_must_fit
from voxbridge.stages.stt.wrapped import WrappedStt


class PluggedStt(WrappedStt):
    """The stage ``inner`` of the plug-in of that name; see ``SttStage``."""

    def __init__(self, inner: SttStage, plugin: str) -> None:
        super().__init__(inner)
        self._plugin = plugin

    @asynccontextmanager
    async def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[SttSession]:
        """Open a line for one speaker. Raises: ConfigError, for one that cannot be used as ``SttSession`` says."""
        async with self._inner.open(speaker, on_partial) as line:
            line_must_fit(line, self._plugin)
            yield line
