"""The kinds of agents by name, and the stage for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from voxbridge import clock
from voxbridge.config.settings import AgentSettings, TurnSettings
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.custom import HttpDialect
from voxbridge.stages.agent.dialect import Dialect
from voxbridge.stages.agent.dify import DifyDialect
from voxbridge.stages.agent.n8n import N8nDialect
from voxbridge.stages.agent.ollama import OllamaDialect
from voxbridge.stages.agent.openai import OpenAiDialect


def _n8n(settings: AgentSettings, *, wall_s: Callable[[], float]) -> Dialect:
    return N8nDialect(settings, wall_s=wall_s)


DIALECTS: Mapping[str, Callable[..., Dialect]] = {
    "n8n": _n8n,
    "openai": OpenAiDialect,
    "ollama": OllamaDialect,
    "dify": DifyDialect,
    "http": HttpDialect,
}


def stage_of_kind(
    settings: AgentSettings,
    *,
    answer_chars_max: int = TurnSettings().answer_chars_max,
    rng: Callable[[], float] = random.random,
    wall_s: Callable[[], float] = clock.wall_s,
) -> AgentClient:
    """Return the stage for ``settings.kind``, one of ``DIALECTS``; ``rng`` and ``wall_s`` as in N8nStage."""
    dialect = DIALECTS[settings.kind](settings, wall_s=wall_s)
    return AgentClient(dialect, settings, answer_chars_max=answer_chars_max, rng=rng)
