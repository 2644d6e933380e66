"""Which backend serves which stage: from the settings to open stages. The kinds are found by ``config.kinds``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import attrs

from voxbridge.config.kinds import BUILT_IN, STAGES, find_kind, make_stage
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings, AnySettings, SttSettings, TtsSettings
from voxbridge.core.health.hedge import Hedge
from voxbridge.errors import StageName
from voxbridge.stages.contracts import AgentStage, SttStage, ToolServerStatus, ToolUser, TtsStage
from voxbridge.stages.failover import FailoverAgent, FailoverStt, FailoverTts, Guard
from voxbridge.stages.plugin_calls import must_fit
from voxbridge.stages.stt.phantoms import FilteredStage
from voxbridge.stages.stt.plugged import PluggedStt
from voxbridge.stages.tts.bound import BoundedVoice
from voxbridge.stages.tts.pronounced import pronounced

S = TypeVar("S", SttSettings, AgentSettings, TtsSettings)


@attrs.frozen
class Stages:
    """The three open stages of a daemon."""

    stt: SttStage
    agent: AgentStage
    tts: TtsStage
    agents: Mapping[str, AgentStage] = attrs.field(factory=dict)
    """Those that profiles have of their own."""
    voices: Mapping[str, TtsStage] = attrs.field(factory=dict)
    """Likewise."""

    @property
    def own(self) -> dict[tuple[StageName, str], AgentStage | TtsStage]:
        """Return the stages that profiles have of their own, by stage and profile."""
        found: dict[tuple[StageName, str], AgentStage | TtsStage] = {}
        found.update({("agent", name): stage for name, stage in self.agents.items()})
        found.update({("tts", name): stage for name, stage in self.voices.items()})
        return found


def tool_servers(stages: Stages) -> list[ToolServerStatus]:
    """Return how the servers of tools are that the agents use."""
    users = (agent for agent in (stages.agent, *stages.agents.values()) if isinstance(agent, ToolUser))
    return [each for agent in users for each in agent.tool_servers]


def needs_engines(settings: Settings) -> bool:
    """Tell whether a stage, or one of its backups, is served by the embedded engines. Raises: ConfigError."""
    stages: list[tuple[StageName, AnySettings | None]] = [
        ("stt", settings.stt),
        ("agent", settings.agent),
        ("tts", settings.tts),
    ]
    for profile in settings.profile.values():
        stages += [("agent", profile.agent), ("tts", profile.tts)]
    return any(
        find_kind(name, backend.kind).wants_engines
        for name, stage in stages
        if stage is not None
        for backend in (stage, *stage.backup)
    )


def in_order(settings: S) -> tuple[S, ...]:
    """Return the settings of a stage's backends: the first, then its backups, which take from it what holds for all."""
    base = next(cls for cls in STAGES if isinstance(settings, cls))
    for_all: dict[str, Any] = {
        field.name: getattr(settings, field.name)
        for field in attrs.fields(base)
        if field.metadata["once"] and field.name != "backup"
    }
    backups: Any = settings.backup  # of the same stage; the three classes have nothing in common that says so
    return (settings, *(attrs.evolve(backup, **for_all) for backup in backups))


def make_stt(settings: SttSettings, engines_socket: str) -> SttStage:
    """Make one speech-to-text backend, its filter included, without its backups. Raises: ConfigError."""
    stage: SttStage = make_stage("stt", settings, engines_socket)
    if settings.kind not in BUILT_IN["stt"]:
        must_fit("stt", stage, settings.kind)
        stage = PluggedStt(stage, settings.kind)
    return FilteredStage(stage) if settings.filter else stage


def make_agent(settings: AgentSettings, engines_socket: str) -> AgentStage:
    """Make one agent backend, without its backups. Raises: ConfigError."""
    stage: AgentStage = make_stage("agent", settings, engines_socket)
    if settings.kind not in BUILT_IN["agent"]:
        must_fit("agent", stage, settings.kind)
    return stage


def make_tts(settings: TtsSettings, engines_socket: str) -> TtsStage:
    """Make one text-to-speech backend, without its backups. Raises: ConfigError."""
    stage: TtsStage = make_stage("tts", settings, engines_socket)
    if settings.kind not in BUILT_IN["tts"]:
        must_fit("tts", stage, settings.kind)
        stage = BoundedVoice(stage)
    return pronounced(stage, settings.lexicon, settings.numbers)


def stt_stage(settings: SttSettings, engines_socket: str) -> SttStage:
    """Make the speech-to-text stage, backups included. Raises: ConfigError."""
    if not settings.backup:
        return make_stt(settings, engines_socket)
    guards = [
        Guard(make_stt(each, engines_socket), "stt", reserve_s=each.target_ms / 1000) for each in in_order(settings)
    ]
    return FailoverStt(guards, backup_after_s=settings.backup_after_ms / 1000)


def agent_stage(settings: AgentSettings, engines_socket: str) -> AgentStage:
    """Make the agent stage, backups included. Raises: ConfigError."""
    if not settings.backup:
        return make_agent(settings, engines_socket)
    guards = [
        Guard(make_agent(each, engines_socket), "agent", reserve_s=each.target_ms / 1000) for each in in_order(settings)
    ]
    return FailoverAgent(guards, hedge=Hedge() if settings.hedge_safe else None)


def tts_stage(settings: TtsSettings, engines_socket: str) -> TtsStage:
    """Make the text-to-speech stage, backups included. Raises: ConfigError."""
    if not settings.backup and not settings.hedge:
        return make_tts(settings, engines_socket)
    guards = [
        Guard(make_tts(each, engines_socket), "tts", reserve_s=each.sentence_target_ms / 1000)
        for each in (_with_lexicon(each, settings) for each in in_order(settings))
    ]
    return FailoverTts(guards, hedge=Hedge() if settings.hedge else None, can_double=settings.concurrency > 1)


def _with_lexicon(backup: TtsSettings, first: TtsSettings) -> TtsSettings:
    """Let a backup say words as the first one does, unless it has words of its own."""
    return backup if backup.lexicon else attrs.evolve(backup, lexicon=first.lexicon)


@asynccontextmanager
async def open_stages(settings: Settings, *, engines_socket: str) -> AsyncIterator[Stages]:
    """Open all three stages, and those that profiles have of their own; they are closed in reverse.

    Raises: ConfigError.
    """
    async with AsyncExitStack() as stack:
        stt = await stack.enter_async_context(stt_stage(settings.stt, engines_socket))
        agent = await stack.enter_async_context(agent_stage(settings.agent, engines_socket))
        tts = await stack.enter_async_context(tts_stage(settings.tts, engines_socket))
        agents = {
            name: await stack.enter_async_context(agent_stage(profile.agent, engines_socket))
            for name, profile in settings.profile.items()
            if profile.agent is not None
        }
        voices = {
            name: await stack.enter_async_context(tts_stage(profile.tts, engines_socket))
            for name, profile in settings.profile.items()
            if profile.tts is not None
        }
        yield Stages(stt, agent, tts, agents, voices)
