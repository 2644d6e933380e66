"""The whole configuration: one attrs class per TOML table, every default, help text and rule in one place.

Times are in milliseconds here, at the edge; the code inside works in seconds. What a kind of backend adds to its
stage's table stands with the backend (``config.kinds``). The template that ``voxbridge init`` writes, the loader's
messages and docs/settings.md are derived from these classes.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import attrs

from voxbridge.config.discord import DiscordSettings
from voxbridge.config.rules import option
from voxbridge.config.service import (
    ControlSettings,
    DrainSettings,
    EnginesSettings,
    HealthSettings,
    JournalSettings,
    LogSettings,
)
from voxbridge.config.stages import AgentSettings, SttSettings, TtsSettings
from voxbridge.config.turns import BargeInSettings, EndpointingSettings, TurnSettings


@attrs.frozen
class Settings:
    """The whole configuration."""

    discord: DiscordSettings = option(DiscordSettings(), "The bot's account and where it sits.")
    endpointing: EndpointingSettings = option(
        EndpointingSettings(), "Deciding that the user has finished. Silences count from the last voiced frame."
    )
    barge_in: BargeInSettings = option(BargeInSettings(), "The user speaks over the agent.")
    stt: SttSettings = option(SttSettings(), "Speech to text.")
    agent: AgentSettings = option(AgentSettings(), "The agent.")
    tts: TtsSettings = option(TtsSettings(), "Text to speech.")
    turn: TurnSettings = option(TurnSettings(), "One exchange: what the user said and the answer.")
    engines: EnginesSettings = option(EnginesSettings(), "The embedded engines, for the stages of kind embedded.")
    log: LogSettings = option(LogSettings(), "The log.")
    journal: JournalSettings = option(JournalSettings(), "A record of the turns.")
    drain: DrainSettings = option(DrainSettings(), "Stopping: turns in progress may end, new ones are not taken.")
    control: ControlSettings = option(ControlSettings(), "The door for `voxbridge ctl`.")
    health: HealthSettings = option(HealthSettings(), "Health and metrics over HTTP.")
