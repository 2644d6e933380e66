"""One client of discord.py, from its login to its end, and what its failures mean in words of ours."""

from __future__ import annotations

import logging
import random

import aiohttp
import attrs
import discord
import structlog
import trio
from discord import app_commands
from discord.errors import ConnectionClosed, LoginFailure, PrivilegedIntentsRequired

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.messages.links import CommandLinks
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.discord.registration import register
from voxbridge.errors import DiscordError, LoginRefused

_log = structlog.get_logger(__name__)

CLOSE_LIMIT_S = 3.0
_SYNC_LIMIT_S = 60.0
_BAD_REQUEST = 400
# Discord documentation, "Gateway Close Event Codes": the ones after which connecting again cannot help.
_GATEWAY_REFUSALS = {
    4004: "Discord does not accept the token. Copy it anew from the developer portal (Bot, Reset Token) into the "
    "credential that [discord] token names",
    4010: "Discord refuses the shard we asked for; this is a bug of VoxBridge",
    4011: "the bot is in more than 2500 servers and would need sharding, which VoxBridge does not do",
    4012: "Discord no longer speaks the gateway version of this discord.py; update VoxBridge",
    4013: "Discord refuses the intents as invalid; update VoxBridge",
}
_DISALLOWED_INTENTS = (
    "Discord refuses the intents (close code 4014). VoxBridge asks for guilds and voice states only, which are not "
    "privileged: look in the developer portal whether the bot is restricted"
)


@attrs.define
class Login:
    """``is_decided``: the gateway is ready, or ``failure`` says why not."""

    client: GatewayClient
    tree: app_commands.CommandTree[discord.Client]
    is_decided: trio.Event = attrs.field(factory=trio.Event)
    has_ended: trio.Event = attrs.field(factory=trio.Event)
    failure: DiscordError | None = None
    # The keepers leave their channels while it still runs: somebody has to read Discord's confirmations.
    _scope: trio.CancelScope = attrs.field(factory=lambda: trio.CancelScope(shield=True), init=False)

    async def run(self, island: Island, token: str) -> None:
        """Be logged in until ``end``, or until discord.py ends by itself."""
        with self._scope:
            try:
                await island.call(self.client.start, token)
            except Exception as exc:  # noqa: BLE001 - whatever ends discord.py ends the session, in words of ours
                self.failure = explain_failure(exc)
            finally:
                self.is_decided.set()
                self.has_ended.set()
                with trio.move_on_after(CLOSE_LIMIT_S, shield=True):
                    await self._close(island)

    async def end(self, island: Island) -> None:
        """Log out, within the limit."""
        with trio.move_on_after(CLOSE_LIMIT_S, shield=True):
            await self._close(island)
        self._scope.cancel("left")

    async def _close(self, island: Island) -> None:
        try:
            await island.call(self.client.close)
        except Exception as exc:  # noqa: BLE001 - we are leaving
            _log.warning("logging out did not go smoothly", error=type(exc).__name__)

    async def register_commands(self, island: Island, translator: app_commands.Translator, links: CommandLinks) -> None:
        """Tell Discord which slash commands there are. Without them the rest works: a failure is logged, and what may
        pass is tried again for ever.
        """
        backoff = Backoff(base_s=5.0, cap_s=600.0, rng=random.random)
        while True:
            error = ""
            with trio.move_on_after(_SYNC_LIMIT_S) as scope:
                try:
                    ids = await island.call(register, self.client, self.tree, translator)
                except (discord.DiscordException, aiohttp.ClientError, OSError, CallCancelled) as exc:
                    error = type(exc).__name__
                    if isinstance(exc, discord.HTTPException) and exc.status == _BAD_REQUEST:
                        # The list is wrong, by a text of the operator's or by a mistake of ours: it stays wrong.
                        _log.error("Discord refuses the slash commands", reason=exc.text)
                        return
                else:
                    links.learn(ids, groups_of(self.tree))
                    return
            wait_s = backoff.failed(trio.current_time(), 0.0)
            assert wait_s is not None, "this backoff has no circuit"
            error = "timeout" if scope.cancelled_caught else error
            _log.warning("the slash commands were not registered", error=error, again_in_s=round(wait_s, 1))
            await trio.sleep(wait_s)


def groups_of(tree: app_commands.CommandTree[discord.Client]) -> dict[str, list[str]]:
    """Return what stands below each command that is a group."""
    return {
        command.name: [below.name for below in command.commands]
        for command in tree.get_commands()
        if isinstance(command, app_commands.Group)
    }


def explain_failure(exc: Exception) -> DiscordError:
    """Say in a line what ended discord.py and what to do; ``retryable`` where waiting can help."""
    match exc:
        case LoginFailure():
            return LoginRefused(_GATEWAY_REFUSALS[4004])
        case PrivilegedIntentsRequired():
            return LoginRefused(_DISALLOWED_INTENTS)
        case ConnectionClosed(code=code) if code in _GATEWAY_REFUSALS:
            return LoginRefused(_GATEWAY_REFUSALS[code])
        case discord.Forbidden():
            return LoginRefused(f"Discord forbids the login (HTTP {exc.status}); is the application disabled?")
        case discord.HTTPException():
            failure = DiscordError(f"Discord answers the login with HTTP {exc.status}")
        case _:
            failure = DiscordError(f"the connection to Discord failed ({type(exc).__name__})")
    failure.retryable = True
    return failure


def quiet_discord_logs() -> None:
    """Keep discord.py from writing secrets and speech: its DEBUG level prints voice keys, tokens and messages.

    A filter, not a level: a level would stand over the one that a reload of the configuration sets.
    """
    for name in ("discord.gateway", "discord.http", "discord.webhook"):
        logging.getLogger(name).addFilter(_is_no_secret)


def _is_no_secret(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.INFO
