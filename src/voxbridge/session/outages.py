"""The notices of a room: a line in the channel's text when a stage goes down, and one when it is back.

A turn's failure is told at once; that a stage is back is found by the next turn, or by probes that run only meanwhile.
"""

from __future__ import annotations

from collections import deque

import structlog
import trio

from voxbridge.core.health.outages import Back, Down, Notice, Outages
from voxbridge.errors import StageError, StageName
from voxbridge.session.voice import VoicePort
from voxbridge.stages.contracts import Stage

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
        """Post what is due, and probe what is down, for ever; a probe that hangs holds up no notice."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._post_due, port)
            nursery.start_soon(self._probe_down, stages)

    async def _post_due(self, port: VoicePort) -> None:
        while True:
            while self._due:
                await self._post(self._due.popleft(), port)
            await self._changed.wait()

    async def _probe_down(self, stages: dict[StageName, Stage]) -> None:
        wait_s = _FIRST_PROBE_S
        while True:
            with trio.move_on_after(wait_s) as waiting:
                while self._outages.down:
                    await self._changed.wait()
            if not waiting.cancelled_caught:  # nothing is down
                wait_s = _FIRST_PROBE_S
                await self._changed.wait()
                continue
            wait_s = min(2 * wait_s, _PROBE_CAP_S)
            for name in self._outages.down:
                self._tell(self._outages.probed(name, is_well=await _is_well(stages[name])))

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


async def _is_well(stage: Stage) -> bool:
    with trio.move_on_after(_PROBE_LIMIT_S):
        try:
            await stage.probe()
        except StageError:
            return False
        return True
    return False
