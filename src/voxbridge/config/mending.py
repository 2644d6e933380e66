"""What is put right in the tables as TOML gave them, and told to the operator: numbers out of range, former names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import attrs

from voxbridge.config.catalogue import fields_of, is_list_of_tables, is_named_tables, is_table, table_within
from voxbridge.config.kinds import STAGES, find_kind
from voxbridge.config.original import Elsewhere
from voxbridge.config.rules import ClampRule
from voxbridge.errors import ConfigError, shown


@attrs.frozen
class Clamped:
    """A number that was out of range, and what is used in its place.

    ``file`` names the file, or the environment variable; here and in the notes below.
    """

    file: str
    key: str
    value: float
    allowed: str
    used: float

    def __str__(self) -> str:
        got = shown(self.value)
        return f"{self.file}: {self.key}: out of range (got {got}). Allowed: {self.allowed}. Used: {self.used}"


@attrs.frozen
class Renamed:
    """A setting that stands under its former name, which still works."""

    file: str
    key: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: is called {self.name} now; the former name still works"


@attrs.frozen
class Unused:
    """A variable of the environment that sets what the chosen kind of backend does not have."""

    file: str
    key: str
    kind: str

    def __str__(self) -> str:
        return f'{self.file}: {self.key}: has no effect with kind = "{self.kind}"'


Note = Clamped | Renamed | Unused | Elsewhere


def class_of(raw: Any, cls: type) -> type:
    """Return the class of a table's settings: of a stage's table the class of the kind that it names.

    Raises: ConfigError: there is no such kind.
    """
    stage = STAGES.get(cls)
    if stage is None or not isinstance(raw, dict) or "kind" not in raw:
        return cls
    name = raw["kind"]
    if not isinstance(name, str):
        raise ConfigError("is of the wrong type", key="kind", value=shown_type(name), allowed="a text in quotes")
    found: type = find_kind(stage, name).settings
    return found


def shown_type(raw: object) -> object:
    """Return what a message may show of a value of the wrong type: it, or its type."""
    return raw if isinstance(raw, str | int | float) else type(raw).__name__


def mend(raw: Any, cls: type, path: str = "") -> Iterator[Note]:
    """Put right a table and those inside it, and yield what was done; ``raw`` is changed in place.

    What is no number, NaN included, is left for the rules to refuse. ``file`` is not known here and stays empty.

    Raises: ConfigError: something is set under both of its names, or in a backup though it holds for all of a stage.
    """
    if not isinstance(raw, dict):
        return
    try:
        cls = class_of(raw, cls)
    except ConfigError:  # the reading of the table says so, among all that is wrong
        return
    for field in fields_of(cls):
        yield from _renamed(raw, field, path)
        value, key = raw.get(field.name), path + field.name
        rule = field.metadata.get("rule")
        if isinstance(rule, ClampRule):
            used = rule.nearest(value)
            if used is not None:
                raw[field.name] = used
                yield Clamped("", key, value, rule.range, used)  # type: ignore[arg-type] # nearest() takes numbers only
        elif is_list_of_tables(field) and isinstance(value, list):
            for index, item in enumerate(value):
                _refuse_once(item, get_args(field.type)[0], f"{key}[{index}].", path)
                yield from mend(item, get_args(field.type)[0], f"{key}[{index}].")
        elif is_named_tables(field) and isinstance(value, dict):
            for name, item in value.items():
                yield from mend(item, get_args(field.type)[1], f'{key}."{name}".')
        elif is_table(field):
            yield from mend(value, field.type, f"{key}.")  # type: ignore[arg-type]
        elif (inside := table_within(field)) is not None:
            yield from mend(value, inside, f"{key}.")


def _refuse_once(raw: Any, cls: type, path: str, stage_path: str) -> None:
    """Refuse in a backup what holds for the whole stage; of backups' backups their class speaks."""
    for field in fields_of(cls):
        if isinstance(raw, dict) and field.name in raw and field.metadata["once"] and field.name != "backup":
            table = stage_path.rstrip(".")
            raise ConfigError(f"holds for the backups too: write it into [{table}]", key=path + field.name)


def _renamed(raw: dict[str, Any], field: attrs.Attribute[Any], path: str) -> Iterator[Renamed]:
    for former in field.metadata.get("was", ()):
        inside, _, name = former.rpartition(".")
        table = raw.get(inside) if inside else raw
        if not isinstance(table, dict) or name not in table:
            continue
        if field.name in raw:
            raise ConfigError(f"is the former name of {path}{field.name}, which is set as well", key=path + former)
        raw[field.name] = table.pop(name)
        yield Renamed("", path + former, path + field.name)
