"""REST: users, applications, the way to the gateway, slash commands."""

from __future__ import annotations

from typing import Any

from voxbridge.core.ids import GuildId, UserId
from voxbridge.rehearsal.discord.command_rules import as_body, mistakes_in
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.interactions import without_localizations
from voxbridge.rehearsal.discord.objects import (
    application_object,
    user_object,
)
from voxbridge.rehearsal.discord.rest_table import Ask, Routes
from voxbridge.rehearsal.discord.world import OWNER_ID

routes = Routes()


@routes.on("GET", "/users/@me")
def _me(ask: Ask) -> Response:
    return Response(200, user_object(ask.bot.user))


@routes.on("GET", "/users/{id}")
def _user(ask: Ask) -> Response:
    user = ask.rest.world.users.get(UserId(int(ask.args[0])))
    return Response(200, user_object(user)) if user else Response(404, {"message": "Unknown User", "code": 10013})


@routes.on("GET", "/oauth2/applications/@me")
@routes.on("GET", "/applications/@me")
def _application(ask: Ask) -> Response:
    return Response(200, application_object(ask.bot, ask.rest.world.users[OWNER_ID]))


@routes.on("GET", "/gateway")
@routes.on("GET", "/gateway/bot")
def _gateway(ask: Ask) -> Response:
    # A client that was pointed at localhost gets localhost back.
    host = ask.request.headers.get("host", "").split(":")[0]
    is_local = host in ("localhost", "127.0.0.1")
    url = f"wss://{host}:{ask.rest.gateway.port}" if is_local else "wss://gateway.discord.gg"
    limits = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
    return Response(200, {"url": url, "shards": 1, "session_start_limit": limits})


def _guild_of(args: tuple[str, ...]) -> GuildId | None:
    return GuildId(int(args[1])) if len(args) > 1 else None


@routes.on("GET", "/applications/{id}/commands")
@routes.on("GET", "/applications/{id}/guilds/{guild}/commands")
def _commands(ask: Ask) -> Response:
    commands = ask.rest.interactions.commands(ask.bot.user.id, _guild_of(ask.args))
    if ask.request.query.get("with_localizations") != "true":
        commands = [without_localizations(command) for command in commands]
    return Response(200, commands)


@routes.on("PUT", "/applications/{id}/commands")
@routes.on("PUT", "/applications/{id}/guilds/{guild}/commands")
def _put_commands(ask: Ask) -> Response:
    if mistakes := mistakes_in(ask.request.body):
        return Response(400, as_body(mistakes))
    return Response(200, ask.rest.interactions.replace_all(ask.bot.user.id, _guild_of(ask.args), ask.request.body))


@routes.on("POST", "/applications/{id}/commands")
@routes.on("POST", "/applications/{id}/guilds/{guild}/commands")
def _post_command(ask: Ask) -> Response:
    command: dict[str, Any] = ask.request.body
    if mistakes := mistakes_in([command]):
        return Response(400, as_body(mistakes))
    ask.rest.record.touch()
    return Response(201, ask.rest.interactions.register(ask.bot.user.id, _guild_of(ask.args), command))


@routes.on("DELETE", "/applications/{id}/commands/{command}")
def _delete_command(ask: Ask) -> Response:
    found = ask.rest.interactions.remove(ask.bot.user.id, None, ask.args[1])
    return Response(204) if found else Response(404, {"message": "Unknown application command", "code": 10063})


@routes.on("DELETE", "/applications/{id}/guilds/{guild}/commands/{command}")
def _delete_guild_command(ask: Ask) -> Response:
    found = ask.rest.interactions.remove(ask.bot.user.id, GuildId(int(ask.args[1])), ask.args[2])
    return Response(204) if found else Response(404, {"message": "Unknown application command", "code": 10063})
