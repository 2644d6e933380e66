"""Readers of what the main gateway says about voice. Total: any value in, None for what makes no sense."""

from __future__ import annotations

import attrs

from voxbridge.core.call.facts import VoiceServer
from voxbridge.core.ids import ChannelId, GuildId, UserId


@attrs.frozen
class VoiceState:
    """Where somebody is, and what is done to him (documentation: "Voice State Object")."""

    guild_id: GuildId
    user_id: UserId
    channel_id: ChannelId | None
    session_id: str
    is_muted: bool  # by the server
    is_deafened: bool  # by the server
    is_suppressed: bool  # in a stage's audience


def read_voice_state(data: object) -> VoiceState | None:
    """Read a VOICE_STATE_UPDATE."""
    if not isinstance(data, dict):
        return None
    guild_id, user_id, channel_id = (snowflake(data.get(key)) for key in ("guild_id", "user_id", "channel_id"))
    if guild_id is None or user_id is None or (channel_id is None and data.get("channel_id") is not None):
        return None
    session_id = data.get("session_id")
    return VoiceState(
        GuildId(guild_id),
        UserId(user_id),
        ChannelId(channel_id) if channel_id is not None else None,
        session_id if isinstance(session_id, str) else "",
        is_muted=data.get("mute") is True,
        is_deafened=data.get("deaf") is True,
        is_suppressed=data.get("suppress") is True,
    )


def read_voice_server(data: object) -> tuple[GuildId, VoiceServer] | None:
    """Read a VOICE_SERVER_UPDATE."""
    if not isinstance(data, dict):
        return None
    guild_id, token, endpoint = snowflake(data.get("guild_id")), data.get("token"), data.get("endpoint")
    if guild_id is None or not isinstance(token, str) or not isinstance(endpoint, str | None):
        return None
    return GuildId(guild_id), VoiceServer(token, endpoint or None)


def snowflake(value: object) -> int | None:
    """Read a snowflake, which Discord writes as a string."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdecimal() and int(value) > 0:
        return int(value)
    return None
