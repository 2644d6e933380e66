"""From settings back to tables, so that a child process can be given exactly what was loaded here."""

from __future__ import annotations

from typing import Any

import attrs

from voxbridge.config.settings import Secret, Settings


def tables_of(settings: Settings) -> dict[str, Any]:
    """Return ``settings`` as tables for a TOML file, secrets revealed: for a private file only."""
    return _without_none(attrs.asdict(settings, value_serializer=_reveal))


def _reveal(_owner: object, _field: object, value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    return list(value) if isinstance(value, tuple) else value


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    """Drop what TOML cannot say: a key that is not there has its default, which is None where None is possible."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
