"""Telling Discord which slash commands there are, and only if it has other ones: they last over our restarts.

A list that is put anew counts against a daily limit, and members' clients load it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
import structlog
from discord import app_commands
from discord.http import Route

_log = structlog.get_logger(__name__)

# What we say of a command. Discord adds more: ids, versions, what it makes of fields that are left out.
_LISTS = ("options", "choices")
_FIELDS = (
    "name",
    "description",
    "name_localizations",
    "description_localizations",
    "default_member_permissions",
    "required",
    "autocomplete",
    "min_value",
    "max_value",
    "min_length",
    "max_length",
    "channel_types",
    "value",
)
_ONLY_IF_OURS = ("contexts", "integration_types", "nsfw", "type")

Tree = app_commands.CommandTree[discord.Client]


async def register(client: discord.Client, tree: Tree, translator: app_commands.Translator) -> dict[str, int]:
    """Make our commands the bot's only ones; return their ids by name. Asyncio side. Raises: discord.HTTPException."""
    await tree.set_translator(translator)
    ours = [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]
    application_id = client.application_id
    assert application_id is not None, "logged in"
    there: Any = await client.http.request(
        Route("GET", "/applications/{application_id}/commands", application_id=application_id),
        params={"with_localizations": "true"},
    )
    if is_same_list(ours, there):
        _log.info("the slash commands are registered already", commands=len(ours))
    else:
        there = await client.http.bulk_upsert_global_commands(application_id, payload=ours)
        _log.info("the slash commands were registered", commands=len(ours))
    return {command["name"]: int(command["id"]) for command in there}


def is_same_list(ours: object, theirs: object) -> bool:
    """Tell whether two lists of commands, options or choices say the same, in whatever order the commands stand."""
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != len(theirs):
        return not ours and not theirs
    by_name = {_name(each): each for each in theirs}
    return all(_name(each) in by_name and _is_same(each, by_name[_name(each)]) for each in ours)


def _name(what: object) -> str:
    return str(what.get("name")) if isinstance(what, Mapping) else ""


def _is_same(ours: Mapping[str, Any], theirs: object) -> bool:
    if not isinstance(theirs, Mapping):
        return False
    fields = [*_FIELDS, *(field for field in _ONLY_IF_OURS if ours.get(field) is not None)]
    if any(_plain(ours.get(field)) != _plain(theirs.get(field)) for field in fields):
        return False
    # the order of options is what members see
    has_order = [_name(each) for each in ours.get("options") or []] == [
        _name(each) for each in theirs.get("options") or []
    ]
    return has_order and all(is_same_list(ours.get(each) or [], theirs.get(each) or []) for each in _LISTS)


def _plain(value: object) -> object:
    """Return a value in one form: Discord says nothing, null, false or empty where we say one of the others."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value or None
