"""Before the daemon is started: does Discord take the token, and how is the bot invited?

The same library, connector and calls as the daemon's own login, so that what passes here passes there. No gateway
connection is made, and nobody sees the bot come online.
"""

from __future__ import annotations

import aiohttp
import attrs
import discord
import trio

from voxbridge.config.discord import DiscordSettings
from voxbridge.discord.island import open_island
from voxbridge.discord.network import make_connector
from voxbridge.errors import DiscordError, LoginRefused, VoxBridgeError

# discord.py repeats a request up to five times with growing pauses when Discord has trouble; a person waits here.
LIMIT_S = 20.0

SCOPES = ("bot", "applications.commands")
# View Channel is in it because without it Connect is refused (Discord documentation, topic "Permissions",
# implicit permissions).
PERMISSIONS = discord.Permissions(view_channel=True, connect=True, speak=True, send_messages=True, attach_files=True)

# The daemon's; neither is privileged, so the bot's page needs no switch for them.
_INTENTS = discord.Intents(guilds=True, voice_states=True)

# Discord documentation, topic "Opcodes and Status Codes", JSON error codes
_UNKNOWN_CHANNEL, _MISSING_ACCESS = 10003, 50001


@attrs.frozen
class Account:
    """What Discord says of the token. ``unseen`` and ``not_voice`` are entries of ``join`` that can't work.

    ``plain_stages`` are stages, which are not end-to-end encrypted, where ``require_e2ee`` demands that.
    """

    name: str
    application_id: int
    is_public: bool
    requires_code_grant: bool
    invite_url: str
    unseen: tuple[str, ...]
    not_voice: tuple[str, ...]
    plain_stages: tuple[str, ...]


async def preflight(settings: DiscordSettings, *, limit_s: float = LIMIT_S) -> Account:
    """Log in over REST only and look at the channels of ``join``.

    Raises:
        ConfigError: ``[discord.network]`` is wrong.
        LoginRefused: Discord does not take the token.
        DiscordError: Discord cannot be reached or has trouble, or ``limit_s`` is over.
    """
    outcome: Account | VoxBridgeError = DiscordError(f"Discord did not answer within {limit_s:g} s")
    with trio.move_on_after(limit_s):
        async with open_island() as island:
            # raised only outside of the island, whose nurseries would wrap it
            try:
                outcome = await island.call(_ask, settings)
            except VoxBridgeError as error:
                outcome = error
    if isinstance(outcome, VoxBridgeError):
        raise outcome
    return outcome


async def _ask(settings: DiscordSettings) -> Account:
    connector = await make_connector(settings.network)
    try:
        async with discord.Client(intents=_INTENTS, connector=connector) as client:
            await client.login(settings.token.reveal())
            return _account(client, {place: await _look(client, place, settings) for place in settings.join})
    except discord.LoginFailure as exc:
        raise LoginRefused(
            "Discord does not accept the token: copy it anew from https://discord.com/developers/applications "
            "(Bot, Reset Token)"
        ) from exc
    except discord.HTTPException as exc:
        raise DiscordError(
            f"Discord answers with HTTP {exc.status}: it has trouble, or a proxy stands between"
        ) from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise DiscordError(
            f"Discord cannot be reached ({type(exc).__name__}): check the network, DNS and [discord.network]"
        ) from exc


def _account(client: discord.Client, seen: dict[str, str]) -> Account:
    application = client.application
    assert application is not None, "login() fetches it"
    return Account(
        name=str(client.user),
        application_id=application.id,
        is_public=application.bot_public,
        requires_code_grant=application.bot_require_code_grant,
        invite_url=discord.utils.oauth_url(application.id, permissions=PERMISSIONS, scopes=SCOPES),
        unseen=tuple(place for place, channel in seen.items() if channel == "unseen"),
        not_voice=tuple(place for place, channel in seen.items() if channel == "not voice"),
        plain_stages=tuple(place for place, channel in seen.items() if channel == "plain stage"),
    )


async def _look(client: discord.Client, place: str, settings: DiscordSettings) -> str:
    guild_id, _, channel_id = place.partition(":")
    try:
        channel = await client.fetch_channel(int(channel_id))
    except (discord.NotFound, discord.Forbidden) as exc:
        # any other code says nothing of the channel
        return "unseen" if exc.code in (_UNKNOWN_CHANNEL, _MISSING_ACCESS) else "unknown"
    if not isinstance(channel, discord.VoiceChannel | discord.StageChannel) or channel.guild.id != int(guild_id):
        return "not voice"
    if isinstance(channel, discord.StageChannel) and settings.require_e2ee:
        return "plain stage"
    return "voice"
