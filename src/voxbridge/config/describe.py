"""The settings told to people: what is set (secrets masked), which keys there are, and the commented template."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from voxbridge.config.catalogue import Entry, default_of, entries, fields_of, is_table
from voxbridge.config.kinds import STAGES, kind_names
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


def template(given: Mapping[str, Any] | None = None) -> str:
    """Return a configuration file in which every setting stands as a comment, with its help and its default.

    What is ``given``, by dotted key, is set; without that, the file says nothing. A line that starts with ``#`` and no
    space is a setting to be uncommented. What only some kinds of backend have says so.
    """
    head = [
        "# VoxBridge. Every line that is commented out shows the default (or an example, where there is none).",
        "# `voxbridge check` says what is wrong with this file. Secrets may be given as a text, or as",
        '# { file = "/path" }, { env = "NAME" } or { credential = "name" } (systemd).',
    ]
    return "\n".join([*head, *_template_lines(entries(), given or {}), ""])


def _template_lines(found: list[Entry], given: Mapping[str, Any]) -> Iterator[str]:
    for table in dict.fromkeys(entry.table for entry in found):
        inside = [entry for entry in found if entry.table == table]
        # a table that not every kind has would be a mistake where it stands alone
        kinds = _with_kinds(inside[0].kinds)
        heading = f"#{inside[0].heading}" if inside[0].heading else f"{'#' if kinds else ''}[{table}]"
        yield from ["", heading, *_comment(kinds + inside[0].table_about)]
        for entry in inside:
            value = given.get(entry.key)
            if entry.kinds and given.get(f"{table}.kind") not in entry.kinds:
                value = None  # an option of the same name that other kinds have
            yield from _setting_lines(entry, "" if kinds else _with_kinds(entry.kinds), value)


def _with_kinds(kinds: tuple[str, ...]) -> str:
    return f"With kind = {' | '.join(kinds)}: " if kinds else ""


def allowed_of(entry: Entry) -> str:
    """Return in words what an option may be; empty where its type says it all."""
    stage, _, name = entry.key.partition(".")
    if name == "kind" and stage in STAGES.values():
        return " | ".join(kind_names(stage))  # type: ignore[arg-type]
    rule = entry.field.metadata["rule"]
    return "" if rule is None else str(rule.allowed)


def _setting_lines(entry: Entry, kinds: str, value: Any) -> Iterator[str]:
    field, allowed = entry.field, allowed_of(entry)
    about = kinds + field.metadata["help"]
    says = f"{about} Allowed: {allowed}." if allowed else about
    example = field.metadata["example"]
    shown = default_of(field) if example is None else example
    line = f"#{field.name} = {as_toml(shown)}" if value is None else f"{field.name} = {as_toml(value)}"
    yield from ["", *_comment(says), line]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def as_toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    match value:
        case dict():
            return "{ " + ", ".join(f"{_toml_key(key)} = {as_toml(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(as_toml(item) for item in value) + "]"
        case bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False)  # TOML writes these as JSON does
        case _:
            raise TypeError(f"a setting of type {type(value).__name__} wants an example that TOML can write")


def _toml_key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)


def _leaves(section: Any, path: str, *, is_backup: bool = False) -> Iterator[tuple[str, Any]]:
    for field in fields_of(type(section)):
        value = getattr(section, field.name)
        if is_backup and field.metadata["once"]:
            continue  # the first one's holds
        if is_table(field):
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
        case _ if attrs.has(type(value)):
            return {key: _shown(item) for key, item in _leaves(value, "", is_backup=True)}
        case _:
            return value
