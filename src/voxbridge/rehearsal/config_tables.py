"""From settings back to tables, so that a child process can be given exactly what was loaded here."""

from __future__ import annotations

from typing import Any

import attrs

from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings


def tables_of(settings: Settings) -> dict[str, Any]:
    """Return ``settings`` as tables for a TOML file, secrets revealed: for a private file only."""
    tables: dict[str, Any] = _plain(settings)
    return tables


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return value.reveal()
        case tuple():
            return [_backup(item) if attrs.has(type(item)) else _plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _ if attrs.has(type(value)):
            items = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
            # TOML has no None: a key that is not there has its default, which is None where None is possible.
            return {name: _plain(item) for name, item in items.items() if item is not None}
        case _:
            return value


def _backup(value: Any) -> dict[str, Any]:
    """Return a backup's table: what holds for the whole stage stands in the first one's."""
    table: dict[str, Any] = _plain(value)
    for field in attrs.fields(type(value)):
        if field.metadata["once"]:
            table.pop(field.name, None)
    return table
