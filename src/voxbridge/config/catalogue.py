"""Every option there is, with the kinds of backend that have it: what the template, the page and the checks go by."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, TypeAlias, get_args, get_origin

import attrs

from voxbridge.config.kinds import STAGES, usable_kinds
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.errors import StageName

Field: TypeAlias = "attrs.Attribute[Any]"


@attrs.frozen
class Entry:
    """One option: its dotted key, its field, and what is said of its table.

    ``kinds`` are those that have it; empty if all of the stage's have, or if it is no backend's.
    """

    key: str
    field: Field
    table_about: str = ""
    kinds: tuple[str, ...] = ()
    heading: str = ""
    """How its table is written, if there may be several of it or none: [profile.NAME], [[guild]]."""

    @property
    def table(self) -> str:
        """Return the key of the table that it stands in."""
        return self.key.rpartition(".")[0]


def fields_of(cls: type) -> list[Field]:
    """Return the settings of a class, types resolved; ``kind`` comes first, wherever it was declared anew."""
    return sorted(attrs.fields(attrs.resolve_types(cls)), key=lambda field: field.name != "kind")


def is_table(field: Field) -> bool:
    """Tell whether a setting is a table of settings."""
    return isinstance(field.type, type) and attrs.has(field.type) and field.type is not Secret


def is_list_of_tables(field: Field) -> bool:
    """Tell whether a setting is a list of tables: backups."""
    return get_origin(field.type) is tuple and attrs.has(get_args(field.type)[0])


def is_named_tables(field: Field) -> bool:
    """Tell whether a setting is a table of tables, by names of the operator's: [profile.NAME]."""
    return get_origin(field.type) is dict and _is_section(get_args(field.type)[1])


def _is_section(kind: Any) -> bool:
    return attrs.has(kind) and kind is not Secret


def table_within(field: Field) -> type | None:
    """Return the class of a table that may be missing, or None if it is something else."""
    kind: Any = field.type
    inside = [each for each in get_args(kind) if each is not type(None)]
    return inside[0] if isinstance(kind, UnionType) and len(inside) == 1 and _is_section(inside[0]) else None


def default_of(field: Field) -> Any:
    """Return a setting's default."""
    default: Any = field.default
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type] # a class


def entries() -> list[Entry]:
    """Return every option, in the order of the tables; a stage's common ones before those of single kinds.

    Kinds that declare an option alike share an entry.
    """
    return list(_entries_of(Settings, ""))


def keys(root: type = Settings) -> set[str]:
    """Return the dotted key of every option and every table of the configuration, or of another kind of file."""
    found = {entry.key for entry in _entries_of(root, "")}
    return found | {key.rpartition(".")[0] for key in found} - {""}


def _entries_of(cls: type, path: str, about: str = "") -> Iterator[Entry]:
    for field in fields_of(cls):
        key, help_text = f"{path}{field.name}", field.metadata["help"]
        if isinstance(field.type, type) and field.type in STAGES:
            yield from _entries_of_stage(STAGES[field.type], field.type, help_text)
        elif is_table(field):
            yield from _entries_of(field.type, f"{key}.", help_text)  # type: ignore[arg-type]
        elif is_named_tables(field):
            yield from _entries_of_many(get_args(field.type)[1], f"{key}.NAME", f"[{key}.NAME]", help_text)
        elif not path and is_list_of_tables(field):
            yield from _entries_of_many(get_args(field.type)[0], key, f"[[{key}]]", help_text)
        else:
            yield Entry(key, field, about)


def _entries_of_many(cls: type, key: str, heading: str, about: str) -> Iterator[Entry]:
    for entry in _entries_of(cls, f"{key}.", about):
        yield attrs.evolve(entry, heading=heading)


def _entries_of_stage(stage: StageName, base: type, about: str) -> Iterator[Entry]:
    yield from _entries_of(base, f"{stage}.", about)
    common = {field.name for field in fields_of(base)}
    found: dict[object, Entry] = {}
    for name, kind in usable_kinds(stage).items():
        for entry in _entries_of(kind.settings, f"{stage}.", about):
            if entry.key.removeprefix(f"{stage}.") in common:
                continue
            said = _said_of(entry)
            before = found.get(said)
            found[said] = attrs.evolve(entry, kinds=(*(before.kinds if before else ()), name))
    order = list(dict.fromkeys(entry.key for entry in found.values()))
    yield from sorted(found.values(), key=lambda entry: order.index(entry.key))


def _said_of(entry: Entry) -> tuple[object, ...]:
    """Return all that people are told of an option: what is alike stands there once."""
    metadata = entry.field.metadata
    rule = metadata["rule"]
    allowed = "" if rule is None else rule.allowed
    return (entry.key, str(entry.field.default), metadata["help"], allowed, str(metadata["example"]))
