"""Who answers in each channel: the layers of the settings, carried out as rules and a cast for its room.

settings (file, a reload) --.
stages (open for good) -----+--> rules_in, cast_in, what_holds: made anew only when one of them has changed
choices (stored) -----------'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import attrs

from voxbridge.config.profiles import ProfileSettings
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.profiles.layers import DEFAULT, FileLayers, InChannel, Profile, in_channel
from voxbridge.core.turns.for_us import FloorMode
from voxbridge.core.turns.overlap import Manner
from voxbridge.people.chosen import Chosen
from voxbridge.session.cast import Cast, Persona
from voxbridge.session.context import Tools
from voxbridge.session.rules import Languages, Rules
from voxbridge.stages.registry import Stages

Place = tuple[GuildId, ChannelId | None]


@attrs.frozen
class _Known:
    """What follows from one state of the settings and the choices."""

    settings: Settings
    version: int
    file: FileLayers
    holds: dict[Place, InChannel] = attrs.field(factory=dict)
    rules: dict[Place, tuple[Rules, Rules]] = attrs.field(factory=dict)
    casts: dict[Place, Cast] = attrs.field(factory=dict)


class Profiles:
    """Answers what holds where. ``rules_now`` are those of the file."""

    def __init__(self, settings_now: Callable[[], Settings], rules_now: Callable[[], Rules], chosen: Chosen) -> None:
        self._settings_now, self._rules_now, self._chosen = settings_now, rules_now, chosen
        self._known = _Known(settings_now(), chosen.version, file_layers(settings_now()))

    @property
    def file(self) -> FileLayers:
        """Return what the file says."""
        return self._now.file

    @property
    def _now(self) -> _Known:
        settings, version, known = self._settings_now(), self._chosen.version, self._known
        if settings is not known.settings or version != known.version:
            self._known = _Known(settings, version, file_layers(settings))
        return self._known

    def what_holds(self, guild_id: GuildId, channel_id: ChannelId | None) -> InChannel:
        """Return the values that hold in a channel, or in a server as a whole, each with where it came from."""
        known, place = self._now, (guild_id, channel_id)
        if place not in known.holds:
            known.holds[place] = in_channel(known.file, guild_id, channel_id, self._chosen.of(guild_id, channel_id))
        return known.holds[place]

    def rules_in(self, guild_id: GuildId, channel_id: ChannelId) -> Rules:
        """Return the rules of a channel."""
        known, place, base = self._now, (guild_id, channel_id), self._rules_now()
        found = known.rules.get(place)
        if found is None or found[0] is not base:
            found = known.rules[place] = base, _with(base, self.what_holds(*place), guild_id)
        return found[1]

    def cast_in(self, guild_id: GuildId, channel_id: ChannelId, stages: Stages) -> Cast:
        """Return who may answer in a channel."""
        known, place = self._now, (guild_id, channel_id)
        if place not in known.casts:
            holds = self.what_holds(guild_id, channel_id)
            known.casts[place] = Cast(tuple(_persona(name, known.settings, holds, stages) for name in holds.profiles))
        return known.casts[place]

    def tools_in(self, guild_id: GuildId, channel_id: ChannelId, tools: Tools, stages: Stages) -> Tools:
        """Return what a room in this channel works with: these, but for its own rules and cast."""
        return attrs.evolve(
            tools,
            rules_now=lambda: self.rules_in(guild_id, channel_id),
            cast_now=lambda: self.cast_in(guild_id, channel_id, stages),
        )


def file_layers(settings: Settings) -> FileLayers:
    """Return what the file says of who answers where."""
    base = Profile(
        DEFAULT,
        voice=getattr(settings.tts, "voice", ""),  # not every kind has one
        language=settings.stt.language,
        mode=settings.floor.mode,
    )
    own = {
        name: Profile(
            name,
            names=profile.names or (name,),
            voice=profile.voice or getattr(profile.tts, "voice", ""),
            language=profile.language,
            mode=profile.mode,
            has_own_server=profile.tts is not None,
        )
        for name, profile in settings.profile.items()
    }
    return FileLayers(
        profiles={DEFAULT: base, **own},
        guilds={int(place.id): place.profiles for place in settings.guild},
        channels={int(place.id): place.profiles for place in settings.channel},
        languages={int(whose): language for whose, language in settings.stt.languages.items()},
    )


def _with(base: Rules, holds: InChannel, guild_id: GuildId) -> Rules:
    """Return the rules with what holds in a channel in place of what the file says for all."""
    languages = base.languages
    if holds.language.origin != "file":
        languages = Languages(languages.usual, {**languages.others, str(guild_id): holds.language.value})
    floor = attrs.evolve(base.floor, mode=cast("FloorMode", holds.mode.value))
    return attrs.evolve(base, floor=floor, languages=languages)


def _persona(name: str, settings: Settings, holds: InChannel, stages: Stages) -> Persona:
    profile = settings.profile.get(name, ProfileSettings())
    voice, agent = holds.voices[name], profile.agent or settings.agent
    return Persona(
        agent=stages.agents.get(name, stages.agent),
        tts=stages.voices.get(name, stages.tts),
        name=name,
        names=() if name == DEFAULT else profile.names or (name,),
        voice=voice.value if voice.value and voice.origin != "file" else None,
        prompt=profile.prompt or None,
        language=profile.language or None,
        manner=cast("Manner", profile.barge_in) if profile.barge_in else None,
        asks_ahead=_may_be_asked_ahead(agent),
        has_own_agent=name in stages.agents,
        has_own_tts=name in stages.voices,
    )


def _may_be_asked_ahead(agent: AgentSettings) -> bool:
    return all(each.speculate == "safe" for each in (agent, *agent.backup))
