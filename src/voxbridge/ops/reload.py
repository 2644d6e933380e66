"""What a reload may change while the daemon runs, key by key, and what waits for a restart."""

from __future__ import annotations

from typing import Any

import attrs

from voxbridge.config.settings import Secret, Settings
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.discord.bridge import parse_seats
from voxbridge.errors import ConfigError

# Whole tables and single keys that are looked at anew for each thing that begins, or put into force by the daemon.
# All else is held by something that was made at the start: a connection, a client, a process, a socket.
LIVE: tuple[str, ...] = (
    "agent.target_ms",
    "barge_in",
    "discord.join",
    "drain",
    "endpointing",
    "journal.file",
    "log",
    "stt.language",
    "stt.target_ms",
    "tts.first_byte_target_ms",
    "tts.sentence_target_ms",
    "turn",
)
# Within these tables, what is made at the start all the same: a model, a sound.
NOT_LIVE: tuple[str, ...] = ("endpointing.turn_model", "turn.apology", "turn.mute_apology")


@attrs.frozen
class Change:
    """What another configuration changes: ``settings`` are those that hold from now on."""

    settings: Settings
    applied: tuple[str, ...]
    needs_restart: tuple[str, ...]


def is_live(key: str) -> bool:
    """Tell whether a setting, by its dotted key, can change without a restart."""
    return _is_under(key, LIVE) and not _is_under(key, NOT_LIVE)


def change(old: Settings, new: Settings) -> Change:
    """Take over from ``new`` what can be changed live; name the rest by key (values may be secret)."""
    applied: list[str] = []
    waiting: list[str] = []
    settings: Settings = _merge(old, new, "", applied, waiting)
    return Change(settings, tuple(applied), tuple(waiting))


def _is_under(key: str, tables: tuple[str, ...]) -> bool:
    return any(key == table or key.startswith(f"{table}.") for table in tables)


def _merge(old: Any, new: Any, path: str, applied: list[str], waiting: list[str]) -> Any:
    taken: dict[str, Any] = {}
    for field in attrs.fields(type(old)):
        before, after = getattr(old, field.name), getattr(new, field.name)
        key = path + field.name
        if before == after:
            continue
        if attrs.has(type(before)) and not isinstance(before, Secret):
            taken[field.name] = _merge(before, after, f"{key}.", applied, waiting)
        elif is_live(key):
            applied.append(key)
            taken[field.name] = after
        else:
            waiting.append(key)
    return attrs.evolve(old, **taken) if taken else old


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
