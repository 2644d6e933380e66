"""The notices of a room: a line in the channel's text when a stage goes down, and one when it is back.

A turn's failure is told at once. That a stage is back is learned from the owner of the health (``stages/health.py``),
whoever found out: a turn of this room or of another, or a probe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import assert_never

import structlog
import trio

from voxbridge.core.health.outages import Back, Down, Notice, Outages
from voxbridge.core.messages.catalogue import Messages, line
from voxbridge.errors import StageError, StageName
from voxbridge.session.voice import VoicePort
from voxbridge.stages.health import BackendChanged, Health, HealthEvent, StageBack

_log = structlog.get_logger(__name__)


class OutageBoard:
    """Tells a channel of outages. ``failed`` and ``served`` are for turns and never block; ``run`` posts."""

    def __init__(self, health: Health, messages_now: Callable[[], Messages]) -> None:
        self._health, self._messages_now = health, messages_now
        self._outages = Outages()
        self._due: deque[Notice] = deque()
        self._changed = trio.Event()
        self._port: VoicePort | None = None

    def failed(self, error: StageError, profile: str = "") -> None:
        """Note that a turn failed for a stage.

        Of the server that a ``profile`` has of its own no notice is posted: the others answer, and the apology is said.
        """
        self._health.turn_failed(error.stage, error, profile)
        if not profile:
            self._tell(self._outages.failed(error.stage))

    def served(self, stage: StageName, profile: str = "") -> None:
        """Note that this stage did its part of a turn, and that something came of it."""
        self._health.turn_served(stage, profile)
        if not profile:
            self._tell(self._outages.back(stage))

    async def run(self, port: VoicePort) -> None:
        """Post what is due, for ever."""
        self._port = port
        try:
            with self._health.listening(self._on_health):
                while True:
                    await self.post_due()
                    await self._changed.wait()
        finally:
            self._port = None

    async def post_due(self) -> None:
        """Post what is due now, while the board runs: what its caller writes next stands behind it."""
        while self._due and self._port is not None:
            await self._post(self._due.popleft(), self._port)

    def _on_health(self, event: HealthEvent) -> None:
        match event:
            case StageBack(stage):
                self._tell(self._outages.back(stage))
            case BackendChanged():
                pass  # what a turn notices of it, the turn tells
            case _:
                assert_never(event)

    def _tell(self, notice: Notice | None) -> None:
        if notice is not None:
            self._due.append(notice)
            self._changed.set()
            self._changed = trio.Event()

    async def _post(self, notice: Notice, port: VoicePort) -> None:
        match notice:
            case Down(stage):
                _log.warning("stage down", stage=stage, guild=str(port.guild_id))
                told = line(f"{stage}_down")
            case Back(stage):
                _log.info("stage back", stage=stage, guild=str(port.guild_id))
                told = line(f"{stage}_back")
            case _:
                assert_never(notice)
        await port.post_text(self._messages_now().text(told, port.locale))
