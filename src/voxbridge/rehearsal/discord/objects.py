"""The JSON objects of Discord's API, with the fields that discord.py 2.7 and other clients read."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from voxbridge.core.ids import UserId
from voxbridge.rehearsal.discord.record import PostedMessage
from voxbridge.rehearsal.discord.world import (
    OWNER_ID,
    PUBLIC_THREAD,
    TEXT,
    Bot,
    Channel,
    Guild,
    User,
    VoiceState,
    World,
)

Json = dict[str, Any]
_LONG_AGO = "2024-01-01T00:00:00+00:00"


def user_object(user: User) -> Json:
    """Return a user."""
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": "0",
        "global_name": None,
        "avatar": None,
        "bot": user.is_bot,
        "flags": 0,
        "public_flags": 0,
    }


def member_object(user: User) -> Json:
    """Return a guild member."""
    return {
        "user": user_object(user),
        "roles": [str(role_id) for role_id in user.role_ids],
        "joined_at": _LONG_AGO,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "nick": None,
        "avatar": None,
        "premium_since": None,
        "pending": False,
        "permissions": str(user.permissions),
    }


def application_object(bot: Bot, owner: User) -> Json:
    """Return a bot's application."""
    return {
        "id": str(bot.user.id),
        "name": bot.user.name,
        "description": "",
        "icon": None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "00",
        "flags": 0,
        "owner": user_object(owner),
        "team": None,
        "summary": "",
        "bot": user_object(bot.user),
    }


def channel_object(channel: Channel) -> Json:
    """Return a channel or a thread."""
    common: Json = {
        "id": str(channel.id),
        "type": channel.kind,
        "name": channel.name,
        "guild_id": str(channel.guild_id),
        "parent_id": str(channel.parent_id) if channel.parent_id else None,
        "rate_limit_per_user": 0,
        "last_message_id": None,
    }
    if channel.kind == PUBLIC_THREAD:
        metadata = {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": _LONG_AGO, "locked": False}
        return common | {
            "owner_id": str(OWNER_ID),
            "message_count": 0,
            "member_count": 1,
            "thread_metadata": metadata,
            "flags": 0,
        }
    common |= {"position": 0, "permission_overwrites": [], "nsfw": False}
    if channel.kind == TEXT:
        return common | {"topic": None}
    return common | {"bitrate": 64_000, "user_limit": channel.user_limit, "rtc_region": None, "video_quality_mode": 1}


def voice_state_object(state: VoiceState, user: User | None = None) -> Json:
    """Return a voice state; with its member where the gateway sends one."""
    channel_id = str(state.channel_id) if state.channel_id is not None else None
    result: Json = {
        "guild_id": str(state.guild_id),
        "channel_id": channel_id,
        "user_id": str(state.user_id),
        "session_id": state.session_id,
        "deaf": state.deaf,
        "mute": state.mute,
        "self_deaf": state.self_deaf,
        "self_mute": state.self_mute,
        "self_video": False,
        "suppress": state.suppress,
        "request_to_speak_timestamp": None,
    }
    if user is not None:
        result["member"] = member_object(user)
    return result


def role_object(role_id: int, name: str, permissions: int, position: int) -> Json:
    """Return a role of a guild. The one with the guild's own id is @everyone, which no member's list has."""
    return {
        "id": str(role_id),
        "name": name,
        "permissions": str(permissions),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def guild_object(world: World, guild: Guild, viewer_id: UserId) -> Json:
    """Return a guild as GUILD_CREATE sends it: without privileged intents, members are oneself and those in voice."""
    states = [s for s in world.voice_states.values() if s.guild_id == guild.id and s.channel_id is not None]
    shown = dict.fromkeys([viewer_id, *(state.user_id for state in states)])
    roles = [
        role_object(role_id, name, guild.everyone_permissions, position)
        for position, (role_id, name) in enumerate([(guild.id, "@everyone"), *guild.roles.items()])
    ]
    channels = list(guild.channels.values())
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "region": "deprecated",
        "afk_timeout": 300,
        "afk_channel_id": None,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": roles,
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "premium_tier": 0,
        "preferred_locale": guild.locale,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "large": False,
        "unavailable": False,
        "member_count": len(guild.member_ids),
        "joined_at": _LONG_AGO,
        "voice_states": [voice_state_object(state) for state in states],
        "members": [member_object(world.users[user_id]) for user_id in shown],
        "channels": [channel_object(c) for c in channels if c.kind != PUBLIC_THREAD],
        "threads": [channel_object(c) for c in channels if c.kind == PUBLIC_THREAD],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "icon": None,
        "description": None,
        "banner": None,
        "splash": None,
        "discovery_splash": None,
        "public_updates_channel_id": None,
        "application_id": None,
        "vanity_url_code": None,
    }


def emoji_object(emoji: str) -> Json:
    """Return an emoji as clients name it in a path: a character, or name:id for one of a guild's own."""
    name, _, number = emoji.partition(":")
    return {"name": name, "id": number or None, "animated": False}


def _attachment_objects(message: PostedMessage) -> list[Json]:
    place = f"https://cdn.discordapp.com/attachments/{message.channel_id}/{message.id}"
    return [
        {
            "id": str(message.id + number),
            "filename": name,
            "size": len(content),
            "url": f"{place}/{quote(name)}",
            "proxy_url": f"{place}/{quote(name)}",
        }
        for number, (name, content) in enumerate(message.files.items())
    ]


def _reply(message: PostedMessage) -> Json:
    if message.reply_to is None:
        return {"type": 0}
    return {
        "type": 19,
        "message_reference": {"message_id": str(message.reply_to), "channel_id": str(message.channel_id)},
    }


def message_object(message: PostedMessage, author: User, *, flags: int = 0) -> Json:
    """Return a message."""
    return _reply(message) | {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "author": user_object(author),
        "content": message.content,
        "timestamp": _LONG_AGO,
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": _attachment_objects(message),
        "embeds": [{"type": "rich", **embed} for embed in message.embeds],
        "components": [],
        "reactions": [
            {
                "emoji": emoji_object(emoji),
                "count": len(who),
                "count_details": {"normal": len(who), "burst": 0},
                "me": False,
                "me_burst": False,
                "burst_colors": [],
            }
            for emoji, who in message.reactions.items()
            if who
        ],
        "pinned": False,
        "flags": flags,
    }
