"""[privacy] and [storage]: who may be heard, and where what lasts is kept."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import matches, one_of, option

_ID = matches(r"\d{1,20}", "a number (Discord's developer mode copies it)")


@attrs.frozen
class PrivacySettings:
    """[privacy]."""

    mode: str = option(
        "open",
        "Who is heard: open hears everybody but those who said no with /privacy; opt-out does the same, and hears "
        "nobody who has not agreed while the choices cannot be read; opt-in hears only those who have agreed.",
        one_of("open", "opt-out", "opt-in"),
        live=True,
    )
    allow_users: tuple[str, ...] = option(
        (),
        "Only these users, and those with a role of allow_roles, may be heard. If both lists are empty, everybody may.",
        _ID,
        example=["123456789012345678"],
        live=True,
    )
    allow_roles: tuple[str, ...] = option(
        (), "Only members with one of these roles may be heard.", _ID, example=["123456789012345678"], live=True
    )
    deny_users: tuple[str, ...] = option(
        (), "These users are never heard.", _ID, example=["123456789012345678"], live=True
    )
    deny_roles: tuple[str, ...] = option(
        (), "Members with one of these roles are never heard.", _ID, example=["123456789012345678"], live=True
    )


@attrs.frozen
class StorageSettings:
    """[storage]."""

    file: str = option(
        "",
        "The SQLite file for what lasts over restarts, such as who may be heard; by default voxbridge.db in systemd's "
        "StateDirectory=, in $XDG_STATE_HOME/voxbridge or in ~/.local/state/voxbridge.",
        example="/var/lib/voxbridge/voxbridge.db",
    )
