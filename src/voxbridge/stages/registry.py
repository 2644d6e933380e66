"""Which backend serves which stage: from the settings to open stages.

One table per stage, name -> what makes it; other packages add to it by entry points (docs/backends.md). An embedded
stage is the same client on the same wire protocol; only its address is the engines' unix socket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import attrs

from voxbridge.config.plugins import find_plugin, plugin_kinds
from voxbridge.config.settings import AgentSettings, Secret, Settings, SttSettings, TtsSettings
from voxbridge.core.health.hedge import Hedge
from voxbridge.errors import ConfigError, StageName
from voxbridge.stages.agent.kinds import DIALECTS, stage_of_kind
from voxbridge.stages.agent.n8n import N8nStage
from voxbridge.stages.contracts import AgentStage, SttStage, TtsStage
from voxbridge.stages.failover import FailoverAgent, FailoverStt, FailoverTts, Guard
from voxbridge.stages.stt.deepgram import deepgram_stage
from voxbridge.stages.stt.openai import openai_stage
from voxbridge.stages.stt.phantoms import FilteredStage
from voxbridge.stages.stt.whisperlive import whisperlive_stage
from voxbridge.stages.stt.whisperlivekit import whisperlivekit_stage
from voxbridge.stages.stt.whisperx import WhisperXStage
from voxbridge.stages.stt.wyoming import wyoming_stage
from voxbridge.stages.tts.bound import BoundedVoice
from voxbridge.stages.tts.chatterbox import ChatterboxStage
from voxbridge.stages.tts.openai import OpenAiSpeechStage
from voxbridge.stages.tts.pronounced import pronounced
from voxbridge.stages.tts.wyoming import WyomingSpeechStage

EMBEDDED = "embedded"


def _embedded_stt(settings: SttSettings, socket: str) -> SttStage:
    return WhisperXStage(attrs.evolve(settings, url="ws://engines/"), uds=socket)


def _embedded_agent(settings: AgentSettings, socket: str) -> AgentStage:
    return N8nStage(attrs.evolve(settings, url=Secret("http://engines/webhook/voxbridge")), uds=socket)


def _embedded_tts(settings: TtsSettings, socket: str) -> TtsStage:
    return ChatterboxStage(attrs.evolve(settings, url="http://engines/v1"), uds=socket)


# What makes a stage is given its settings and the engines' socket, which only the embedded ones use.
STT: Mapping[str, Callable[[SttSettings, str], SttStage]] = {
    EMBEDDED: _embedded_stt,
    "whisperx": lambda settings, _socket: WhisperXStage(settings),
    "whisperlive": lambda settings, _socket: whisperlive_stage(settings),
    "whisperlivekit": lambda settings, _socket: whisperlivekit_stage(settings),
    "deepgram": lambda settings, _socket: deepgram_stage(settings),
    "wyoming": lambda settings, _socket: wyoming_stage(settings),
    "openai": lambda settings, _socket: openai_stage(settings),
}
AGENT: Mapping[str, Callable[[AgentSettings, str], AgentStage]] = {
    EMBEDDED: _embedded_agent,
    **dict.fromkeys(DIALECTS, lambda settings, _socket: stage_of_kind(settings)),
}
TTS: Mapping[str, Callable[[TtsSettings, str], TtsStage]] = {
    EMBEDDED: _embedded_tts,
    "chatterbox": lambda settings, _socket: ChatterboxStage(settings),
    "openai": lambda settings, _socket: OpenAiSpeechStage(settings),
    "wyoming": lambda settings, _socket: WyomingSpeechStage(settings),
}

AnySettings = SttSettings | AgentSettings | TtsSettings
S = TypeVar("S", SttSettings, AgentSettings, TtsSettings)
T = TypeVar("T")


@attrs.frozen
class Stages:
    """The three open stages of a daemon."""

    stt: SttStage
    agent: AgentStage
    tts: TtsStage


def needs_engines(settings: Settings) -> bool:
    """Tell whether a stage, or one of its backups, is served by the embedded engines."""
    return any(
        backend.kind == EMBEDDED
        for stage in (settings.stt, settings.agent, settings.tts)
        for backend in (stage, *stage.backup)
    )


def make_stt(settings: SttSettings, engines_socket: str) -> SttStage:
    """Make one speech-to-text backend, its filter included, without its backups. Raises: ConfigError."""
    stage = _make("stt", STT, settings, engines_socket)
    return FilteredStage(stage) if settings.filter else stage


def make_agent(settings: AgentSettings, engines_socket: str) -> AgentStage:
    """Make one agent backend, without its backups. Raises: ConfigError."""
    return _make("agent", AGENT, settings, engines_socket)


def make_tts(settings: TtsSettings, engines_socket: str) -> TtsStage:
    """Make one text-to-speech backend, without its backups. Raises: ConfigError."""
    stage = _make("tts", TTS, settings, engines_socket)
    return pronounced(stage if settings.kind in TTS else BoundedVoice(stage), settings.lexicon)


def _make(stage: StageName, table: Mapping[str, Callable[[S, str], T]], settings: S, engines_socket: str) -> T:
    make = table.get(settings.kind)
    return _plugin(stage, table, settings) if make is None else make(settings, engines_socket)


def _plugin(stage: StageName, table: Mapping[str, Callable[[S, str], T]], settings: S) -> T:
    """Make a backend that another package brings. Raises: ConfigError, also for whatever goes wrong in its code."""
    key, kind = f"{stage}.kind", settings.kind
    plugin = find_plugin(stage, kind)
    if plugin is None:
        allowed = ", ".join([*table, *plugin_kinds(stage)])
        raise ConfigError("there is no such backend", key=key, value=kind, allowed=allowed)
    try:
        backend: T = plugin.load()(settings)
    except ConfigError:
        raise
    except Exception as error:
        # its type only: the text may quote an option that is a secret
        detail = (
            f"the plug-in {plugin.value} cannot be used ({type(error).__name__}); its own documentation may say why"
        )
        raise ConfigError(detail, key=key, value=kind) from error
    return backend


def stt_stage(settings: SttSettings, engines_socket: str) -> SttStage:
    """Make the speech-to-text stage, backups included. Raises: ConfigError."""
    if not settings.backup:
        return make_stt(settings, engines_socket)
    guards = [
        Guard(make_stt(each, engines_socket), "stt", reserve_s=each.target_ms / 1000)
        for each in (settings, *settings.backup)
    ]
    return FailoverStt(guards, backup_after_s=settings.backup_after_ms / 1000)


def agent_stage(settings: AgentSettings, engines_socket: str) -> AgentStage:
    """Make the agent stage, backups included. Raises: ConfigError."""
    if not settings.backup:
        return make_agent(settings, engines_socket)
    guards = [
        Guard(make_agent(each, engines_socket), "agent", reserve_s=each.target_ms / 1000)
        for each in (settings, *settings.backup)
    ]
    return FailoverAgent(guards, hedge=Hedge() if settings.hedge_safe else None)


def tts_stage(settings: TtsSettings, engines_socket: str) -> TtsStage:
    """Make the text-to-speech stage, backups included. Raises: ConfigError."""
    if not settings.backup and not settings.hedge:
        return make_tts(settings, engines_socket)
    guards = [
        Guard(make_tts(each, engines_socket), "tts", reserve_s=each.sentence_target_ms / 1000)
        for each in (settings, *(_with_lexicon(each, settings) for each in settings.backup))
    ]
    return FailoverTts(guards, hedge=Hedge() if settings.hedge else None, can_double=settings.concurrency > 1)


def _with_lexicon(backup: TtsSettings, first: TtsSettings) -> TtsSettings:
    """Let a backup say words as the first one does, unless it has words of its own."""
    return backup if backup.lexicon else attrs.evolve(backup, lexicon=first.lexicon)


@asynccontextmanager
async def open_stages(settings: Settings, *, engines_socket: str) -> AsyncIterator[Stages]:
    """Open all three stages; they are closed in reverse. Raises: ConfigError."""
    async with (
        stt_stage(settings.stt, engines_socket) as stt,
        agent_stage(settings.agent, engines_socket) as agent,
        tts_stage(settings.tts, engines_socket) as tts,
    ):
        yield Stages(stt, agent, tts)
