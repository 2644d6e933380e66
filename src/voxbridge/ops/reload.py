"""What a reload changes while the daemon runs, and what waits for a restart.

Each option says itself which of the two it is (``live``): looked at anew for each thing that begins, or held by
something that was made at the start, such as a connection, a client, a process, a socket.
"""

from __future__ import annotations

from typing import Any

import attrs

from voxbridge.config.catalogue import default_of, is_named_tables
from voxbridge.config.discord import DiscordSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.discord.bridge import parse_seats
from voxbridge.errors import ConfigError


@attrs.frozen
class Change:
    """What another configuration changes: ``settings`` are those that hold from now on."""

    settings: Settings
    applied: tuple[str, ...]
    needs_restart: tuple[str, ...]


def change(old: Settings, new: Settings) -> Change:
    """Take over from ``new`` what can be changed live; name the rest by key (values may be secret)."""
    applied: list[str] = []
    waiting: list[str] = []
    waits = _profiles_that_wait(old, new)
    texts, waiting_texts = _texts(old.discord, new.discord)
    now = attrs.evolve(new, **waits, discord=attrs.evolve(new.discord, texts=texts))
    settings: Settings = _merge(old, now, "", applied, waiting)
    waiting.extend(waiting_texts)
    waiting.extend(key for key in waits if getattr(old, key) != getattr(new, key))
    return Change(settings, tuple(applied), tuple(waiting))


def _texts(old: DiscordSettings, new: DiscordSettings) -> tuple[dict[str, str], list[str]]:
    """Return the operator's own texts that hold from now on, and which wait: Discord was told of commands at login."""
    before, after = old.command_texts, new.command_texts
    others = {key: text for key, text in new.texts.items() if key not in after}
    waiting = [f"discord.texts.{key}" for key in {**after, **before} if before.get(key) != after.get(key)]
    return {**others, **before}, waiting


def _profiles_that_wait(old: Settings, new: Settings) -> dict[str, Any]:
    """Return who answers where, as it is: it stays so if a place names one that must wait for its server."""
    new_ones = {name for name, profile in new.profile.items() if name not in old.profile and _has_server(profile)}
    named = {name for guild in new.guild for name in guild.profiles}
    named |= {name for channel in new.channel for name in channel.profiles}
    tables = ("profile", "guild", "channel") if new_ones & named else ()
    return {table: getattr(old, table) for table in tables}


def _merge(old: Any, new: Any, path: str, applied: list[str], waiting: list[str]) -> Any:
    taken: dict[str, Any] = {}
    news = {field.name for field in attrs.fields(type(new))}
    for field in attrs.fields(type(old)):
        key = path + field.name
        if field.name not in news:
            waiting.extend(_own(old, field, path))
            continue
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if is_named_tables(field) and not path:  # those within a stage's table belong to its backend
            taken[field.name] = _merge_named(before, after, f"{key}.", applied, waiting)
        elif _is_section(before) and _is_section(after):
            taken[field.name] = _merge(before, after, f"{key}.", applied, waiting)
        elif field.metadata["live"]:
            applied.append(key)
            taken[field.name] = after
        else:
            waiting.append(key)
    olds = {field.name for field in attrs.fields(type(old))}
    for field in attrs.fields(type(new)):
        if field.name not in olds:
            waiting.extend(_own(new, field, path))
    return attrs.evolve(old, **taken) if taken else old


def _merge_named(old: Any, new: Any, path: str, applied: list[str], waiting: list[str]) -> dict[str, Any]:
    """Take over tables by name. One that is new and brings a server of its own waits for a restart as a whole."""
    taken: dict[str, Any] = {}
    for name in dict.fromkeys((*new, *old)):
        key = f"{path}{name}"
        if name in old and name in new:
            taken[name] = _merge(old[name], new[name], f"{key}.", applied, waiting)
        elif name in new and _has_server(new[name]):
            waiting.append(key)
        else:
            applied.append(key)
            if name in new:
                taken[name] = new[name]
    return taken


def _is_section(value: object) -> bool:
    return attrs.has(type(value)) and not isinstance(value, Secret)


def _has_server(section: Any) -> bool:
    return any(_is_section(getattr(section, field.name)) for field in attrs.fields(type(section)))


def _own(section: Any, field: attrs.Attribute[Any], path: str) -> list[str]:
    """Name what only one of two kinds of backend has, if it is set; the kind itself waits for a restart."""
    return [] if getattr(section, field.name) == default_of(field) else [path + field.name]


@attrs.frozen
class Reloaded:
    """What came of a reload. ``problems`` of a refused one say what is wrong with the file, else what did not work.

    ``warnings`` tell what is not as it stands in the file: numbers that were clamped.
    """

    is_taken: bool
    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the record for ``ctl reload``."""
        return attrs.asdict(self)


def refused(error: ConfigError) -> Reloaded:
    """Return what a bad configuration comes to: nothing changes."""
    return Reloaded(is_taken=False, problems=(str(error), *getattr(error, "__notes__", ())))


@attrs.frozen
class Moves:
    """What another join list asks for: channels to leave, by guild, and channels to sit in."""

    leave: tuple[GuildId, ...]
    join: tuple[tuple[GuildId, ChannelId], ...]


def moves(old: tuple[str, ...], new: tuple[str, ...]) -> Moves:
    """Compare two join lists. What stands in both is left as it is, wherever a command has sent us meanwhile.

    Raises: ConfigError when the new list names a guild twice.
    """
    before, after = dict(parse_seats(old)), dict(parse_seats(new))
    return Moves(
        leave=tuple(guild for guild in before if guild not in after),
        join=tuple((guild, channel) for guild, channel in after.items() if before.get(guild) != channel),
    )
