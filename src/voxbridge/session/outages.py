"""The notices of a room: a line in the channel's text when a stage goes down, and one when it is back.

A turn's failure is told at once. That a stage is back is learned from the owner of the health (``stages/health.py``),
whoever found out: a turn of this room or of another, or a probe.
"""

from __future__ import annotations

from collections import deque
from typing import assert_never

import structlog
import trio

from voxbridge.core.health.outages import Back, Down, Notice, Outages
from voxbridge.errors import StageError, StageName
from voxbridge.session.voice import VoicePort
from voxbridge.stages.health import BackendChanged, Health, HealthEvent, StageBack

_log = structlog.get_logger(__name__)

TEXTS: dict[tuple[type[Notice], StageName], str] = {
    (Down, "stt"): "I cannot hear at the moment: speech recognition is not working. I will write when it is back.",
    (Down, "agent"): "I cannot answer at the moment: the agent is not working. I will write when it is back.",
    (Down, "tts"): "I have lost my voice: speech synthesis is not working. I will write my answers until it is back.",
    (Back, "stt"): "I can hear again.",
    (Back, "agent"): "I can answer again.",
    (Back, "tts"): "I have my voice back.",
}


class OutageBoard:
    """Tells a channel of outages. ``failed`` and ``served`` are for turns and never block; ``run`` posts."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._outages = Outages()
        self._due: deque[Notice] = deque()
        self._changed = trio.Event()
        self._port: VoicePort | None = None

    def failed(self, error: StageError) -> None:
        """Note that a turn failed for a stage."""
        self._health.turn_failed(error.stage, error)
        self._tell(self._outages.failed(error.stage))

    def served(self, stage: StageName) -> None:
        """Note that this stage did its part of a turn, and that something came of it."""
        self._health.turn_served(stage)
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

    @staticmethod
    async def _post(notice: Notice, port: VoicePort) -> None:
        if isinstance(notice, Down):
            _log.warning("stage down", stage=notice.stage, guild=str(port.guild_id))
        else:
            _log.info("stage back", stage=notice.stage, guild=str(port.guild_id))
        await port.post_text(TEXTS[type(notice), notice.stage])
