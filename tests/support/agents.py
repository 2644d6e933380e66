"""Agents of any kind, made of their settings."""

from __future__ import annotations

from collections.abc import Callable

from voxbridge.config.kinds import find_kind
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.settings import HttpSettings


def agent_of(settings: HttpSettings, *, rng: Callable[[], float] = lambda: 1.0) -> AgentClient:
    """Return the stage for the settings' kind, with a fixed jitter."""
    stage: AgentClient = find_kind("agent", settings.kind).make(settings, rng=rng)
    return stage
