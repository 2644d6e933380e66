"""The notices of a room: a line in the channel's text when a stage goes down, and one when it is back.

A turn's failure is told at once; that a stage is back is found by the next turn, or by probes that run only meanwhile.
"""

from __future__ import annotations

import math
from collections import deque

import structlog
import trio

from voxbridge.core.outages import Back, Down, Notice, Outages
from voxbridge.errors import StageError, StageName
from voxbridge.session.voice import VoicePort
from voxbridge.stages import Stage

_log = structlog.get_logger(__name__)

_FIRST_PROBE_S = 2.0
_PROBE_CAP_S = 30.0
_PROBE_LIMIT_S = 10.0

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

    def __init__(self) -> None:
        self._outages = Outages()
        self._due: deque[Notice] = deque()
        self._changed = trio.Event()

    def failed(self, stage: StageName) -> None:
        """Note that a turn failed for this stage."""
        self._tell(self._outages.failed(stage))

    def served(self, stage: StageName) -> None:
        """Note that this stage did its part of a turn."""
        self._tell(self._outages.served(stage))

    async def run(self, port: VoicePort, stages: dict[StageName, Stage]) -> None:
        """Post what is due, and probe what is down, for ever."""
        wait_s, probe_at = _FIRST_PROBE_S, math.inf
        while True:
            while self._due:
                await self._post(self._due.popleft(), port)
            if not self._outages.down:
                wait_s, probe_at = _FIRST_PROBE_S, math.inf
            elif math.isinf(probe_at):
                probe_at = trio.current_time() + wait_s
            with trio.move_on_at(probe_at):
                await self._changed.wait()
            self._changed = trio.Event()
            if trio.current_time() >= probe_at:
                wait_s, probe_at = min(2 * wait_s, _PROBE_CAP_S), math.inf
                for name in self._outages.down:
                    is_well = await _is_well(stages[name])
                    self._tell(self._outages.probed(name, is_well=is_well))

    def _tell(self, notice: Notice | None) -> None:
        if notice is not None:
            self._due.append(notice)
            self._changed.set()

    @staticmethod
    async def _post(notice: Notice, port: VoicePort) -> None:
        if isinstance(notice, Down):
            _log.warning("stage down", stage=notice.stage, guild=str(port.guild_id))
        else:
            _log.info("stage back", stage=notice.stage, guild=str(port.guild_id))
        await port.post_text(TEXTS[type(notice), notice.stage])


async def _is_well(stage: Stage) -> bool:
    with trio.move_on_after(_PROBE_LIMIT_S):
        try:
            await stage.probe()
        except StageError:
            return False
        return True
    return False
