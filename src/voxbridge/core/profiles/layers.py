"""Three layers of settings, and what holds in one channel: each value with where it came from.

    the file's own tables  <  a profile of the file  <  chosen in Discord for the server  <  chosen for the channel

    agent      who answers when nobody else is called
    voice      of each profile
    language   of the channel: its first profile's
    mode       of the channel: its first profile's

A choice that the file does not allow any more (a profile that is gone) is passed over and kept: it holds again when the
file does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import attrs

from voxbridge.core.ids import ChannelId, GuildId

DEFAULT = "default"
"""The profile that is the file's own tables."""
Origin = Literal["file", "profile", "server", "channel"]
What = Literal["agent", "voice", "language", "mode"]
WHATS: tuple[What, ...] = get_args(What)


@attrs.frozen
class Settled:
    """A value, and the layer that it came from."""

    value: str
    origin: Origin


@attrs.frozen
class Profile:
    """A profile as the file has it. What is empty is as with ``DEFAULT``, whose values are the file's own."""

    name: str
    names: tuple[str, ...] = ()
    voice: str = ""
    language: str = ""
    mode: str = ""
    has_own_server: bool = False
    """It speaks by a server of its own, for which the file's own voice is none."""


@attrs.frozen
class FileLayers:
    """What the file says: its profiles, ``DEFAULT`` first, and which of them answer where."""

    profiles: Mapping[str, Profile]
    guilds: Mapping[int, tuple[str, ...]] = attrs.field(factory=dict)
    channels: Mapping[int, tuple[str, ...]] = attrs.field(factory=dict)
    languages: Mapping[int, str] = attrs.field(factory=dict)
    """The language of a server, where the file names one."""

    def allowed(self, guild_id: GuildId, channel_id: ChannelId | None) -> tuple[str, ...]:
        """Return who may answer here; all profiles where no table says so."""
        listed = None if channel_id is None else self.channels.get(channel_id)
        return listed or self.guilds.get(guild_id) or tuple(self.profiles)


Choice = Callable[[What, str], tuple[str, Origin] | None]
"""What was chosen in Discord of something, for a profile (voices) or for all of them (""), and for which place."""


@attrs.frozen
class InChannel:
    """What holds in one channel. ``profiles``: who may answer, the first one first."""

    profiles: tuple[str, ...]
    agent: Settled
    language: Settled
    mode: Settled
    voices: Mapping[str, Settled]

    def of(self, what: What) -> Settled:
        """Return one of them; of the voices the first one's."""
        match what:
            case "agent":
                return self.agent
            case "voice":
                return self.voices[self.agent.value]
            case "language":
                return self.language
            case "mode":
                return self.mode


def in_channel(file: FileLayers, guild_id: GuildId, channel_id: ChannelId | None, chosen: Choice) -> InChannel:
    """Lay the layers over each other for one channel, or for a server as a whole."""
    allowed = file.allowed(guild_id, channel_id)
    wanted = chosen("agent", "")
    agent = Settled(allowed[0], "file") if wanted is None or wanted[0] not in allowed else Settled(*wanted)
    first, base = file.profiles[agent.value], file.profiles[DEFAULT]
    language = file.languages.get(guild_id) or base.language
    return InChannel(
        profiles=(agent.value, *(name for name in allowed if name != agent.value)),
        agent=agent,
        language=_settled(chosen("language", ""), first.language if first is not base else "", language),
        mode=_settled(chosen("mode", ""), first.mode if first is not base else "", base.mode),
        voices={name: _voice(file.profiles[name], base, chosen) for name in allowed},
    )


def _voice(profile: Profile, base: Profile, chosen: Choice) -> Settled:
    own = profile.voice if profile is not base else ""
    return _settled(chosen("voice", profile.name), own, "" if profile.has_own_server else base.voice)


def _settled(chosen: tuple[str, Origin] | None, of_profile: str, of_file: str) -> Settled:
    if chosen is not None:
        return Settled(*chosen)
    return Settled(of_profile, "profile") if of_profile else Settled(of_file, "file")
