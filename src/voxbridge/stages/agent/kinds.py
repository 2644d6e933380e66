"""The kinds of agents by name, and the stage for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from voxbridge import clock
from voxbridge.config.settings import AgentSettings, TurnSettings
from voxbridge.stages.agent.custom import HttpWire
from voxbridge.stages.agent.dify import DifyWire
from voxbridge.stages.agent.n8n import N8nWire
from voxbridge.stages.agent.ollama import OllamaWire
from voxbridge.stages.agent.openai import OpenAiWire
from voxbridge.stages.agent.shell import AgentShell
from voxbridge.stages.agent.wire import Wire


def _n8n(settings: AgentSettings, *, wall_s: Callable[[], float]) -> Wire:
    return N8nWire(settings, wall_s=wall_s)


WIRES: Mapping[str, Callable[..., Wire]] = {
    "n8n": _n8n,
    "openai": OpenAiWire,
    "ollama": OllamaWire,
    "dify": DifyWire,
    "http": HttpWire,
}


def stage_of_kind(
    settings: AgentSettings,
    *,
    answer_chars_max: int = TurnSettings().answer_chars_max,
    rng: Callable[[], float] = random.random,
    wall_s: Callable[[], float] = clock.wall_s,
) -> AgentShell:
    """Return the stage for ``settings.kind``, one of ``WIRES``; ``rng`` and ``wall_s`` as in N8nStage."""
    wire = WIRES[settings.kind](settings, wall_s=wall_s)
    return AgentShell(wire, settings, answer_chars_max=answer_chars_max, rng=rng)
