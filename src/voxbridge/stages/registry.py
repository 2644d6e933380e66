"""Which backend serves which stage: from the settings to open stages.

An embedded stage is the same client on the same wire protocol; only its address is the engines' unix socket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from voxbridge.config.settings import AgentSettings, Secret, Settings, SttSettings, TtsSettings
from voxbridge.errors import ConfigError
from voxbridge.stages import AgentStage, SttStage, TtsStage
from voxbridge.stages.agent.n8n import N8nStage
from voxbridge.stages.stt.whisperx import WhisperXStage
from voxbridge.stages.tts.chatterbox import ChatterboxStage

EMBEDDED = "embedded"


@attrs.frozen
class Stages:
    """The three open stages of a daemon."""

    stt: SttStage
    agent: AgentStage
    tts: TtsStage


def needs_engines(settings: Settings) -> bool:
    """Tell whether a stage is served by the embedded engines."""
    return EMBEDDED in (settings.stt.kind, settings.agent.kind, settings.tts.kind)


def make_stt(settings: SttSettings, engines_socket: str) -> SttStage:
    """Make the speech-to-text stage. Raises: ConfigError."""
    if settings.kind == EMBEDDED:
        return WhisperXStage(attrs.evolve(settings, url="ws://engines/"), uds=engines_socket)
    if settings.kind == "whisperx":
        return WhisperXStage(settings)
    raise ConfigError("there is no such backend", key="stt.kind", value=settings.kind, allowed="embedded, whisperx")


def make_agent(settings: AgentSettings, engines_socket: str) -> AgentStage:
    """Make the agent stage. Raises: ConfigError."""
    if settings.kind == EMBEDDED:
        return N8nStage(attrs.evolve(settings, url=Secret("http://engines/webhook/voxbridge")), uds=engines_socket)
    if settings.kind == "n8n":
        return N8nStage(settings)
    raise ConfigError("there is no such backend", key="agent.kind", value=settings.kind, allowed="embedded, n8n")


def make_tts(settings: TtsSettings, engines_socket: str) -> TtsStage:
    """Make the text-to-speech stage. Raises: ConfigError."""
    if settings.kind == EMBEDDED:
        return ChatterboxStage(attrs.evolve(settings, url="http://engines/v1"), uds=engines_socket)
    if settings.kind == "chatterbox":
        return ChatterboxStage(settings)
    raise ConfigError("there is no such backend", key="tts.kind", value=settings.kind, allowed="embedded, chatterbox")


@asynccontextmanager
async def open_stages(settings: Settings, *, engines_socket: str) -> AsyncIterator[Stages]:
    """Open all three stages; they are closed in reverse. Raises: ConfigError."""
    async with (
        make_stt(settings.stt, engines_socket) as stt,
        make_agent(settings.agent, engines_socket) as agent,
        make_tts(settings.tts, engines_socket) as tts,
    ):
        yield Stages(stt, agent, tts)
