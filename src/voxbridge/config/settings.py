"""The whole configuration: one attrs class per TOML table, every default, help text and rule in one place.

Times are in milliseconds here, at the edge; the code inside works in seconds. What a kind of backend adds to its
stage's table stands with the backend (``config.kinds``). The template that ``voxbridge init`` writes, the loader's
messages and docs/settings.md are derived from these classes.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import attrs

from voxbridge.config.chat import ChatSettings
from voxbridge.config.discord import DiscordSettings
from voxbridge.config.limits import LimitSettings
from voxbridge.config.people import CommandsSettings, PresenceSettings, PrivacySettings, StorageSettings
from voxbridge.config.profiles import ChannelSettings, GuildSettings, ProfileSettings, require_profiles
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
from voxbridge.config.thinking import ThinkingSettings
from voxbridge.config.turns import BargeInSettings, EndpointingSettings, FloorSettings, TurnSettings
from voxbridge.config.voice import VoiceSettings


@attrs.frozen
class Settings:
    """The whole configuration."""

    discord: DiscordSettings = option(DiscordSettings(), "The bot's account, and the voice channels that it joins.")
    privacy: PrivacySettings = option(PrivacySettings(), "Who may be heard.")
    presence: PresenceSettings = option(PresenceSettings(), "In which voice channels VoxBridge is, and for how long.")
    chat: ChatSettings = option(ChatSettings(), "The conversation in writing.")
    limits: LimitSettings = option(LimitSettings(), "How much a server may ask of VoxBridge, and when it is silent.")
    commands: CommandsSettings = option(CommandsSettings(), "Who may use which slash command.")
    endpointing: EndpointingSettings = option(
        EndpointingSettings(),
        "How VoxBridge decides that the user has finished. Silences are counted from the last voiced frame.",
    )
    floor: FloorSettings = option(FloorSettings(), "Whom VoxBridge answers.")
    barge_in: BargeInSettings = option(BargeInSettings(), "What happens when the user speaks over the agent's answer.")
    stt: SttSettings = option(SttSettings(), "Speech to text.")
    agent: AgentSettings = option(AgentSettings(), "The agent.")
    tts: TtsSettings = option(TtsSettings(), "Text to speech.")
    turn: TurnSettings = option(TurnSettings(), "One exchange: what the user said and the answer.")
    voice: VoiceSettings = option(VoiceSettings(), "How the answer sounds.")
    thinking: ThinkingSettings = option(ThinkingSettings(), "What is heard while the answer is late.")
    engines: EnginesSettings = option(EnginesSettings(), "The embedded engines, for the stages of kind embedded.")
    log: LogSettings = option(LogSettings(), "The log.")
    journal: JournalSettings = option(JournalSettings(), "A file with a record of every turn.")
    storage: StorageSettings = option(StorageSettings(), "What lasts over restarts.")
    drain: DrainSettings = option(
        DrainSettings(), "How the daemon stops: it lets turns in progress end and takes no new ones."
    )
    control: ControlSettings = option(ControlSettings(), "The socket for `voxbridge ctl`.")
    health: HealthSettings = option(HealthSettings(), "Health and metrics over HTTP.")
    profile: dict[str, ProfileSettings] = option(
        attrs.Factory(dict),
        "Somebody who answers: a voice, a prompt, an agent under a name of their own. NAME is yours to choose; there "
        "may be several. What a profile does not set is as the rest of the file has it.",
    )
    guild: tuple[GuildSettings, ...] = option(
        (), "Who answers in one server. There may be several of these tables.", live=True
    )
    channel: tuple[ChannelSettings, ...] = option(
        (), "Who answers in one voice channel. There may be several of these tables.", live=True
    )

    def __attrs_post_init__(self) -> None:
        require_profiles(self.profile, self.guild, self.channel)
