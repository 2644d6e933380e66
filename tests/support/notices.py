"""The notices of outages, in the words of the catalogue."""

from __future__ import annotations

from voxbridge.core.health.outages import Back, Down, Notice
from voxbridge.core.messages.catalogue import OURS, line
from voxbridge.errors import StageName

_STAGES: tuple[StageName, ...] = ("stt", "agent", "tts")
TEXTS: dict[tuple[type[Notice], StageName], str] = {
    **{(Down, stage): OURS.text(line(f"{stage}_down")) for stage in _STAGES},
    **{(Back, stage): OURS.text(line(f"{stage}_back")) for stage in _STAGES},
}
