"""The settings told to people: what is set (secrets masked), which keys there are, and the commented template."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import attrs

from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings

MASK = "***"
_WIDTH = 100


def describe(settings: Settings) -> dict[str, Any]:
    """Return every setting by its dotted key, fit for JSON; of a secret only whether it is set."""
    return {key: _shown(value) for key, value in _leaves(settings, "")}


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Return the values that must never be seen, for the log's mask."""
    return tuple(_secrets_in(settings))


def _secrets_in(value: Any) -> Iterator[str]:
    match value:
        case Secret():
            if value:
                yield value.reveal()
        case dict():
            for item in value.values():
                yield from _secrets_in(item)
        case tuple():
            for item in value:
                yield from _secrets_in(item)
        case _ if attrs.has(type(value)):
            for _, item in _leaves(value, ""):
                yield from _secrets_in(item)
        case _:
            pass


def all_keys(cls: type, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the type of every setting and table below an attrs class."""
    for field in attrs.fields(attrs.resolve_types(cls)):
        yield path + field.name, field.type
        if _is_table(field):
            yield from all_keys(field.type, f"{path}{field.name}.")


def template() -> str:
    """Return a configuration file in which every setting stands as a comment, with its help and its default.

    As it is, it says nothing. A line that starts with ``#`` and no space is a setting to be uncommented.
    """
    head = [
        "# VoxBridge. Every line that is commented out shows the default (or an example, where there is none).",
        "# `voxbridge check` says what is wrong with this file. Secrets may be given as a text, or as",
        '# { file = "/path" }, { env = "NAME" } or { credential = "name" } (systemd).',
    ]
    return "\n".join([*head, *_table_lines(Settings, ""), ""])


def _table_lines(cls: type, path: str) -> Iterator[str]:
    fields = attrs.fields(attrs.resolve_types(cls))
    for field in fields:
        if not _is_table(field):
            yield from _setting_lines(field)
    for field in fields:
        if _is_table(field):
            yield from ["", f"[{path}{field.name}]", *_comment(field.metadata["help"])]
            yield from _table_lines(field.type, f"{path}{field.name}.")


def _setting_lines(field: attrs.Attribute[Any]) -> Iterator[str]:
    help_text, rule, example = (field.metadata[name] for name in ("help", "rule", "example"))
    says = f"{help_text} Allowed: {rule.allowed}." if rule is not None else help_text
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # a class, which the stubs show as a function
        default = default.factory()
    yield from ["", *_comment(says), f"#{field.name} = {_toml(default if example is None else example)}"]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False)  # TOML writes these as JSON does
        case _:
            raise TypeError(f"a setting of type {type(value).__name__} wants an example that TOML can write")


def _toml_key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)


def _leaves(section: Any, path: str) -> Iterator[tuple[str, Any]]:
    for field in attrs.fields(attrs.resolve_types(type(section))):
        value = getattr(section, field.name)
        if _is_table(field):
            yield from _leaves(value, f"{path}{field.name}.")
        else:
            yield path + field.name, value


def _shown(value: Any) -> Any:
    match value:
        case Secret():
            return MASK if value else ""
        case dict():
            return {key: _shown(item) for key, item in value.items()}
        case tuple():
            return [_shown(item) for item in value]
        case _ if attrs.has(type(value)):  # a backup: a table in a list
            return {key: _shown(item) for key, item in _leaves(value, "")}
        case _:
            return value


def _is_table(field: attrs.Attribute[Any]) -> bool:
    return isinstance(field.type, type) and attrs.has(field.type) and field.type is not Secret
