"""What exists: guilds, channels, people, bots, and who is in which voice channel."""

from __future__ import annotations

import datetime as dt
import itertools
import secrets
from typing import Final

import attrs

from voxbridge.clock import wall_iso
from voxbridge.core.ids import ChannelId, GuildId, UserId

TEXT, VOICE, STAGE, PUBLIC_THREAD = 0, 2, 13, 11

BOT_ID: Final = UserId(100_000_000_000_000_001)
OWNER_ID: Final = UserId(200_000_000_000_000_001)
GUILD_ID: Final = GuildId(900_000_000_000_000_001)
VOICE_CHANNEL_ID: Final = ChannelId(900_000_000_000_000_002)
OTHER_VOICE_CHANNEL_ID: Final = ChannelId(900_000_000_000_000_003)
TEXT_CHANNEL_ID: Final = ChannelId(900_000_000_000_000_004)
# The form of a real token (three parts), and evidently none.
BOT_TOKEN: Final = "MTAwMDAwMDAwMDAwMDAwMDAx.simulated.this-is-not-a-token"  # noqa: S105  (opens nothing)

# View channels, send messages, embed links, attach files, read history, connect, speak, use voice activity, use
# application commands, create public threads, send messages in threads.
EVERYONE_PERMISSIONS = sum(1 << bit for bit in (10, 11, 14, 15, 16, 20, 21, 25, 31, 35, 38))
CONNECT_PERMISSION = 1 << 20
ATTACH_FILES_PERMISSION = 1 << 15
MANAGE_CHANNELS_PERMISSION = 1 << 4
VOICE_STATUS_PERMISSION = 1 << 48

_DISCORD_EPOCH_MS = 1_420_070_400_000
_numbers = itertools.count(1)


def snowflake() -> int:
    """Make a fresh id that carries the present wall-clock time, as clients expect of messages and interactions."""
    now_ms = int(dt.datetime.fromisoformat(wall_iso()).timestamp() * 1000)
    return (now_ms - _DISCORD_EPOCH_MS) << 22 | (next(_numbers) & 0x3F_FFFF)


@attrs.define(eq=False)
class User:
    """A person or a bot."""

    id: UserId
    name: str
    is_bot: bool = False
    permissions: int = EVERYONE_PERMISSIONS  # what an interaction reports for this member
    locale: str = "en-US"  # of the member's client
    role_ids: list[int] = attrs.field(factory=list)  # without @everyone, as Discord sends them


@attrs.define(eq=False)
class Channel:
    """A text or voice channel, or a thread (then ``parent_id`` is set)."""

    id: ChannelId
    guild_id: GuildId
    name: str
    kind: int
    user_limit: int = 0  # 0: no limit
    parent_id: ChannelId | None = None
    status: str = ""  # of a voice channel


@attrs.define(eq=False)
class Guild:
    """A guild; everybody has the same permissions in it."""

    id: GuildId
    name: str
    owner_id: UserId = OWNER_ID
    locale: str = "en-US"
    everyone_permissions: int = EVERYONE_PERMISSIONS
    channels: dict[ChannelId, Channel] = attrs.field(factory=dict)
    roles: dict[int, str] = attrs.field(factory=dict)  # names by id, without @everyone
    member_ids: list[UserId] = attrs.field(factory=list)


@attrs.define(eq=False)
class VoiceState:
    """A user's presence in a voice channel, as the main gateway tells it."""

    guild_id: GuildId
    user_id: UserId
    channel_id: ChannelId | None
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    mute: bool = False
    deaf: bool = False
    suppress: bool = False  # in a stage's audience


@attrs.define(eq=False)
class Bot:
    """A bot that may log in with its token. Its application has the same id."""

    user: User
    token: str = attrs.field(repr=False)


class World:
    """Everything that outlives a connection."""

    def __init__(self, bot_token: str) -> None:
        self.users: dict[UserId, User] = {}
        self.guilds: dict[GuildId, Guild] = {}
        self.bots: dict[str, Bot] = {}
        self.voice_states: dict[tuple[GuildId, UserId], VoiceState] = {}
        self.add_user(User(OWNER_ID, "owner"))
        guild = self.add_guild("Rehearsal", guild_id=GUILD_ID)
        self.add_channel(guild.id, "Stage door", VOICE, channel_id=VOICE_CHANNEL_ID)
        self.add_channel(guild.id, "Green room", VOICE, channel_id=OTHER_VOICE_CHANNEL_ID)
        self.add_channel(guild.id, "notices", TEXT, channel_id=TEXT_CHANNEL_ID)
        self.add_bot("voxbridge", token=bot_token, user_id=BOT_ID)

    def add_guild(self, name: str, *, guild_id: GuildId | None = None) -> Guild:
        """Found a guild with its owner; all bots that exist are members of it."""
        guild = Guild(guild_id or GuildId(snowflake()), name)
        self.guilds[guild.id] = guild
        guild.member_ids = [OWNER_ID, *(bot.user.id for bot in self.bots.values())]
        return guild

    def add_channel(
        self,
        guild_id: GuildId,
        name: str,
        kind: int,
        *,
        channel_id: ChannelId | None = None,
        user_limit: int = 0,
        parent_id: ChannelId | None = None,
    ) -> Channel:
        """Add a channel to a guild."""
        channel = Channel(channel_id or ChannelId(snowflake()), guild_id, name, kind, user_limit, parent_id)
        self.guilds[guild_id].channels[channel.id] = channel
        return channel

    def add_user(self, user: User, *guild_ids: GuildId) -> User:
        """Add a person, as a member of guilds."""
        self.users[user.id] = user
        for guild_id in guild_ids:
            self.guilds[guild_id].member_ids.append(user.id)
        return user

    def add_bot(self, name: str, *, token: str = "", user_id: UserId | None = None, is_bot: bool = True) -> Bot:
        """Add a bot to every guild that exists; without a token it gets one that nobody can guess.

        Not ``is_bot``: a client that logs in like a bot and is a person to all others, which Discord itself forbids.
        """
        user = User(user_id or UserId(snowflake()), name, is_bot=is_bot)
        bot = Bot(user, token or f"{user.id}.simulated.{secrets.token_urlsafe(16)}")
        self.bots[bot.token] = bot
        self.add_user(user, *self.guilds)
        return bot

    def members_named(self, guild: Guild, beginning: str) -> list[User]:
        """Return the members of a guild whose names begin so, whatever the case."""
        users = [self.users[user_id] for user_id in guild.member_ids]
        return [user for user in users if user.name.casefold().startswith(beginning.casefold())]

    def channel(self, channel_id: int) -> Channel | None:
        """Find a channel of any guild."""
        return next((g.channels[ChannelId(channel_id)] for g in self.guilds.values() if channel_id in g.channels), None)

    def bot(self, user_id: UserId) -> Bot:
        """Find a bot by its user id. Raises: KeyError."""
        for bot in self.bots.values():
            if bot.user.id == user_id:
                return bot
        raise KeyError(user_id)

    def people_in(self, channel_id: int) -> list[UserId]:
        """Return who is in a voice channel, as the main gateway would tell it."""
        return [state.user_id for state in self.voice_states.values() if state.channel_id == channel_id]
