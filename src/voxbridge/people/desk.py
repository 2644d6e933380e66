"""/agent, /voice, /language, /mode and /settings: what may be chosen, who may choose, and what it comes to.

typed -> offered (profiles, the server's voices, languages, modes) -> chosen -> the book (``chosen.py``) -> the rooms
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import structlog

from voxbridge.config.settings import Settings
from voxbridge.config.stages import AUTO, LANGUAGE
from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.profiles.choices import LANGUAGE_CODES, MODES, Offer, language_name, matching
from voxbridge.core.profiles.layers import DEFAULT, WHATS, Settled, What
from voxbridge.people.chosen import Chosen
from voxbridge.people.profiles import Profiles
from voxbridge.stages.contracts import voices_of
from voxbridge.stages.registry import Stages

_log = structlog.get_logger(__name__)


class Desk:
    """Where settings are chosen. ``stages`` are there once they are open; until then no server's voices are known."""

    def __init__(self, settings_now: Callable[[], Settings], profiles: Profiles, chosen: Chosen) -> None:
        self._settings_now, self._profiles, self._chosen = settings_now, profiles, chosen
        self.stages: Stages | None = None

    @property
    def goes_by_role(self) -> bool:
        """Tell whether the operator says who may choose, and not Discord."""
        return bool(self._settings_now().commands.roles)

    def offers(
        self, guild_id: GuildId, channel_id: ChannelId | None, what: What, profile: str, typed: str, locale: str
    ) -> list[Offer]:
        """Return what may be chosen that fits what was typed so far, the likeliest first; at most 25."""
        return matching(self._all(guild_id, channel_id, what, profile, locale), typed)

    def _all(
        self, guild_id: GuildId, channel_id: ChannelId | None, what: What, profile: str, locale: str
    ) -> Iterable[Offer]:
        match what:
            case "agent":
                return [Offer(name, name) for name in self._profiles.file.allowed(guild_id, channel_id)]
            case "voice":
                return [Offer(name, name) for name in self._voices(self._whose(guild_id, channel_id, profile))]
            case "language":
                return [Offer(code, language_name(code, locale)) for code in self._languages()]
            case "mode":
                return [Offer(mode, line(f"mode_{mode}")) for mode in MODES]

    def _whose(self, guild_id: GuildId, channel_id: ChannelId | None, profile: str) -> str:
        return profile or self._profiles.what_holds(guild_id, channel_id).agent.value

    def _voices(self, profile: str) -> tuple[str, ...]:
        stages = self.stages
        return () if stages is None else voices_of(stages.voices.get(profile, stages.tts))

    def _languages(self) -> list[str]:
        stt = self._settings_now().stt
        finds = all(each.finds_language for each in (stt, *stt.backup))
        return [*([AUTO] if finds else []), *LANGUAGE_CODES]

    async def choose(
        self,
        guild_id: GuildId,
        member: MemberJoined,
        what: What,
        value: str,
        *,
        channel_id: ChannelId | None = None,
        profile: str = "",
    ) -> Line:
        """Take a choice, for one channel or for the server, and say what holds now."""
        if not self._may_choose(member):
            return line("settings_role")
        value, profile = value.strip(), profile.strip()
        allowed = self._profiles.file.allowed(guild_id, channel_id)
        if profile and profile not in allowed:
            return line("settings_unknown", value=profile)
        profile = self._whose(guild_id, channel_id, profile) if what == "voice" else ""
        if not self._is_allowed(what, value, profile, allowed):
            return line("settings_unknown", value=value)
        lasts = await self._chosen.choose(guild_id, channel_id, what, value, profile)
        _log.info("a setting was chosen in Discord", guild=str(guild_id), what=what, user=str(member.user_id))
        told = line("settings_chosen", what=_what(what, profile), value=_value(what, value))
        if channel_id is not None:
            told = line("settings_in_channel", told=told, channel=f"<#{channel_id}>")
        return told if lasts else line("settings_not_stored", told=told)

    def _may_choose(self, member: MemberJoined) -> bool:
        roles = {int(role) for role in self._settings_now().commands.roles}
        return not roles or bool(roles & (member.role_ids or frozenset()))

    def _is_allowed(self, what: What, value: str, profile: str, allowed: tuple[str, ...]) -> bool:
        match what:
            case "agent":
                return value in allowed
            case "voice":
                voices = self._voices(profile)
                return bool(value) and (not voices or value in voices)  # a server that lists none is believed
            case "language":
                is_code = re.fullmatch(LANGUAGE, value) is not None
                return value in self._languages() or (is_code and language_name(value, "en") != value)
            case "mode":
                return value in MODES

    async def reset(
        self, guild_id: GuildId, member: MemberJoined, what: What | None, channel_id: ChannelId | None
    ) -> Line:
        """Take choices back, so that the file says again what holds."""
        if not self._may_choose(member):
            return line("settings_role")
        count, lasts = await self._chosen.reset(guild_id, what, channel_id)
        if not count:
            return line("settings_none")
        told = line("settings_reset", count=count)
        return told if lasts else line("settings_not_stored", told=told)

    def show(self, guild_id: GuildId, channel_id: ChannelId | None) -> Line:
        """Say what holds, and where each value came from."""
        rows = [self._row(*each) for each in self.settled(guild_id, channel_id)]
        others = [
            line("settings_row_of", channel=f"<#{entry.channel_id}>", row=_row(entry.what, entry.profile, entry.value))
            for entry in self._chosen.entries(guild_id)
            if channel_id is None and entry.channel_id is not None
        ]
        return line("settings_list", rows=[*rows, *others])

    def brief(self, guild_id: GuildId, channel_id: ChannelId | None) -> Line:
        """Say in one line what holds, for /status."""
        return line("settings_brief", rows=[self._row(*each) for each in self.settled(guild_id, channel_id)])

    def settled(self, guild_id: GuildId, channel_id: ChannelId | None) -> Iterable[tuple[What, str, Settled]]:
        """Yield what holds, of voices by profile, each with where it came from."""
        holds = self._profiles.what_holds(guild_id, channel_id)
        for what in WHATS:
            if what == "voice":
                yield from (("voice", name, holds.voices[name]) for name in holds.profiles)
            else:
                yield what, "", holds.of(what)

    @staticmethod
    def _row(what: What, profile: str, settled: Settled) -> Line:
        row = _row(what, profile, settled.value)
        return line("settings_from", row=row, origin=line(f"origin_{settled.origin}"))


def _row(what: What, profile: str, value: str) -> Line:
    return line("settings_row", what=_what(what, profile), value=_value(what, value))


def _what(what: What, profile: str) -> Line:
    if what == "voice" and profile not in ("", DEFAULT):
        return line("what_voice_of", profile=profile)
    return line(f"what_{what}")


def _value(what: What, value: str) -> Line | str:
    if what == "mode" and value in MODES:
        return line(f"mode_{value}")
    return f"`{value.replace('`', '')}`" if value else line("settings_server_s_own")
